# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack learning-curve`: accuracy after training on increasing numbers of questions."""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dpr_haystack.cli.bad_records import SkippedRecords, add_questions, questions_of
from dpr_haystack.cli.common import add_place, location_of, whole_number
from dpr_haystack.cli.evaluation_table import TITLES
from dpr_haystack.cli.train import add_config, overrides, training_progress

if TYPE_CHECKING:
    from dpr_haystack.workflows.evaluation.retrieval_judge import Ranks

SUMMARY = "measure accuracy over the number of training questions"
DESCRIPTION = """Trains on increasing parts of the training file and evaluates each trained pair over all passages of a
store or index, compared with BM25 and the untrained encoder (0 questions). Writes a table and a plot of top-k accuracy
over k into output_dir. After an interruption, the same command resumes."""
EXAMPLE = (
    "dpr-haystack learning-curve laptop model=demo/model train_file=mined.jsonl output_dir=curve --counts 0 1000 "
    "--store demo/store --questions demo/questions.jsonl"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_config(parser)
    add_place(parser)
    add_questions(parser, "file of evaluation questions")
    parser.add_argument(
        "--counts",
        type=int,
        nargs="+",
        default=[0, 1_000, 5_000, 20_000],
        metavar="N",
        help="numbers of training questions; 0 is the untrained encoder (default: 0 1000 5000 20000)",
    )
    parser.add_argument("--limit", type=whole_number, metavar="N", help="use only the first N evaluation questions")
    parser.add_argument(
        "--depth",
        type=whole_number,
        default=100,
        metavar="K",
        help="passages retrieved per question (default: 100)",
    )
    parser.add_argument("--regex", action="store_true", help="answers are regular expressions (CuratedTREC)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Train, evaluate, and print the table."""
    from pathlib import Path

    from dpr_haystack.core.files import write_atomically
    from dpr_haystack.workflows.drawing import require_drawing
    from dpr_haystack.workflows.evaluation.plot import plot_accuracy
    from dpr_haystack.workflows.opening import open_place
    from dpr_haystack.workflows.training.config import read_config
    from dpr_haystack.workflows.training.learning_curve import CurveOptions, learning_curve

    require_drawing("the plot of a learning curve", "train")
    config = read_config(arguments.config, overrides(arguments.settings))
    match = "regex" if arguments.regex else "string"
    options = CurveOptions(tuple(arguments.counts), arguments.depth, match)
    bad = SkippedRecords()
    questions = questions_of(arguments, arguments.limit)
    ranks = learning_curve(
        config,
        open_place(location_of(arguments)),
        questions,
        options,
        notify=lambda text: print(text, file=sys.stderr, flush=True),
        on_bad=bad,
        progress=training_progress(),
    )
    bad.print_count()
    root = Path(config.output_dir).expanduser()
    root.mkdir(parents=True, exist_ok=True)
    table = accuracies(ranks, options.depth)
    write_atomically(root / "learning-curve.csv", as_csv(table))
    plot_accuracy(root / "learning-curve.png", ranks, options.depth)
    print(json.dumps({"questions": len(questions), "systems": table}, indent=2) if arguments.json else as_table(table))
    return 0


Table = dict[str, dict[str, dict[int, float]]]
"""Accuracy in percent: by system, by kind of right passage (``gold``, ``answer``), by k."""


def accuracies(ranks: Mapping[str, Ranks], depth: int) -> Table:
    """Top-k accuracy of every system at k = 1, 5, 20 and 100.

    :param ranks: The ranks of each system.
    :param depth: The number of passages retrieved per question.
    """
    from dpr_haystack.core.metrics import KS, top_k_accuracy

    ks = [k for k in KS if k <= depth] or [depth]
    return {
        name: {
            kind: top_k_accuracy(of_kind, ks) for kind in ("gold", "answer") if (of_kind := getattr(of_system, kind))
        }
        for name, of_system in ranks.items()
    }


def as_csv(table: Table) -> str:
    """Format a table as CSV, one row per system and kind.

    :param table: The table.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    ks = list(next(iter(next(iter(table.values())).values())))
    writer.writerow(["system", "kind", *(f"top_{k}" for k in ks)])
    for name, kinds in table.items():
        for kind, values in kinds.items():
            writer.writerow([name, kind, *(f"{value:.4f}" for value in values.values())])
    return text.getvalue()


def as_table(table: Table) -> str:
    """Format a table as text.

    :param table: The table.
    """
    lines: list[str] = []
    for kind, title in TITLES.items():
        rows = {name: kinds[kind] for name, kinds in table.items() if kind in kinds}
        if not rows:
            continue
        width = max(len(name) for name in rows)
        ks = next(iter(rows.values()))
        lines += [f"{title} in the top k, %", " " * width + "".join(f"{k:>8}" for k in ks)]
        lines += [
            f"{name:<{width}}" + "".join(f"{value:>8.1f}" for value in row.values()) for name, row in rows.items()
        ]
        lines.append("")
    return "\n".join(lines).rstrip()
