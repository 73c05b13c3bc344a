# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Bodies of dense searches, and similarities from scores."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpr_haystack.engines.elasticsearch.index_facts import IndexFacts
from dpr_haystack.engines.elasticsearch.vectors import DenseSearch, dense_body, scores_of_ids, similarity_of
from dpr_haystack.errors import InputError


@given(st.floats(-1e4, 1e4))
def test_the_score_of_an_inner_product_is_inverted(product: float) -> None:
    """Elasticsearch: 1 + s for s of 0 or more, 1 / (1 - s) below."""
    score = 1.0 + product if product >= 0 else 1.0 / (1.0 - product)
    assert similarity_of(score, "max_inner_product") == pytest.approx(product, rel=1e-9, abs=1e-9)


@given(st.floats(-1, 1), st.floats(0, 100))
def test_other_similarities(cosine: float, distance: float) -> None:
    for kind in ("cosine", "dot_product"):
        assert similarity_of((1.0 + cosine) / 2.0, kind) == pytest.approx(cosine, abs=1e-12)
    assert similarity_of(1.0 / (1.0 + distance**2), "l2_norm") == 1.0 / (1.0 + distance**2)


@given(st.integers(1, 10_000), st.none() | st.integers(1, 10_000))
def test_number_of_candidates(top_k: int, number: int | None) -> None:
    body = dense_body([1.0], DenseSearch(num_candidates=number), [], top_k)
    knn = body["knn"]
    # both decide how many vectors are rescored: Elasticsearch 8 goes by num_candidates and 9 by k
    assert body["size"] == top_k <= knn["k"] == knn["num_candidates"] <= 10_000
    if number is not None:
        assert knn["num_candidates"] == max(number, top_k)


def test_the_body_of_a_search() -> None:
    body = dense_body([0.5, 2.0], DenseSearch(), [{"term": {"a": 1}}], 3)
    assert body["knn"]["query_vector"] == [0.5, 2.0]
    assert body["knn"]["filter"] == [{"term": {"a": 1}}]  # inside knn: before the search, not behind it
    assert body["knn"]["rescore_vector"] == {"oversample": 3.0}
    assert body["_source"] == {"excludes": ["embedding"]}
    assert "rescore_vector" not in dense_body([0.5], DenseSearch(oversample=None), [], 3)["knn"]
    some = scores_of_ids([0.5], ["a", "b"])
    assert (some["size"], some["_source"], some["knn"]["filter"]) == (2, False, [{"ids": {"values": ["a", "b"]}}])
    with pytest.raises(InputError, match="10000"):
        dense_body([0.5], DenseSearch(), [], 10_001)


def test_vectors_of_another_length_are_refused_with_both_numbers() -> None:
    IndexFacts(dimension=None).check_dimension(5, "x")
    IndexFacts(dimension=5).check_dimension(5, "x")
    with pytest.raises(InputError, match=r"'x' have dimension 7, those of this model 5"):
        IndexFacts(dimension=7).check_dimension(5, "x")
