# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""HNSW finds the nearest rows among equal and nearly equal vectors, as exact search does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dpr_haystack.core.exact import exact_search, rescore
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.engines.ann import make_index
from dpr_haystack.engines.ann.near_duplicates import leaders

DIM = 16
SIMILARITIES = [Similarity.DOT_PRODUCT, Similarity.COSINE, Similarity.L2]


def repeated(distinct: int, copies: int, noise: float, seed: int = 0) -> Any:
    """Vectors of varying norm, each copied with some relative noise, in random order."""
    generator = np.random.default_rng(seed)
    vectors = generator.standard_normal((distinct, DIM)) * generator.lognormal(0, 0.2, (distinct, 1))
    vectors = np.repeat(vectors, copies, axis=0)
    vectors += generator.standard_normal(vectors.shape) * noise * np.linalg.norm(vectors, axis=1, keepdims=True) / 4
    return generator.permutation(vectors).astype(np.float32)


def questions_for(vectors: Any) -> Any:
    generator = np.random.default_rng(9)
    some = vectors[generator.integers(0, len(vectors), 40)]
    return (some + generator.standard_normal(some.shape)).astype(np.float32)


def misses(index: Any, vectors: Any, similarity: Similarity, allowed: Any = None, k: int = 10) -> int:
    """How many of the k nearest rows of 40 questions the index does not lead to; equal scores count as found."""
    questions = questions_for(vectors)
    rows = np.flatnonzero(allowed) if allowed is not None else None
    truth = exact_search(vectors, questions, k, similarity, rows=rows)
    missed = 0
    candidates = index.candidates(questions, k, allowed)
    for question, proposed, (_, best) in zip(questions, candidates, truth, strict=True):
        assert len(set(proposed.tolist())) == len(proposed)
        assert allowed is None or allowed[proposed].all()
        found, scores = rescore(vectors, question, proposed, k, similarity)
        assert len(found) == len(best)
        missed += int((scores < best[-1] - 1e-9).sum())
    return missed


@pytest.mark.parametrize("similarity", SIMILARITIES)
@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_copies_do_not_hide_other_vectors(similarity: Similarity, noise: float) -> None:
    """With one node a row, a search for 16 neighbours would end among the 60 copies of one vector."""
    vectors = repeated(60, 60, noise)
    index = make_index("HNSW8", DIM, similarity, {"efSearch": 16})
    for start in range(0, len(vectors), 700):
        index.add(vectors[start : start + 700])
    assert index.size == len(vectors)
    assert misses(index, vectors, similarity, k=100) == 0
    allowed = np.random.default_rng(3).random(len(vectors)) < 0.05
    assert misses(index, vectors, similarity, allowed, k=8) <= 2


def test_rows_of_equal_vectors_come_in_their_order_and_not_all() -> None:
    vectors = np.repeat(np.eye(DIM, dtype=np.float32), 50, axis=0)
    index = make_index("HNSW8", DIM, Similarity.DOT_PRODUCT, {"efSearch": 4})
    index.add(vectors)
    (rows,) = index.candidates(vectors[150:151], 5, None)
    assert rows[:5].tolist() == [150, 151, 152, 153, 154]
    assert len(rows) <= 20


def test_a_saved_index_goes_on_where_it_was(tmp_path: Path) -> None:
    vectors = repeated(80, 20, 0.01)
    index = make_index("HNSW8", DIM, Similarity.DOT_PRODUCT, None)
    index.add(vectors[:900])
    index.save(tmp_path / "index")
    again = make_index("HNSW8", DIM, Similarity.DOT_PRODUCT, None)
    again.load(tmp_path / "index")
    for one in (index, again):
        one.add(vectors[900:])
    questions = questions_for(vectors)
    pairs = zip(index.candidates(questions, 30, None), again.candidates(questions, 30, None), strict=True)
    for before, after in pairs:
        assert before.tolist() == after.tolist()


def test_a_plain_graph_file_is_refused(tmp_path: Path) -> None:
    import faiss

    graph: Any = faiss.IndexHNSWFlat(DIM, 8)
    graph.add(repeated(10, 1, 0.0))
    faiss.write_index(graph, str(tmp_path / "graph"))
    with pytest.raises(RuntimeError, match="no groups of vectors"):
        make_index("HNSW8", DIM, Similarity.L2, None).load(tmp_path / "graph")


def test_vectors_that_share_a_large_mean_are_not_taken_for_copies() -> None:
    """Their distances are small beside their norms but not beside their spread."""
    vectors = np.random.default_rng(4).standard_normal((500, DIM)).astype(np.float32) + np.float32(100)
    leader, gaps = leaders(vectors, 0.3)
    assert (leader.tolist(), gaps.any()) == (list(range(500)), False)
    index: Any = make_index("HNSW8", DIM, Similarity.DOT_PRODUCT, None)
    index.add(vectors)
    assert index._groups.nodes == 500
    assert misses(index, vectors, Similarity.DOT_PRODUCT) == 0


def test_leaders_are_the_first_of_their_groups() -> None:
    points = np.array([[0.0, 0], [1, 0], [0.05, 0], [1.04, 0], [0.09, 0], [0.16, 0]], dtype=np.float32)
    leader, gaps = leaders(points, 0.1)
    assert leader.tolist() == [0, 1, 0, 1, 0, 5]
    np.testing.assert_allclose(gaps, [0, 0, 0.05, 0.04, 0.09, 0], atol=1e-6)
