# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack build-training-data`: a training file from questions with answers, or from passages."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dpr_haystack.cli.bad_records import print_skipped
from dpr_haystack.cli.common import add_place, existing_file, location_of, progress, whole_number
from dpr_haystack.cli.mine import add_rules, options_of, summary

if TYPE_CHECKING:
    from dpr_haystack.components.retrievers.common import AnyStore
    from dpr_haystack.core.passages import Passage
    from dpr_haystack.core.progress import Progress
    from dpr_haystack.errors import DataError
    from dpr_haystack.formats.training import TrainingExample

SUMMARY = "make a training file from questions with answers"
DESCRIPTION = """Reads questions (SQuAD JSON, DPR qas.csv, JSON lines; each also .gz) and finds a positive passage for
each of them in a store or index, as in the paper: its gold passage, the piece of its gold passage that contains the
answer, or the best BM25 result that does. Questions without a positive are left out. Hard negatives come from BM25.
The source of each positive is recorded. Without questions, --pseudo makes pseudo-questions from the passages."""
EXAMPLE = "dpr-haystack build-training-data demo/questions.jsonl --store demo/store --output train.jsonl"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("questions", nargs="?", type=existing_file, metavar="FILE", help="file of questions")
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

    if (arguments.questions is None) == (arguments.pseudo is None):
        msg = "give either a file of questions or --pseudo KIND"
        raise InputError(msg)
    options, tally = options_of(arguments, "bm25"), Tally()
    store = open_place(location_of(arguments))
    bad: list[DataError] = []
    with progress("questions", arguments.limit) as step:
        if arguments.pseudo:
            examples, describe = _from_passages(store, arguments, step)
        else:
            examples, describe = _from_questions(store, arguments, bad, step)
        count = write_training(arguments.output, mine_hard_negatives(examples, store, options=options, tally=tally))
    print_skipped(bad)
    print(f"{count} examples {describe()}")
    print("\n".join(summary(tally)))
    return 0


def _from_questions(
    store: AnyStore, arguments: argparse.Namespace, bad: list[DataError], step: Progress
) -> tuple[Iterator[TrainingExample], Callable[[], str]]:
    """The examples, and a function that describes them once they are made."""
    from itertools import islice

    from dpr_haystack.formats.questions import read_questions
    from dpr_haystack.workflows.training.training_data import BuildReport, build_examples

    report = BuildReport()
    questions = islice(read_questions(arguments.questions, bad.append if arguments.skip_bad else None), arguments.limit)
    examples = build_examples(
        questions,
        store,
        gold_passages=_gold_passages(arguments.questions),
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


def _gold_passages(path: Path) -> Mapping[str, Passage]:
    """The passages in a file of questions, by id: SQuAD's paragraphs."""
    from dpr_haystack.formats.open_text import parse_json, read_text, suffix_of
    from dpr_haystack.formats.squad import is_squad, squad_passages

    if suffix_of(path) != ".json":
        return {}
    content = parse_json(read_text(path), path)
    return {passage.id: passage for passage in squad_passages(content, path)} if is_squad(content) else {}
