# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack search`: retrieves the passages for a question."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from dpr_haystack.cli.common import (
    add_place,
    add_question_model,
    add_search,
    hybrid_search,
    location_of,
)
from dpr_haystack.cli.question import add_question, questions_of_a_person
from dpr_haystack.core.origins import page_of, source_text
from dpr_haystack.core.text import replace_surrogates
from dpr_haystack.errors import InputError

if TYPE_CHECKING:
    from haystack.dataclasses import Document

    from dpr_haystack.components.retrievers.hybrid_search import HybridSearch
    from dpr_haystack.core.snippets import Snippet
    from dpr_haystack.workflows.opening import Place

SUMMARY = "retrieve passages for a question"
DESCRIPTION = """Retrieves passages by DPR, BM25 or both combined (hybrid). Prints the part of each passage that fits
the question; matching words are bold on a terminal."""
EXAMPLE = 'dpr-haystack search "who wrote Dune?" --store demo/store'

_BOLD, _PLAIN = "\033[1m", "\033[0m"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_question(parser, "the question, in quotes")
    add_place(parser)
    add_search(parser, top_k=5, what="passages")
    parser.add_argument(
        "--filter",
        metavar="F",
        help="search only passages whose metadata match, e.g. 'year >= 1900 and language == \"en\"'; or a Haystack "
        "filter as JSON",
    )
    parser.add_argument("--full", action="store_true", help="print whole passages")
    parser.add_argument(
        "--interactive",
        action="store_true",
        help="read questions from standard input, one per line; with --json, one line of JSON for each",
    )
    add_question_model(parser)


def run(arguments: argparse.Namespace) -> int:
    """Search and print the passages."""
    from dpr_haystack.core.filter_text import parse_filter
    from dpr_haystack.workflows.opening import opened_place

    if arguments.interactive == (arguments.question is not None):
        msg = "give a question in quotes, or --interactive to read questions from standard input, and not both"
        raise InputError(msg)
    filters = None if arguments.filter is None else parse_filter(arguments.filter)
    with opened_place(location_of(arguments)) as place:
        hybrid = None
        if arguments.mode != "bm25":
            hybrid = hybrid_search(place, arguments, is_fusing=arguments.mode == "hybrid")
        for question in questions_of_a_person(arguments.question):
            documents = _search(place, hybrid, question, arguments, filters)
            _show(question, [_hit(rank, document) for rank, document in enumerate(documents, 1)], arguments)
    return 0


def _search(
    place: Place,
    hybrid: HybridSearch | None,
    question: str,
    arguments: argparse.Namespace,
    filters: dict[str, Any] | None,
) -> list[Document]:
    from dpr_haystack.backends.passage_search import in_order
    from dpr_haystack.components.retrievers.hybrid_search import runs_of

    if not question.strip():
        msg = "the question is empty"
        raise InputError(msg)
    (run,) = runs_of(
        place.search, hybrid, [replace_surrogates(question)], arguments.top_k, [arguments.mode], filters=filters
    )
    hits = run[arguments.mode].first(arguments.top_k).by_id()
    return in_order(place.search.documents(list(hits)), hits)


def _hit(rank: int, document: Document) -> dict[str, Any]:
    return {
        "rank": rank,
        "score": document.score,
        "id": document.id,
        "title": document.meta.get("title", ""),
        "page_number": page_of(document.meta),
        "content": document.content,
        "meta": document.meta,
    }


def _show(question: str, hits: Sequence[dict[str, Any]], arguments: argparse.Namespace) -> None:
    if arguments.json:
        indent = None if arguments.interactive else 2
        print(json.dumps(hits, ensure_ascii=False, indent=indent, default=str), flush=True)
        return
    for line in _lines(question, hits, is_full=arguments.full):
        print(line, flush=True)


def _lines(question: str, hits: Sequence[dict[str, Any]], *, is_full: bool) -> Iterator[str]:
    from dpr_haystack.core.snippets import Snippet, matching_words, snippet

    if not hits:
        yield "no passages found"
    is_marking = is_terminal() and "NO_COLOR" not in os.environ
    for hit in hits:
        content = hit["content"] or ""
        shown = Snippet(content, matching_words(content, question)) if is_full else snippet(content, question)
        yield f"{_head(hit)}\n    {_marked(shown) if is_marking else shown.text}\n"


def is_terminal() -> bool:
    """Whether stdout is a terminal."""
    return sys.stdout.isatty()


def _head(hit: dict[str, Any]) -> str:
    meta = hit["meta"]
    return f"{hit['rank']:>2}. {hit['title'] or hit['id']}  ({hit['score']:.3f}) {source_text(meta)}".rstrip()


def _marked(shown: Snippet) -> str:
    """The text with its matches in bold."""
    pieces, end = [], 0
    for first, last in shown.matches:
        pieces += [shown.text[end:first], _BOLD, shown.text[first:last], _PLAIN]
        end = last
    return "".join([*pieces, shown.text[end:]])
