# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack evaluate`: top-k accuracy of BM25, DPR and hybrid search, and how good a reader's answers are."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from dpr_haystack.cli.common import (
    add_place,
    add_question_model,
    add_reader,
    existing_file,
    hybrid_retriever,
    open_output,
    progress,
    reader_of,
    searching_place,
    whole_number,
)
from dpr_haystack.cli.hybrid_options import told

if TYPE_CHECKING:
    from dpr_haystack.cli.common import Place
    from dpr_haystack.components.retrievers.hybrid import DPRHybridRetriever
    from dpr_haystack.components.searches.passage_search import PassageSearch
    from dpr_haystack.workflows.evaluation import EvaluationReport
    from dpr_haystack.workflows.reading import ReaderReport, ReadingJudge

SUMMARY = "measure top-k accuracy, and a reader's answers"
DESCRIPTION = """Asks every question of a file (SQuAD JSON, DPR qas.csv, JSON lines; each also .gz) and prints in how
many of them, in percent, a right passage was among the first k: the gold passage, and any passage with an answer.
With --reader also how many answers are right (exact match and F1, with 95% intervals), and where the others were lost:
to retrieval, to the choice of the passage, or to the choice of the span in it."""
EXAMPLE = "dpr-haystack evaluate --store demo/store --questions demo/questions.jsonl"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this command."""
    add_place(parser)
    parser.add_argument("--questions", required=True, type=existing_file, metavar="FILE", help="the questions")
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
    parser.add_argument("--output", metavar="FILE", help="write every answer of the reader to FILE, as JSON lines")


def run(arguments: argparse.Namespace) -> int:
    """Evaluate, and print the table."""
    from itertools import islice

    from dpr_haystack.formats.questions import read_questions
    from dpr_haystack.workflows.evaluation import evaluate
    from dpr_haystack.workflows.runs import systems_of

    _check_output(arguments)
    questions = list(islice(read_questions(arguments.questions), arguments.limit))
    match = "regex" if arguments.regex else "string"
    with searching_place(arguments) as place:
        retriever = _retriever(place, arguments)
        systems = systems_of(retriever, arguments.modes)
        with (
            _reading(place.search, systems, match, arguments) as reading,
            progress("questions", len(questions)) as step,
        ):
            report = evaluate(
                place.search,
                questions,
                retriever,
                ks=sorted(set(arguments.top_k)),
                match=match,
                systems=systems,
                reading=reading,
                progress=step,
            )
    print(json.dumps({**report.to_json(), **told(retriever)}, indent=2) if arguments.json else as_table(report))
    return 0


def _check_output(arguments: argparse.Namespace) -> None:
    from dpr_haystack.errors import InputError

    if arguments.output is None:
        return
    if arguments.reader is None:
        msg = "--output lists a reader's answers: name the reader with --reader M"
        raise InputError(msg)
    if Path(arguments.output).exists() and arguments.questions.samefile(arguments.output):
        msg = f"--output {arguments.output} would replace the questions; name another file"
        raise InputError(msg)


def _retriever(place: Place, arguments: argparse.Namespace) -> DPRHybridRetriever | None:
    """With its question tower loaded; None where BM25 is all there is or all that is wanted."""
    if arguments.modes == ["bm25"] or not place.search.has_vectors():
        return None
    is_hybrid = arguments.modes is None or "hybrid" in arguments.modes
    retriever = hybrid_retriever(place, arguments, top_k=max(arguments.top_k), is_fusing=is_hybrid)
    retriever.warm_up()
    return retriever


@contextmanager
def _reading(
    search: PassageSearch, systems: Sequence[str], match: str, arguments: argparse.Namespace
) -> Iterator[ReadingJudge | None]:
    """The judge of a reader, with its file of answers; None without a reader."""
    from dpr_haystack.workflows.reading import Judged, ReadingJudge

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


def as_table(report: EvaluationReport) -> str:
    """The report for people to read."""
    tables = []
    for what, title in (("gold", "gold passage"), ("answer", "a passage with an answer")):
        rows = {name: getattr(system, what) for name, system in report.systems.items()}
        ks = next(iter(rows.values()))
        if ks:
            lines = [f"{title} in the top k, % of {report.questions} questions"]
            lines.append("        " + "".join(f"{k:>8}" for k in ks))
            lines += [f"{name:<8}" + "".join(f"{value:>8.1f}" for value in row.values()) for name, row in rows.items()]
            tables.append("\n".join(lines))
    reports = {name: system.reader for name, system in report.systems.items() if system.reader}
    if reports:
        tables.append("\n".join(_reader_lines(reports)))
    return "\n\n".join(tables)


def _reader_lines(reports: Mapping[str, Mapping[int, ReaderReport]]) -> Iterator[str]:
    (first, *_) = (report for by_count in reports.values() for report in by_count.values())
    yield f"answers of the reader, % of {first.questions} questions (95% intervals), and where the others were lost"
    yield f"{'':<8}{'passages':>8}{'exact match':>21}{'F1':>21}{'retrieval':>12}{'selection':>12}{'span':>8}"
    for name, by_count in reports.items():
        for count, report in by_count.items():
            match = _with_interval(report.exact_match, report.exact_match_interval)
            overlap = _with_interval(report.f1, report.f1_interval)
            lost = report.lost_to
            yield (
                f"{name:<8}{count:>8}{match:>21}{overlap:>21}"
                f"{lost['retrieval']:>12.1f}{lost['selection']:>12.1f}{lost['span']:>8.1f}"
            )


def _with_interval(value: float, interval: tuple[float, float]) -> str:
    return f"{value:.1f} ({interval[0]:.1f}-{interval[1]:.1f})"
