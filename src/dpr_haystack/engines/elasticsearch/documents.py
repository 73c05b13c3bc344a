# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Documents of an index by their ids, and all of them one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dpr_haystack.engines.elasticsearch.searching import Hit, searching
from dpr_haystack.engines.elasticsearch.sending import Steps, ask
from dpr_haystack.engines.elasticsearch.vectors import VECTOR_FIELD

HAS_VECTOR = "has_vector"

_AT_ONCE, _PAGE = 1_000, 2_000


def reading_documents(index: str, ids: Sequence[str], excludes: Sequence[str], retries: int) -> Steps[dict[str, Hit]]:
    """The steps that read documents by their ids.

    :param excludes: Fields that are left out.
    :returns: By id; those that are not there are missing. ``matched_queries`` of a hit has :data:`HAS_VECTOR` in it if
        it has one.
    """
    parts = [list(ids[start : start + _AT_ONCE]) for start in range(0, len(ids), _AT_ONCE)]
    bodies = [
        {
            "size": len(part),
            "track_total_hits": False,
            "_source": {"excludes": list(excludes)},
            "query": {
                "bool": {
                    "filter": [{"ids": {"values": part}}],
                    "should": [{"exists": {"field": VECTOR_FIELD, "_name": HAS_VECTOR}}],
                }
            },
        }
        for part in parts
    ]
    found = yield from searching(index, bodies, retries)
    return {hit["_id"]: hit for hits in found for hit in hits}


def reading_page(index: str, fields: Sequence[str], after: Sequence[Any] | None, retries: int) -> Steps[list[Hit]]:
    """The steps that read the next documents of an index, in the order of their ids.

    :param fields: What is read of each.
    :param after: The ``sort`` of the last hit before; None for the first page.
    """
    told = yield from ask(
        "search",
        retries=retries,
        index=index,
        size=_PAGE,
        track_total_hits=False,
        source_includes=list(fields),
        sort=[{"id": "asc"}],
        search_after=None if after is None else list(after),
        allow_partial_search_results=False,
    )
    hits: list[Hit] = told["hits"]["hits"]
    return hits


def counting(index: str, retries: int, *, with_vector: bool = False) -> Steps[int]:
    """The steps that count documents; ``with_vector``: only those that have one."""
    query = {"exists": {"field": VECTOR_FIELD}} if with_vector else {"match_all": {}}
    told = yield from ask("count", retries=retries, index=index, query=query)
    return int(told["count"])
