# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack evaluate`: top-k accuracy of BM25, DPR and hybrid search."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from dpr_haystack.cli.common import (
    add_question_model,
    add_store,
    existing_file,
    hybrid_retriever,
    open_store,
    progress,
    whole_number,
)

if TYPE_CHECKING:
    from dpr_haystack.workflows.evaluation import EvaluationReport

SUMMARY = "measure top-k accuracy"
DESCRIPTION = """Asks every question of a file (SQuAD JSON, DPR qas.csv, JSON lines; each also .gz) and prints in how
many of them, in percent, a right passage was among the first k: the gold passage, and any passage with an answer."""
EXAMPLE = "dpr-haystack evaluate --store demo/store --questions demo/questions.jsonl"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this command."""
    add_store(parser)
    parser.add_argument("--questions", required=True, type=existing_file, metavar="FILE", help="the questions")
    parser.add_argument(
        "--top-k", type=whole_number, nargs="+", default=[1, 5, 20, 100], metavar="K", help="default: 1 5 20 100"
    )
    parser.add_argument("--limit", type=whole_number, metavar="N", help="ask the first N questions only")
    parser.add_argument("--regex", action="store_true", help="answers are regular expressions (CuratedTREC)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_question_model(parser)


def run(arguments: argparse.Namespace) -> int:
    """Evaluate, and print the table."""
    from itertools import islice

    from dpr_haystack.formats.questions import read_questions
    from dpr_haystack.workflows.evaluation import evaluate
    from dpr_haystack.workflows.stores import has_vectors

    questions = list(islice(read_questions(arguments.questions), arguments.limit))
    store = open_store(arguments.store)
    try:
        depth = max(arguments.top_k)
        retriever = hybrid_retriever(store, arguments, top_k=depth) if has_vectors(store) else None
        if retriever is not None:
            retriever.warm_up()
        with progress("questions", len(questions)) as step:
            report = evaluate(
                store,
                questions,
                retriever,
                ks=sorted(set(arguments.top_k)),
                match="regex" if arguments.regex else "string",
                progress=step,
            )
    finally:
        store.close()
    print(json.dumps(report.to_json(), indent=2) if arguments.json else as_table(report))
    return 0


def as_table(report: EvaluationReport) -> str:
    """The report for people to read."""
    lines: list[str] = []
    for what, title in (("gold", "gold passage"), ("answer", "a passage with an answer")):
        rows = {name: getattr(system, what) for name, system in report.systems.items()}
        ks = next(iter(rows.values()))
        if not ks:
            continue
        if lines:
            lines.append("")
        lines.append(f"{title} in the top k, % of {report.questions} questions")
        lines.append("        " + "".join(f"{k:>8}" for k in ks))
        lines += [f"{name:<8}" + "".join(f"{value:>8.1f}" for value in row.values()) for name, row in rows.items()]
    return "\n".join(lines)
