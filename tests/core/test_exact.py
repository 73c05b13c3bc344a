# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Exact search against numpy in extended precision, by value and with ties allowed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from dpr_haystack.core.exact import exact_search, norms_for, rescore
from dpr_haystack.core.similarity import Similarity
from support.stores import true_scores

every_similarity = pytest.mark.parametrize("similarity", list(Similarity))


def assert_exact(found, vectors, question, k, similarity, among=None):
    """The scores are those of the rows, and no row that was left out has a better one."""
    rows, scores = found
    allowed = np.arange(len(vectors)) if among is None else np.asarray(sorted(among), dtype=np.int64)
    truth = true_scores(vectors, question, similarity)
    assert len(rows) == len(set(rows.tolist())) == min(k, len(allowed))
    assert set(rows.tolist()) <= set(allowed.tolist())
    # What cancels in an inner product can only be known to the rounding of its largest term.
    terms = np.abs(vectors.astype(np.longdouble) * question).sum(axis=1).max(initial=0)
    tolerance = 1e-13 * (terms if similarity == Similarity.DOT_PRODUCT else 1)
    np.testing.assert_allclose(scores, truth[rows].astype(np.float64), rtol=1e-12, atol=float(tolerance))
    assert (np.diff(scores) <= 0).all()
    best = np.sort(truth[allowed])[::-1][: len(rows)]
    np.testing.assert_allclose(scores, best.astype(np.float64), rtol=1e-12, atol=float(tolerance))


finite = st.floats(-8, 8, width=32).map(lambda number: round(number, 2))
small = st.integers(1, 5).flatmap(
    lambda dim: st.tuples(
        st_numpy.arrays(np.float32, st.tuples(st.integers(0, 12), st.just(dim)), elements=finite),
        st_numpy.arrays(np.float32, st.tuples(st.integers(1, 3), st.just(dim)), elements=finite),
    )
)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(small, st.sampled_from(Similarity), st.integers(0, 15), st.data())
def test_small_matrices(matrices, similarity, k, data):
    vectors, questions = matrices
    numbers = st.lists(st.integers(0, max(0, len(vectors) - 1)), unique=True) if len(vectors) else st.just([])
    rows, excluded = data.draw(st.none() | numbers), data.draw(st.none() | numbers)
    norms = data.draw(st.sampled_from([None, norms_for(vectors, similarity)]))

    found = exact_search(
        vectors,
        questions,
        k,
        similarity,
        rows=np.array(sorted(rows), dtype=np.int64) if rows is not None else None,
        excluded=np.array(sorted(excluded), dtype=np.int64) if excluded is not None else None,
        norms=norms,
    )

    among = set(range(len(vectors)) if rows is None else rows) - set(excluded or [])
    assert len(found) == len(questions)
    for each, question in zip(found, questions, strict=True):
        assert_exact(each, vectors, question, k, similarity, among)


@every_similarity
@pytest.mark.parametrize("share", [None, 0.01, 0.2, 0.6])
def test_selections_of_every_size(similarity, share):
    random = np.random.default_rng(1)
    vectors = np.array(random.standard_normal((3000, 24)) * random.lognormal(0, 1, (3000, 1)), dtype=np.float32)
    questions = random.standard_normal((7, 24), dtype=np.float32)
    rows = None if share is None else np.flatnonzero(random.random(3000) < share)
    excluded = np.flatnonzero(random.random(3000) < 0.3)
    among = set(range(3000) if rows is None else rows.tolist()) - set(excluded.tolist())
    for each, question in zip(
        exact_search(vectors, questions, 50, similarity, rows=rows, excluded=excluded), questions, strict=True
    ):
        assert_exact(each, vectors, question, min(50, len(among)), similarity, among)


@every_similarity
@pytest.mark.parametrize("size", [1e-25, 1e-12, 1e12, 1e20, 1e37])
def test_sizes_at_the_ends_of_float32(similarity, size):
    random = np.random.default_rng(2)
    vectors = (random.standard_normal((500, 8)) * size).astype(np.float32)
    vectors[::50] = 0
    question = (random.standard_normal(8) * size).astype(np.float32)
    assert_exact(exact_search(vectors, question[None, :], 20, similarity)[0], vectors, question, 20, similarity)


@every_similarity
def test_one_enormous_vector_among_ordinary_ones(similarity):
    random = np.random.default_rng(3)
    vectors = random.standard_normal((400, 8), dtype=np.float32)
    vectors[7] = 3e38
    for question in (vectors[1], -vectors[1], vectors[7]):
        found = exact_search(vectors, question[None, :], 5, similarity)[0]
        assert_exact(found, vectors, question, 5, similarity)


