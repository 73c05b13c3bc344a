# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack search`: retrieves the passages for a question."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from dpr_haystack.cli.common import add_place, add_question_model, add_search, hybrid_search, location_of

if TYPE_CHECKING:
    from haystack.dataclasses import Document

    from dpr_haystack.workflows.opening import Place

SUMMARY = "retrieve passages for a question"
DESCRIPTION = "Retrieves passages by DPR, BM25 or both combined (hybrid)."
EXAMPLE = 'dpr-haystack search "who wrote Dune?" --store demo/store'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("question", help="the question")
    add_place(parser)
    add_search(parser, top_k=5, what="passages")
    add_question_model(parser)


def run(arguments: argparse.Namespace) -> int:
    """Search and print the passages."""
    from dpr_haystack.workflows.opening import opened_place

    with opened_place(location_of(arguments)) as place:
        documents = _search(place, arguments)
    hits = [_hit(rank, document) for rank, document in enumerate(documents, 1)]
    if arguments.json:
        print(json.dumps(hits, ensure_ascii=False, indent=2, default=str))
        return 0
    for hit in hits:
        print(_as_text(hit))
    if not hits:
        print("no passages found")
    return 0


def _search(place: Place, arguments: argparse.Namespace) -> list[Document]:
    from dpr_haystack.backends.passage_search import in_order
    from dpr_haystack.components.retrievers.hybrid_search import runs_of
    from dpr_haystack.errors import InputError

    if not arguments.question.strip():
        msg = "the question is empty"
        raise InputError(msg)
    hybrid = None
    if arguments.mode != "bm25":
        hybrid = hybrid_search(place, arguments, is_fusing=arguments.mode == "hybrid")
    (run,) = runs_of(place.search, hybrid, [arguments.question], arguments.top_k, [arguments.mode])
    hits = run[arguments.mode].first(arguments.top_k).by_id()
    return in_order(place.search.documents(list(hits)), hits)


def _hit(rank: int, document: Document) -> dict[str, Any]:
    return {
        "rank": rank,
        "score": document.score,
        "id": document.id,
        "title": document.meta.get("title", ""),
        "content": document.content,
        "meta": document.meta,
    }


def _as_text(hit: dict[str, Any]) -> str:
    meta = hit["meta"]
    file = meta.get("file", meta.get("file_path"))  # file_path and page_number are written by Haystack's converters
    page = meta.get("page", meta.get("page_number")) if file is not None else None
    source = ", ".join([*([str(file)] if file is not None else []), *([f"page {page}"] if page is not None else [])])
    head = f"{hit['rank']:>2}. {hit['title'] or hit['id']}  ({hit['score']:.3f}) {source}".rstrip()
    return f"{head}\n    {hit['content'] or ''}\n"
