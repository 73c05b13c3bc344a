# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack evaluate`: top-k accuracy of BM25, DPR and hybrid search, and how good a reader's answers are."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dpr_haystack.cli.bad_records import add_questions, questions_of
from dpr_haystack.cli.common import (
    add_place,
    add_question_model,
    add_reader,
    hybrid_search,
    location_of,
    open_output,
    progress,
    reader_of,
    whole_number,
)
from dpr_haystack.cli.evaluation_files import add_files, check_files, draw_plot, recorders
from dpr_haystack.cli.evaluation_table import as_table
from dpr_haystack.cli.hybrid_options import told

if TYPE_CHECKING:
    from dpr_haystack.backends.passage_search import PassageSearch
    from dpr_haystack.components.retrievers.hybrid_search import HybridSearch
    from dpr_haystack.formats.question import Question
    from dpr_haystack.workflows.evaluation.evaluate import EvaluationReport
    from dpr_haystack.workflows.evaluation.reader_judge import ReadingJudge
    from dpr_haystack.workflows.opening import Place

SUMMARY = "measure top-k accuracy, and a reader's answers"
DESCRIPTION = """Asks every question of a file (SQuAD JSON, DPR qas.csv, JSON lines; each also .gz) and prints in how
many of them, in percent, a right passage was among the first k: the gold passage, and any passage with an answer; with
95% bootstrap intervals, the mean reciprocal rank of the first right passage (MRR, in percent too), and how likely a
difference between two systems is luck (p, exact paired randomisation test).
With --reader also how many answers are right (exact match and F1, with 95% intervals), and where the others were lost:
to retrieval, to the choice of the passage, or to the choice of the span in it."""
EXAMPLE = "dpr-haystack evaluate --store demo/store --questions demo/questions.jsonl"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this command."""
    add_place(parser)
    add_questions(parser, "the questions")
    parser.add_argument(
        "--top-k", type=whole_number, nargs="+", default=[1, 5, 20, 100], metavar="K", help="default: 1 5 20 100"
    )
    parser.add_argument("--limit", type=whole_number, metavar="N", help="ask the first N questions only")
    parser.add_argument("--regex", action="store_true", help="answers are regular expressions (CuratedTREC)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--modes", nargs="+", choices=["bm25", "dpr", "hybrid"], help="default: all that there are")
    add_question_model(parser)
    add_reader(parser, "a reader; without one only passages are judged")
    parser.add_argument(
        "--passages", type=whole_number, nargs="+", default=[10, 50], metavar="N", help="passages read: 10 50"
    )
    parser.add_argument(
        "--measures",
        nargs="*",
        metavar="M",
        help="also measures of ir_measures over the gold passages, e.g. AP nDCG@10; alone: R@k and nDCG@k for each k",
    )
    add_files(parser)


def run(arguments: argparse.Namespace) -> int:
    """Evaluate, and print the table."""
    questions = questions_of(arguments, arguments.limit)
    check_files(arguments, questions)
    report, fusion = _evaluated(arguments, questions)
    draw_plot(arguments, report)
    print(json.dumps({**report.to_json(), **fusion}, indent=2) if arguments.json else as_table(report))
    return 0


def _evaluated(arguments: argparse.Namespace, questions: Sequence[Question]) -> tuple[EvaluationReport, dict[str, Any]]:
    """The report, and how the two lists were fused, if they were."""
    from dpr_haystack.components.retrievers.hybrid_search import systems_of
    from dpr_haystack.workflows.evaluation.evaluate import evaluate
    from dpr_haystack.workflows.opening import opened_place

    match = "regex" if arguments.regex else "string"
    ks = sorted(set(arguments.top_k))
    with opened_place(location_of(arguments)) as place:
        hybrid = _hybrid(place, arguments)
        systems = systems_of(hybrid, arguments.modes)
        with (
            _reading(place.search, systems, match, arguments) as reading,
            recorders(arguments, systems) as recording,
            progress("questions", len(questions)) as step,
        ):
            _say_what_was_fitted_on(hybrid, questions, systems)
            report = evaluate(
                place.search,
                questions,
                hybrid,
                ks=ks,
                match=match,
                systems=systems,
                reading=reading,
                measures=_measures(arguments.measures, ks),
                recorders=recording,
                progress=step,
            )
    return report, told(hybrid)


def _say_what_was_fitted_on(hybrid: HybridSearch | None, questions: Sequence[Question], systems: Sequence[str]) -> None:
    """Say it where hybrid's weight was fitted on questions that it is measured with now."""
    if hybrid is None or "hybrid" not in systems:
        return
    share = hybrid.settings.fitted_among(question.question for question in questions)
    if share:
        print(
            f"{100 * share:.0f}% of the questions that hybrid's weight was fitted on are among these, which "
            "flatters it: ask others, or go by what fit-hybrid has cross-validated",
            file=sys.stderr,
        )


def _measures(wanted: Sequence[str] | None, ks: Sequence[int]) -> Sequence[str]:
    if wanted is None or wanted:
        return wanted or ()
    return [f"{family}@{k}" for family in ("R", "nDCG") for k in ks]


def _hybrid(place: Place, arguments: argparse.Namespace) -> HybridSearch | None:
    """With its question tower loaded; None where BM25 is all there is or all that is wanted."""
    if arguments.modes == ["bm25"] or not place.search.has_vectors():
        return None
    is_hybrid = arguments.modes is None or "hybrid" in arguments.modes
    hybrid = hybrid_search(place, arguments, is_fusing=is_hybrid)
    hybrid.tower.warm_up()
    return hybrid


@contextmanager
def _reading(
    search: PassageSearch, systems: Sequence[str], match: str, arguments: argparse.Namespace
) -> Iterator[ReadingJudge | None]:
    """The judge of a reader, with its file of answers; None without a reader."""
    from dpr_haystack.workflows.evaluation.reader_judge import Judged, ReadingJudge

    if arguments.reader is None:
        yield None
        return
    reader = reader_of(arguments.reader, arguments)
    reader.warm_up()
    with ExitStack() as stack:
        file = None if arguments.output is None else stack.enter_context(open_output(arguments.output))

        def record(judged: Judged) -> None:
            if file is not None:
                file.write(json.dumps(asdict(judged), ensure_ascii=False) + "\n")

        yield ReadingJudge(search, reader, arguments.passages, systems, match=match, record=record)
