# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack build-training-data`: from questions with answers to a training file."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dpr_haystack.cli.bad_records import say_passed_over
from dpr_haystack.cli.common import add_place, existing_file, location_of, progress, whole_number
from dpr_haystack.cli.mine import add_rules, options_of, summary

if TYPE_CHECKING:
    from dpr_haystack.components.retrievers.common import AnyStore
    from dpr_haystack.core.passages import Passage
    from dpr_haystack.errors import DataError
    from dpr_haystack.formats.training import TrainingExample

SUMMARY = "make a training file of questions with answers"
DESCRIPTION = """Reads questions (SQuAD JSON, DPR qas.csv, JSON lines; each also .gz) and finds a positive passage for
each in a store or an index, as in the paper: its gold passage, or the piece of it that holds the answer, or else the
best passage by BM25 that does; questions without any are left out. Hard negatives come from BM25. Where each positive
is from is kept. Without questions, --pseudo makes some of the passages themselves."""
EXAMPLE = "dpr-haystack build-training-data demo/questions.jsonl --store demo/store --output train.jsonl"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this command."""
    parser.add_argument("questions", nargs="?", type=existing_file, metavar="FILE", help="the questions")
    parser.add_argument(
        "--pseudo",
        nargs="+",
        choices=["inverse-cloze", "title", "crop"],
        metavar="KIND",
        help="no questions: make some of the passages, by inverse-cloze, title or crop; they are marked",
    )
    add_place(parser)
    parser.add_argument("--output", required=True, metavar="FILE", help="where to write; .jsonl or .json, also .gz")
    parser.add_argument("--limit", type=whole_number, metavar="N", help="the first N questions or passages only")
    parser.add_argument("--skip-bad", action="store_true", help="pass over bad questions, and list them")
    parser.add_argument(
        "--depth", type=whole_number, default=100, metavar="N", help="passages looked at for an answer (default: 100)"
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
        msg = "name a file of questions, or --pseudo KIND to make some, and not both"
        raise InputError(msg)
    options, tally = options_of(arguments, "bm25"), Tally()
    store = open_place(location_of(arguments))
    bad: list[DataError] = []
    with progress("questions", arguments.limit) as step:
        if arguments.pseudo:
            built, told = _from_passages(store, arguments, step)
        else:
            built, told = _from_questions(store, arguments, bad, step)
        count = write_training(arguments.output, mine_hard_negatives(built, store, options=options, tally=tally))
    say_passed_over(bad)
    print(f"{count} examples {told()}")
    print("\n".join(summary(tally)))
    return 0


def _from_questions(
    store: AnyStore, arguments: argparse.Namespace, bad: list[DataError], step: Callable[[int], None]
) -> tuple[Iterator[TrainingExample], Callable[[], str]]:
    """The examples, and what to say of them once they are made."""
    from itertools import islice

    from dpr_haystack.formats.questions import read_questions
    from dpr_haystack.workflows.training.training_data import BuildReport, build_examples

    report = BuildReport()
    questions = islice(read_questions(arguments.questions, bad.append if arguments.skip_bad else None), arguments.limit)
    built = build_examples(
        questions,
        store,
        gold_passages=_gold_passages(arguments.questions),
        match="regex" if arguments.regex else "string",
        depth=arguments.depth,
        report=report,
        progress=step,
    )

    def told() -> str:
        of = report.positives
        return (
            f"of {report.questions} questions in {arguments.output}: positives are {of['gold']} gold passages, "
            f"{of['mapped']} pieces of gold passages, {of['found']} found by BM25; {report.left_out} questions have "
            "none and are left out"
        )

    return built, told


def _from_passages(
    store: AnyStore, arguments: argparse.Namespace, step: Callable[[int], None]
) -> tuple[Iterator[TrainingExample], Callable[[], str]]:
    """The examples, and what to say of them once they are made."""
    from dpr_haystack.workflows.opening import all_passages
    from dpr_haystack.workflows.training.weak_supervision import WeakReport, pseudo_examples

    report = WeakReport()
    passages = all_passages(store)[: arguments.limit]
    made = pseudo_examples(passages, arguments.pseudo, seed=arguments.seed, report=report)

    def counted() -> Iterator[TrainingExample]:
        for example in made:
            yield example
            step(1)

    def told() -> str:
        kinds = ", ".join(f"{count} by {kind}" for kind, count in report.made.items() if count)
        return f"of {report.passages} passages in {arguments.output}: {kinds or 'no passage is long enough'}"

    return counted(), told


def _gold_passages(path: Path) -> Mapping[str, Passage]:
    """The passages that a file of questions brings along, by id: SQuAD's paragraphs."""
    from dpr_haystack.formats.open_text import parse_json, read_text, suffix_of
    from dpr_haystack.formats.squad import is_squad, squad_passages

    if suffix_of(path) != ".json":
        return {}
    content = parse_json(read_text(path), path)
    return {passage.id: passage for passage in squad_passages(content, path)} if is_squad(content) else {}
