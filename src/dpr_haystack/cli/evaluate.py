# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack evaluate`: top-k accuracy of BM25, DPR and hybrid search, and accuracy of a reader's answers."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dpr_haystack.cli.bad_records import add_questions, questions_of
from dpr_haystack.cli.common import (
    add_place,
    add_question_model,
    add_reader,
    hybrid_search,
    location_of,
    progress,
    reader_of,
    whole_number,
)
from dpr_haystack.cli.evaluation_files import add_files, answer_recorder, check_files, draw_plot, recorders
from dpr_haystack.cli.evaluation_table import as_table
from dpr_haystack.cli.hybrid_options import fusion_of

if TYPE_CHECKING:
    from dpr_haystack.backends.passage_search import PassageSearch
    from dpr_haystack.components.retrievers.hybrid_search import HybridSearch
    from dpr_haystack.formats.question import Question
    from dpr_haystack.workflows.evaluation.evaluate import EvaluationReport
    from dpr_haystack.workflows.evaluation.reader_judge import ReadingJudge
    from dpr_haystack.workflows.opening import Place

SUMMARY = "measure the accuracy of retrieval and of a reader"
DESCRIPTION = """Searches for every question of a file (SQuAD JSON, DPR qas.csv, JSON lines, tables, Parquet; most also
.gz), of a BEIR folder, or of a file with ids, such as TREC topics, and --qrels, and prints
top-k accuracy: the percentage of questions with a right passage among the first k, for gold passages and for passages
that contain an answer. Also prints 95% bootstrap intervals, the mean reciprocal rank of the first right passage (MRR,
in percent), and whether differences between systems are significant (p of an exact paired randomisation test).
With --reader, also prints the accuracy of its answers (exact match and F1, with 95% intervals) and the share of
questions lost to retrieval, to the selection of the passage, and to the choice of the span."""
EXAMPLE = "dpr-haystack evaluate --store demo/store --questions demo/questions.jsonl"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_place(parser)
    add_questions(parser, "file of questions")
    parser.add_argument(
        "--top-k",
        type=whole_number,
        nargs="+",
        default=[1, 5, 20, 100],
        metavar="K",
        help="values of k (default: 1 5 20 100)",
    )
    parser.add_argument("--limit", type=whole_number, metavar="N", help="use only the first N questions")
    parser.add_argument("--regex", action="store_true", help="answers are regular expressions (CuratedTREC)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--modes", nargs="+", choices=["bm25", "dpr", "hybrid"], help="systems (default: all)")
    add_question_model(parser)
    add_reader(parser, "reader to evaluate (default: evaluate retrieval only)")
    parser.add_argument(
        "--passages",
        type=whole_number,
        nargs="+",
        default=[10, 50],
        metavar="N",
        help="numbers of passages that the reader reads (default: 10 50)",
    )
    parser.add_argument(
        "--measures",
        nargs="*",
        metavar="M",
        help="further measures of ir_measures over the gold passages, e.g. AP nDCG@10; without M: R@k and nDCG@k",
    )
    add_files(parser)


def run(arguments: argparse.Namespace) -> int:
    """Evaluate and print the table."""
    questions = questions_of(arguments, arguments.limit)
    check_files(arguments, questions)
    report, fusion = _evaluated(arguments, questions)
    draw_plot(arguments, report)
    print(json.dumps({**report.to_json(), **fusion}, indent=2) if arguments.json else as_table(report))
    return 0


def _evaluated(arguments: argparse.Namespace, questions: Sequence[Question]) -> tuple[EvaluationReport, dict[str, Any]]:
    """The report, and the fusion settings for JSON."""
    from dpr_haystack.components.retrievers.hybrid_search import systems_of
    from dpr_haystack.workflows.evaluation.evaluate import EvaluationOptions, evaluate
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
            _warn_of_fitted_questions(hybrid, questions, systems)
            report = evaluate(
                place.search,
                questions,
                hybrid,
                EvaluationOptions(ks, match, systems, _measures(arguments.measures, ks)),
                reading=reading,
                recorders=recording,
                progress=step,
            )
    depth = max([*ks, *(arguments.passages if arguments.reader is not None else [])])
    return report, fusion_of(hybrid, depth)


def _warn_of_fitted_questions(
    hybrid: HybridSearch | None,
    questions: Sequence[Question],
    systems: Sequence[str],
) -> None:
    """Warn if the weights of hybrid were fitted on questions that are evaluated now."""
    if hybrid is None or "hybrid" not in systems:
        return
    share = hybrid.settings.fitted_among(question.question for question in questions)
    if share:
        print(
            f"{100 * share:.0f}% of the questions that the hybrid weights were fitted on are among these, so that its "
            "accuracy is overestimated: use other questions, or the cross-validated figures of fit-hybrid",
            file=sys.stderr,
        )


def _measures(names: Sequence[str] | None, ks: Sequence[int]) -> Sequence[str]:
    if names is None or names:
        return names or ()
    return [f"{family}@{k}" for family in ("R", "nDCG") for k in ks]


def _hybrid(place: Place, arguments: argparse.Namespace) -> HybridSearch | None:
    """Both searches, with the question tower loaded; None if only BM25 is evaluated."""
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
    """The judge of the reader, which writes its answers; None without a reader."""
    from dpr_haystack.workflows.evaluation.reader_judge import ReadingJudge

    if arguments.reader is None:
        yield None
        return
    reader = reader_of(arguments.reader, arguments)
    reader.warm_up()
    with answer_recorder(arguments, systems) as record:
        yield ReadingJudge(search, reader, arguments.passages, systems, match=match, record=record)