def test_small_distances_between_long_vectors():
    """The squared distance from an inner product alone would be rounded away here: |v|^2 is 1e8 times as large."""
    random = np.random.default_rng(4)
    vectors = (1000 + 0.1 * random.standard_normal((2000, 16))).astype(np.float32)
    question = (1000 + 0.1 * random.standard_normal(16)).astype(np.float32)
    assert_exact(exact_search(vectors, question[None, :], 10, Similarity.L2)[0], vectors, question, 10, Similarity.L2)


@every_similarity
def test_small_differences_beside_what_all_vectors_share(similarity):
    """In float32 every score is the same: only what is scored in float64 tells the best."""
    vectors = np.stack([np.full(10_000, 4096), np.arange(10_000) * 1e-4], axis=1).astype(np.float32)
    question = np.array([4096, 1], dtype=np.float32)
    rows = np.arange(1, 10_000, 2)
    for chosen in (None, rows):
        found = exact_search(vectors, question[None, :], 3, similarity, rows=chosen)[0]
        if chosen is None:
            assert_exact(found, vectors, question, 3, similarity)
        if similarity == Similarity.DOT_PRODUCT:
            assert found[0].tolist() == ([9999, 9998, 9997] if chosen is None else [9999, 9997, 9995])


@every_similarity
def test_ties_come_in_the_order_of_rows(similarity):
    vectors = np.tile(np.array([[3, 4]], dtype=np.float32), (200, 1))
    rows, scores = exact_search(vectors, np.array([[1, 1]], dtype=np.float32), 10, similarity)[0]
    assert rows.tolist() == list(range(10))
    assert len(set(scores.tolist())) == 1


def test_the_scores_written_out():
    vectors = np.array([[3, 4], [0, 0], [-1, 2]], dtype=np.float32)
    question = np.array([[1, 1]], dtype=np.float32)
    assert exact_search(vectors, question, 3, Similarity.DOT_PRODUCT)[0][1].tolist() == [7, 1, 0]
    l2_rows, l2_scores = exact_search(vectors, question, 3, Similarity.L2)[0]
    assert l2_rows.tolist() == [1, 2, 0]
    assert l2_scores.tolist() == [1 / 3, 1 / 6, 1 / 14]
    cosine_rows, cosine_scores = exact_search(vectors, question, 3, Similarity.COSINE)[0]
    assert cosine_rows.tolist() == [0, 2, 1]
    np.testing.assert_allclose(cosine_scores, [7 / (5 * 2**0.5), 1 / (5**0.5 * 2**0.5), 0])


def test_many_questions_are_searched_in_blocks():
    random = np.random.default_rng(5)
    vectors, questions = (random.standard_normal((n, 6), dtype=np.float32) for n in (300, 20))
    rows = np.arange(0, 300, 2)
    results = exact_search(vectors, questions, 4, Similarity.L2, rows=rows, scores_at_once=1000)
    for each, question in zip(results, questions, strict=True):
        assert_exact(each, vectors, question, 4, Similarity.L2, set(rows.tolist()))


@every_similarity
def test_rescore_ranks_the_candidates_it_is_given(similarity):
    random = np.random.default_rng(6)
    vectors, question = random.standard_normal((90, 5), dtype=np.float32), random.standard_normal(5).astype(np.float32)
    candidates = random.permutation(90)[:40]
    found = rescore(vectors, question, candidates, 12, similarity, rows_at_once=7)
    assert_exact(found, vectors, question, 12, similarity, set(candidates.tolist()))
    assert rescore(vectors, question, candidates[:0], 12, similarity)[0].size == 0


@every_similarity
@pytest.mark.parametrize("dim", [7, 33, 384])
def test_the_order_of_equal_vectors_does_not_depend_on_k(similarity, dim):
    """BLAS gives equal rows products that differ in the last bit, depending on their place in the matrix."""
    random = np.random.default_rng(dim)
    vectors = random.standard_normal((6, dim), dtype=np.float32)[random.integers(0, 6, 61)]
    question = random.standard_normal(dim).astype(np.float32)
    (everything, scores), *_ = exact_search(vectors, question[None], 61, similarity)
    assert len(set(scores.tolist())) == 6
    assert everything.tolist() == np.lexsort((np.arange(61), -scores[np.argsort(everything)])).tolist()
    for k in range(1, 61):
        assert exact_search(vectors, question[None], k, similarity)[0][0].tolist() == everything[:k].tolist()
