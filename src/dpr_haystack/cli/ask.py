# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack ask`: answers to questions, with where they are from."""

from __future__ import annotations

import argparse
import json
import sys
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

if TYPE_CHECKING:
    from dpr_haystack.workflows.asking import FoundAnswer, Reply

SUMMARY = "answer a question"
DESCRIPTION = """Finds passages by DPR, BM25 or both, lets a reader find answers in them, and shows each with its
probability, its sentence, and what each search thought of its passage. Without a question it reads questions from
standard input, one a line."""
EXAMPLE = 'dpr-haystack ask "who wrote Dune?" --store demo/store --reader my-reader'

_SEARCH = {"bm25": "BM25", "dpr": "DPR"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this command."""
    parser.add_argument("question", nargs="?", help="the question; without it they are read from standard input")
    add_place(parser)
    add_reader(parser, "the reader (default: that of the model directory that made the store's vectors)")
    add_search(parser, top_k=3, what="answers")
    parser.add_argument(
        "--passages", type=whole_number, default=20, metavar="N", help="how many to read (default: %(default)s)"
    )
    parser.add_argument(
        "--least",
        type=float,
        default=0.1,
        metavar="P",
        help="call no answer good below this probability (default: 0.1)",
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
        choice = {name: getattr(arguments, name) for name in ("mode", "passages", "top_k", "least")}
        for question in _questions(arguments.question):
            reply = ask(question, place.search, hybrid, reader, **choice)
            print(json.dumps(reply.to_json(), ensure_ascii=False) if arguments.json else as_text(reply), flush=True)
    return 0


def _questions(question: str | None) -> Iterator[str]:
    if question is not None:
        yield question
        return
    is_asked = sys.stdin.isatty()
    while True:
        if is_asked:
            print("? ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            return
        if line.strip():
            yield line.strip()


def as_text(reply: Reply) -> str:
    """A reply for people to read."""
    lines = [reply.question]
    if not reply.passages:
        lines.append("  no passage was found")
    elif not reply.answers:
        lines.append(f"  no answer was found in {reply.passages} passages")
    elif not reply.is_good:
        lines.append(f"  no good answer in {reply.passages} passages (none: {reply.no_answer:.2f}); the most probable")
    for rank, answer in enumerate(reply.answers, 1):
        lines += _answer_lines(rank, answer)
    return "\n".join(lines) + "\n"


def _answer_lines(rank: int, answer: FoundAnswer) -> Iterator[str]:
    before, marked, after = (" ".join(part.split("\n")) for part in answer.sentence())
    yield f"{rank:>3}. {answer.answer}  ({answer.score:.2f})"
    yield f"     {before}[{marked}]{after}"
    thoughts = [
        f"{_SEARCH[system]}: rank {thought.rank} ({thought.score:.3f})"
        if thought.rank is not None and thought.score is not None
        else f"{_SEARCH[system]}: not found"
        for system, thought in answer.thoughts.items()
    ]
    yield f"     {answer.title or answer.document.id} - {', '.join(thoughts)}"
