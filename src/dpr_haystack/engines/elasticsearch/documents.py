# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Reading the documents of an index by id or page by page, and counting them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dpr_haystack.core.origins import ALSO_IN, FILE
from dpr_haystack.engines.elasticsearch.searching import Hit, searching
from dpr_haystack.engines.elasticsearch.sending import Steps, ask
from dpr_haystack.engines.elasticsearch.vectors import VECTOR_FIELD

HAS_VECTOR = "has_vector"

_AT_ONCE, _PAGE = 1_000, 2_000


def reading_documents(index: str, ids: Sequence[str], excludes: Sequence[str], retries: int) -> Steps[dict[str, Hit]]:
    """Steps that read documents by id.

    :param index: The index.
    :param ids: The ids.
    :param excludes: Fields that are left out.
    :param retries: How often to retry while the server is busy.
    :returns: Hits by id; missing documents are left out. ``matched_queries`` of a hit contains :data:`HAS_VECTOR` if
        the document has a vector.
    """
    bodies = [
        {
            **_hits_of(part),
            "_source": {"excludes": list(excludes)},
            "query": {
                "bool": {
                    "filter": [{"ids": {"values": part}}],
                    "should": [{"exists": {"field": VECTOR_FIELD, "_name": HAS_VECTOR}}],
                }
            },
        }
        for part in _parts(ids)
    ]
    results = yield from searching(index, bodies, retries)
    return {hit["_id"]: hit for hits in results for hit in hits}


def reading_vectors(index: str, ids: Sequence[str], retries: int) -> Steps[dict[str, list[float]]]:
    """Steps that read the vectors of documents by id.

    :param index: The index.
    :param ids: The ids.
    :param retries: How often to retry while the server is busy.
    :returns: Vectors by id, in float32 precision; documents without one are left out.
    """
    bodies = [
        # As a field and not in the source: Elasticsearch 9.2 and later leave vectors out of sources.
        {**_hits_of(part), "_source": False, "fields": [VECTOR_FIELD], "query": {"ids": {"values": part}}}
        for part in _parts(ids)
    ]
    results = yield from searching(index, bodies, retries)
    return {hit["_id"]: hit["fields"][VECTOR_FIELD] for hits in results for hit in hits if "fields" in hit}


def _parts(ids: Sequence[str]) -> list[list[str]]:
    return [list(ids[start : start + _AT_ONCE]) for start in range(0, len(ids), _AT_ONCE)]


def _hits_of(ids: Sequence[str]) -> dict[str, Any]:
    return {"size": len(ids), "track_total_hits": False}


def reading_page(
    index: str, fields: Sequence[str], after: Sequence[Any] | None, retries: int, files: Sequence[str] | None = None
) -> Steps[list[Hit]]:
    """Steps that read the next page of documents of an index, ordered by id.

    :param index: The index.
    :param fields: Fields to read.
    :param after: The ``sort`` value of the last hit of the previous page; None for the first page.
    :param retries: How often to retry while the server is busy.
    :param files: Only documents that come from these files; None for all.
    """
    response = yield from ask(
        "search",
        retries=retries,
        index=index,
        query={"match_all": {}} if files is None else _from_files(files),
        size=_PAGE,
        track_total_hits=False,
        source_includes=list(fields),
        sort=[{"id": "asc"}],
        search_after=None if after is None else list(after),
        allow_partial_search_results=False,
    )
    hits: list[Hit] = response["hits"]["hits"]
    return hits


def counting(index: str, retries: int, *, with_vector: bool = False) -> Steps[int]:
    """Steps that count documents.

    :param index: The index.
    :param retries: How often to retry while the server is busy.
    :param with_vector: Whether to count only documents with a vector.
    """
    query = {"exists": {"field": VECTOR_FIELD}} if with_vector else {"match_all": {}}
    response = yield from ask("count", retries=retries, index=index, query=query)
    return int(response["count"])


def _from_files(files: Sequence[str]) -> dict[str, Any]:
    # with the server's own mapping, `file` is analysed text and `file.keyword` the whole name
    names = (FILE, f"{FILE}.keyword", f"{ALSO_IN}.{FILE}", f"{ALSO_IN}.{FILE}.keyword")
    return {"bool": {"should": [{"terms": {name: list(files)}} for name in names], "minimum_should_match": 1}}
