# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Dense search with Elasticsearch: the bodies of searches, and similarities from scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dpr_haystack.engines.elasticsearch.bodies import source_without
from dpr_haystack.errors import InputError

VECTOR_FIELD = "embedding"
#: Multiple of the candidates that is scored again with the full vectors if the index quantises them.
OVERSAMPLE = 3.0

_FEWEST_CANDIDATES, _MOST_CANDIDATES = 100, 10_000


@dataclass(frozen=True)
class DenseSearch:
    """How vectors are searched.

    :param num_candidates: Number of vectors that each shard considers, at most 10,000; None for the greater of 100 and
        twice the number of hits.
    :param oversample: Multiple of the number of candidates that is scored again with the full vectors, 1 to 10; without
        it, quantised vectors give wrong scores. None leaves it to the index.
    :param excludes: Fields that are not returned; None to return only ids and scores.
    :raises InputError: If a value is invalid.
    """

    num_candidates: int | None = None
    oversample: float | None = OVERSAMPLE
    excludes: tuple[str, ...] | None = (VECTOR_FIELD,)

    def __post_init__(self) -> None:
        number, times = self.num_candidates, self.oversample
        if number is not None and (
            not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= _MOST_CANDIDATES
        ):
            msg = f"num_candidates must be 1 to {_MOST_CANDIDATES}, or None: got {number!r}"
            raise InputError(msg)
        if times is not None and not (isinstance(times, (int, float)) and 1 <= times <= 10):
            msg = f"oversample must be 1 to 10, or None: got {times!r}"
            raise InputError(msg)


def dense_body(
    vector: Sequence[float], search: DenseSearch, filters: Sequence[Mapping[str, Any]], top_k: int
) -> dict[str, Any]:
    """The body of one search for the nearest vectors.

    :param vector: The question's vector.
    :param search: How to search.
    :param filters: Queries that a document must all match; applied before the search.
    :param top_k: Number of hits, at most 10,000.
    :raises InputError: If ``top_k`` is too large.
    """
    if top_k > _MOST_CANDIDATES:
        msg = f"top_k must be at most {_MOST_CANDIDATES} in Elasticsearch: got {top_k}"
        raise InputError(msg)
    candidates = search.num_candidates or max(_FEWEST_CANDIDATES, 2 * top_k)
    candidates = min(max(candidates, top_k), _MOST_CANDIDATES)
    # Elasticsearch 8 rescores num_candidates * oversample vectors, 9 only k * oversample: with both numbers equal, the
    # recall of a quantised index is the same. The number of hits is limited by size.
    knn: dict[str, Any] = {
        "field": VECTOR_FIELD,
        "query_vector": list(vector),
        "k": candidates,
        "num_candidates": candidates,
    }
    if search.oversample is not None:
        knn["rescore_vector"] = {"oversample": search.oversample}
    if filters:
        knn["filter"] = list(filters)
    return {"size": top_k, "track_total_hits": False, "_source": source_without(search.excludes), "knn": knn}


def scores_of_ids(vector: Sequence[float], ids: Sequence[str]) -> dict[str, Any]:
    """The body of a search that scores given documents; those without a vector get no hit.

    :param vector: The question's vector.
    :param ids: The documents.
    """
    search = DenseSearch(num_candidates=min(len(ids), _MOST_CANDIDATES), excludes=None)
    return dense_body(vector, search, [{"ids": {"values": list(ids)}}], len(ids))


def similarity_of(score: float, kind: str) -> float:
    """The similarity of a hit. Elasticsearch transforms similarities to scores that are never negative.

    :param score: The score of a hit.
    :param kind: The similarity of the field's mapping.
    :returns: The inner product for ``"max_inner_product"`` and ``"dot_product"``, the cosine for ``"cosine"``, and
        1 / (1 + squared distance), which is the score itself, for ``"l2_norm"``.
    """
    if kind == "l2_norm":
        return score
    if kind in ("cosine", "dot_product"):
        return 2.0 * score - 1.0
    return score - 1.0 if score >= 1.0 else 1.0 - 1.0 / score
