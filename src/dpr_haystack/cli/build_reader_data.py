# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack build-reader-data`: questions with retrieved passages and the places of answers, to train readers."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from dpr_haystack.cli.bad_records import add_qrels, check_keeps_questions, questions_of
from dpr_haystack.cli.common import (
    add_place,
    add_question_model,
    existing_path,
    hybrid_search,
    location_of,
    progress,
    whole_number,
)

if TYPE_CHECKING:
    from dpr_haystack.components.retrievers.hybrid_search import HybridSearch
    from dpr_haystack.workflows.opening import Place
    from dpr_haystack.workflows.training.reader_data import ReaderDataOptions, ReaderDataReport

SUMMARY = "retrieve passages for questions, to train a reader"
DESCRIPTION = """Reads questions with answers (the same files as build-training-data), searches passages for each of
them by BM25, DPR or both combined (hybrid), and writes them in the JSON format of DPR's retriever, with the places of
the answers in every passage. Where the file of questions has the gold passage (SQuAD), it is added if the search did
not return it, with the answers as people marked them. Questions of which no passage contains an answer are left out."""
EXAMPLE = "dpr-haystack build-reader-data demo/questions.jsonl --store demo/store --output reader.jsonl"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        "file", nargs="?", type=existing_path, metavar="PATH", help="file of questions, or a BEIR folder"
    )
    parser.add_argument("--questions", type=existing_path, metavar="PATH", help="the same as PATH")
    add_qrels(parser)
    add_place(parser)
    parser.add_argument("--output", required=True, metavar="FILE", help="file to write: .jsonl or .json, also .gz")
    parser.add_argument(
        "--by", choices=["bm25", "dpr", "hybrid"], default="hybrid", help="search (default: %(default)s)"
    )
    parser.add_argument(
        "--top-k", type=whole_number, default=100, metavar="N", help="passages per question (default: %(default)s)"
    )
    parser.add_argument(
        "--max-positives",
        type=whole_number,
        metavar="N",
        help="keep only the first N passages that contain an answer (20 in the original DPR; default: all)",
    )
    parser.add_argument(
        "--max-negatives",
        type=whole_number,
        metavar="N",
        help="keep only the first N passages that contain none (50 in the original DPR; default: all)",
    )
    parser.add_argument(
        "--retrieved-only",
        action="store_true",
        help="do not add gold passages that the search did not return: for questions that a reader is judged with",
    )
    parser.add_argument(
        "--keep-unanswered",
        action="store_true",
        help="keep questions of which no passage contains an answer, marked as impossible",
    )
    parser.add_argument("--limit", type=whole_number, metavar="N", help="use only the first N questions")
    parser.add_argument("--skip-bad", action="store_true", help="skip bad questions and list them")
    add_question_model(parser)


def run(arguments: argparse.Namespace) -> int:
    """Build, and say how many questions have which passages."""
    from dpr_haystack.errors import InputError
    from dpr_haystack.formats.reader_examples import write_reader_examples
    from dpr_haystack.workflows.opening import opened_place
    from dpr_haystack.workflows.training.reader_data import ReaderDataReport, build_reader_examples

    if (arguments.file is None) == (arguments.questions is None):
        msg = "give one file of questions"
        raise InputError(msg)
    arguments.questions = arguments.questions or arguments.file
    check_keeps_questions(arguments, f"--output {arguments.output}", Path(arguments.output))
    options, report = _options_of(arguments), ReaderDataReport()
    questions = questions_of(arguments, arguments.limit)
    with opened_place(location_of(arguments)) as place, progress("questions", len(questions)) as step:
        hybrid = _hybrid(place, arguments)
        examples = build_reader_examples(questions, place.search, hybrid, options, report=report, progress=step)
        write_reader_examples(arguments.output, examples)
    for line in _summary(arguments, report):
        print(line)
    return 0


def _options_of(arguments: argparse.Namespace) -> ReaderDataOptions:
    from dpr_haystack.workflows.training.reader_data import ReaderDataOptions

    return ReaderDataOptions(
        by=arguments.by,
        top_k=arguments.top_k,
        max_positives=arguments.max_positives,
        max_negatives=arguments.max_negatives,
        add_gold=not arguments.retrieved_only,
        keep_unanswered=arguments.keep_unanswered,
    )


def _hybrid(place: Place, arguments: argparse.Namespace) -> HybridSearch | None:
    """Both searches, with the question tower loaded; None where only BM25 is needed or possible."""
    if arguments.by == "bm25" or not place.search.has_vectors():
        return None
    hybrid = hybrid_search(place, arguments, is_fusing=arguments.by == "hybrid")
    hybrid.tower.warm_up()
    return hybrid


def _summary(arguments: argparse.Namespace, report: ReaderDataReport) -> list[str]:
    count = max(report.written, 1)
    means = f"{report.positives / count:.1f} passages with an answer and {report.negatives / count:.1f} without"
    lines = [f"{report.written} of {report.questions} questions in {arguments.output}: {means} per question"]
    if report.gold_added:
        lines.append(f"  gold passages added that the search did not return: {report.gold_added}")
    if report.unanswered:
        kept = "kept, marked as impossible" if arguments.keep_unanswered else "left out; --keep-unanswered keeps them"
        lines.append(f"  questions without an answer in their passages: {report.unanswered}, {kept}")
    if report.without_answers:
        lines.append(f"  questions that have no answers: {report.without_answers}, left out")
    return lines
