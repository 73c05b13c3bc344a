# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack ask`: answers to questions, with their sources."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dpr_haystack.cli.common import (
    add_place,
    add_question_model,
    add_reader,
    add_search,
    hybrid_search,
    location_of,
    reader_of,
    whole_number,
)
from dpr_haystack.cli.question import add_question, questions_of_a_person
from dpr_haystack.core.origins import source_text

if TYPE_CHECKING:
    from dpr_haystack.workflows.asking import FoundAnswer, Reply

SUMMARY = "answer questions"
DESCRIPTION = """Retrieves passages by DPR, BM25 or both and extracts answers from them with a reader. Prints each
answer with its probability, its sentence, and the rank and score of its passage in each search. Without a question,
reads questions from standard input, one per line."""
EXAMPLE = 'dpr-haystack ask "who wrote Dune?" --store demo/store --reader my-reader'

_SEARCH = {"bm25": "BM25", "dpr": "DPR"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_question(parser, "the question, in quotes (default: questions from standard input)")
    add_place(parser)
    add_reader(parser, "reader (default: that of the model directory that made the vectors)")
    add_search(parser, top_k=3, what="answers")
    parser.add_argument(
        "--passages",
        type=whole_number,
        default=20,
        metavar="N",
        help="number of passages to read (default: %(default)s)",
    )
    parser.add_argument(
        "--min-probability",
        "--least",
        type=float,
        default=0.1,
        metavar="P",
        help="report that there is no good answer if the best one has a lower probability (default: %(default)s)",
    )
    add_question_model(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask, and print the answers."""
    from dpr_haystack.workflows.asking import ask, reader_model_of
    from dpr_haystack.workflows.opening import opened_place

    with opened_place(location_of(arguments)) as place:
        model = arguments.reader or reader_model_of(place.search)
        reader = reader_of(model, arguments, no_answer=True)
        reader.warm_up()
        hybrid = None
        if arguments.mode != "bm25":
            hybrid = hybrid_search(place, arguments, is_fusing=arguments.mode == "hybrid")
        choice = {name: getattr(arguments, name) for name in ("mode", "passages", "top_k", "min_probability")}
        for question in questions_of_a_person(arguments.question):
            reply = ask(question, place.search, hybrid, reader, **choice)
            print(json.dumps(reply.to_json(), ensure_ascii=False) if arguments.json else as_text(reply), flush=True)
    return 0


def as_text(reply: Reply) -> str:
    """Format a reply as text."""
    lines = [reply.question]
    if not reply.passages:
        lines.append("  no passages found")
    elif not reply.answers:
        lines.append(f"  no answer found in {reply.passages} passages")
    elif not reply.is_good:
        lines.append(
            f"  no good answer in {reply.passages} passages (probability of no answer: {reply.no_answer:.2f}); "
            "the most probable ones:"
        )
    for rank, answer in enumerate(reply.answers, 1):
        lines += _answer_lines(rank, answer)
    return "\n".join(lines) + "\n"


def _answer_lines(rank: int, answer: FoundAnswer) -> Iterator[str]:
    before, marked, after = (" ".join(part.split("\n")) for part in answer.sentence())
    yield f"{rank:>3}. {answer.answer}  ({answer.score:.2f})"
    yield f"     {before}[{marked}]{after}"
    ranks = [
        f"{_SEARCH[system]}: rank {hit.rank} ({hit.score:.3f})"
        if hit.rank is not None and hit.score is not None
        else f"{_SEARCH[system]}: not found"
        for system, hit in answer.ranks.items()
    ]
    source = source_text(answer.document.meta)
    named = answer.title or answer.document.id
    yield f"     {named}{f' ({source})' if source else ''} - {', '.join(ranks)}"
