# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Compare kinds of negatives on SQuAD (as in the paper's table 3), training without questions, and a learning curve.

    python examples/squad/ablation.py --squad DIR --work DIR [--questions N] [SETTING=VALUE ...]

The folder --work is that of reproduce.py, which must have written mined1.jsonl. Every row is a training on N questions
(default: 20,000), evaluated on all dev questions over all passages by exact search. Finished trainings are not
repeated. Writes ``ablation.csv`` and ``learning-curve/`` into the folder.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from reproduce import HERE, Steps, found

AT_RANDOM = ["batch_size=64", "neighbourhood=0", "learning_rate=5e-5", "negative=random"]
ROWS: dict[str, tuple[str, list[str]]] = {
    "other questions' positives": ("bm25.jsonl", [*AT_RANDOM, "hard_negatives=0"]),
    "+ one BM25 negative": ("bm25.jsonl", [*AT_RANDOM, "hard_negatives=1"]),
    "+ one mined negative": ("mined1.jsonl", [*AT_RANDOM, "hard_negatives=1"]),
    "neighbours' positives": ("mined1.jsonl", ["batch_size=512", "neighbourhood=32", "hard_negatives=0"]),
    "no questions: inverse cloze": ("pseudo.jsonl", [*AT_RANDOM, "hard_negatives=0"]),
}
COLUMNS = ["questions", "training", "top_1", "top_5", "top_20", "top_100"]


def main() -> None:
    """Measure all rows, then the learning curve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--squad", type=Path, required=True, help="folder with SQuAD's two files")
    parser.add_argument("--work", type=Path, required=True, help="folder of reproduce.py")
    parser.add_argument("--questions", type=int, default=20_000, help="training questions of each row (default: 20000)")
    parser.add_argument(
        "--counts",
        type=int,
        nargs="*",
        default=[0, 1_000, 5_000, 20_000],
        help="numbers of training questions of the learning curve",
    )
    parser.add_argument("settings", nargs="*", help="settings of all trainings, e.g. max_steps=10; before any option")
    arguments = parser.parse_args()
    step = Steps(arguments.work)
    dev = str(found(arguments.squad, "dev-v1.1.json"))
    step(
        "pseudo.jsonl",
        "build-training-data",
        "--pseudo",
        "inverse-cloze",
        "--store",
        "store",
        "--output",
        "pseudo.jsonl",
    )
    for number, (name, (examples, settings)) in enumerate(ROWS.items(), 1):
        print(name, flush=True)
        measure(step, f"ablation/{number}", examples, [arguments.questions], [*settings, *arguments.settings], dev)
        write_table(arguments.work, arguments.questions, number)
    neighbours = [*ROWS["neighbours' positives"][1], "batch_size=128", *arguments.settings]
    measure(step, "learning-curve", "mined1.jsonl", arguments.counts, neighbours, dev)
    print((arguments.work / "ablation.csv").read_text(encoding="utf-8"))
    print((arguments.work / "learning-curve" / "learning-curve.csv").read_text(encoding="utf-8"))


def measure(step: Steps, folder: str, examples: str, counts: list[int], settings: list[str], dev: str) -> None:
    """Train on parts of a file and evaluate.

    :param step: Runs commands.
    :param folder: The output folder.
    :param examples: The training file.
    :param counts: Numbers of training questions.
    :param settings: Training settings.
    :param dev: The file of evaluation questions.
    """
    all_settings = [
        "model=base",
        f"train_file={examples}",
        f"output_dir={folder}",
        "epochs=1",
        "average_last=0",
        *settings,
    ]
    options = ["--counts", *map(str, counts), "--store", "store", "--questions", dev]
    config = str(HERE / "training.yml")
    step(f"{folder}/learning-curve.csv", "learning-curve", config, *all_settings, *options)


def write_table(work: Path, questions: int, rows: int) -> None:
    """Write the rows measured so far into one table, with BM25 first.

    :param work: The folder.
    :param questions: Training questions of each row.
    :param rows: How many rows were measured.
    """
    lines = []
    for number, name in enumerate(list(ROWS)[:rows], 1):
        with (work / "ablation" / str(number) / "learning-curve.csv").open(encoding="utf-8") as file:
            measured = {row["system"]: row for row in csv.DictReader(file) if row["kind"] == "gold"}
        if not lines:
            lines.append({**measured["BM25"], "questions": "", "training": "BM25"})
        lines.append({**measured[f"{questions} questions"], "questions": str(questions), "training": name})
    with (work / "ablation.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)


if __name__ == "__main__":
    main()
