# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Which encoder made the vectors of an index: by its mapping, or by what the documents themselves say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dpr_haystack.core.encoder_mark import MARK, mark_prefix, without_mark
from dpr_haystack.core.identity import same_encoder
from dpr_haystack.core.vector_origin import VectorOrigin
from dpr_haystack.engines.elasticsearch.sending import Steps, ask
from dpr_haystack.engines.elasticsearch.vectors import VECTOR_FIELD
from dpr_haystack.errors import InputError

_HAS_VECTOR = {"exists": {"field": VECTOR_FIELD}}
_IS_MARKED = {"exists": {"field": MARK}}


def finding_origin(index: str, recorded: Mapping[str, Any] | None, retries: int) -> Steps[VectorOrigin]:
    """Steps that find out which encoder made the vectors.

    A record in the mapping stands for all documents without a mark: `dpr-haystack index` writes them. Documents that
    a pipeline writes by the official store keep the mark of their encoder as a field.

    :param index: The index.
    :param recorded: What its mapping records; None for nothing.
    :param retries: How often to retry while the server is busy.
    """
    response = yield from ask(
        "search",
        retries=retries,
        index=index,
        size=1,
        query=_HAS_VECTOR,
        post_filter=_IS_MARKED,
        aggregations={"vectors": {"filter": _HAS_VECTOR}, "marked": {"filter": _IS_MARKED}},
        source_includes=[MARK],
        track_total_hits=False,
    )
    location = f"index {index!r}"
    vectors, marked = (int(response["aggregations"][name]["doc_count"]) for name in ("vectors", "marked"))
    example = _record_in(response["hits"]["hits"])
    encoder = recorded or example
    if encoder is not None and example is not None and not encoder.get("fingerprint"):
        encoder = example if same_encoder(encoder, example) else encoder
    if not encoder or not encoder.get("fingerprint"):
        return VectorOrigin(location, encoder, vectors, marked if encoder else vectors)
    by_it = {"bool": {"filter": [_HAS_VECTOR, {"prefix": {MARK: mark_prefix(encoder)}}]}}
    counted = yield from ask("count", retries=retries, index=index, query=by_it)
    return VectorOrigin(location, encoder, vectors, (marked if recorded else vectors) - int(counted["count"]))


def _record_in(hits: list[dict[str, Any]]) -> dict[str, str] | None:
    try:
        marks = [without_mark(hit["_source"])[1] for hit in hits]
    except InputError:
        return None  # somebody else's field of this name
    return next((mark.record for mark in marks if mark is not None), None)
