# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack build-training-data`: a training file from questions with answers, or from passages."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from dpr_haystack.cli.bad_records import add_qrels, check_keeps_questions, questions_of
from dpr_haystack.cli.common import add_place, existing_path, location_of, progress, whole_number
from dpr_haystack.cli.mine import add_rules, options_of, summary
from dpr_haystack.cli.table_options import table_options

if TYPE_CHECKING:
    from dpr_haystack.components.retrievers.common import AnyStore
    from dpr_haystack.core.progress import Progress
    from dpr_haystack.formats.training import TrainingExample

SUMMARY = "make a training file from questions with answers"
DESCRIPTION = """Reads questions (SQuAD JSON, DPR qas.csv, JSON lines, tables, Parquet, BEIR folders, TREC topics with
qrels) and finds a positive passage for each of them in a store or index, as in the paper: its gold passage, the piece
of its gold passage that contains the answer, or the best BM25 result that does. Questions without a positive are left
out. Hard negatives come from BM25. The source of each positive is recorded. Without questions, --pseudo makes
pseudo-questions from the passages."""
EXAMPLE = "dpr-haystack build-training-data demo/questions.jsonl --store demo/store --output train.jsonl"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        "file", nargs="?", type=existing_path, metavar="PATH", help="file of questions, or a BEIR folder"
    )
    parser.add_argument("--questions", type=existing_path, metavar="PATH", help="the same as PATH")
    add_qrels(parser)
    parser.add_argument(
        "--pseudo",
        nargs="+",
        choices=["inverse-cloze", "title", "crop"],
        metavar="KIND",
        help="make pseudo-questions from the passages instead: inverse-cloze, title or crop; they are marked as such",
    )
    add_place(parser)
    parser.add_argument(
        "--output", required=True, metavar="FILE", help="training file to write: .jsonl or .json, also .gz"
    )
    parser.add_argument("--limit", type=whole_number, metavar="N", help="use only the first N questions or passages")
    parser.add_argument("--skip-bad", action="store_true", help="skip bad questions and list them")
    parser.add_argument(
        "--depth",
        type=whole_number,
        default=100,
        metavar="N",
        help="number of BM25 results to check for an answer (default: %(default)s)",
    )
    add_rules(parser)


def run(arguments: argparse.Namespace) -> int:
    """Build, and say where positives came from."""
    from dpr_haystack.core.negatives import Tally
    from dpr_haystack.errors import InputError
    from dpr_haystack.formats.training import write_training
    from dpr_haystack.workflows.opening import open_place
    from dpr_haystack.workflows.training.mining import mine_hard_negatives

    given = [value for value in (arguments.file, arguments.questions, arguments.pseudo) if value is not None]
    if len(given) != 1:
        msg = "give either a file of questions, as PATH or with --questions, or --pseudo KIND"
        raise InputError(msg)
    if arguments.pseudo:
        table_options(arguments).check_table("--pseudo")
    arguments.questions = arguments.questions or arguments.file
    if arguments.questions is not None:
        check_keeps_questions(arguments, f"--output {arguments.output}", Path(arguments.output))
    options, tally = options_of(arguments, "bm25"), Tally()
    store = open_place(location_of(arguments))
    with progress("questions", arguments.limit) as step:
        if arguments.pseudo:
            examples, describe = _from_passages(store, arguments, step)
        else:
            examples, describe = _from_questions(store, arguments, step)
        count = write_training(arguments.output, mine_hard_negatives(examples, store, options=options, tally=tally))
    print(f"{count} examples {describe()}")
    print("\n".join(summary(tally)))
    return 0


def _from_questions(
    store: AnyStore, arguments: argparse.Namespace, step: Progress
) -> tuple[Iterator[TrainingExample], Callable[[], str]]:
    """The examples, and a function that describes them once they are made."""
    from dpr_haystack.workflows.training.training_data import BuildReport, build_examples

    report, questions = BuildReport(), questions_of(arguments, arguments.limit)
    examples = build_examples(
        questions,
        store,
        gold_passages={passage.id: passage for question in questions for passage in question.contexts},
        match="regex" if arguments.regex else "string",
        depth=arguments.depth,
        report=report,
        progress=step,
    )

    def describe() -> str:
        positives = report.positives
        return (
            f"from {report.questions} questions in {arguments.output}: the positives are {positives['gold']} gold "
            f"passages, {positives['mapped']} pieces of gold passages and {positives['found']} BM25 results; "
            f"{report.left_out} questions without a positive were left out"
        )

    return examples, describe


def _from_passages(
    store: AnyStore, arguments: argparse.Namespace, step: Progress
) -> tuple[Iterator[TrainingExample], Callable[[], str]]:
    """The examples, and a function that describes them once they are made."""
    from dpr_haystack.workflows.opening import all_passages
    from dpr_haystack.workflows.training.weak_supervision import WeakReport, pseudo_examples

    report = WeakReport()
    passages = all_passages(store)[: arguments.limit]
    made = pseudo_examples(passages, arguments.pseudo, seed=arguments.seed, report=report)

    def counted() -> Iterator[TrainingExample]:
        for example in made:
            yield example
            step(1)

    def describe() -> str:
        kinds = ", ".join(f"{count} by {kind}" for kind, count in report.made.items() if count)
        return f"from {report.passages} passages in {arguments.output}: {kinds or 'no passage is long enough'}"

    return counted(), describe
