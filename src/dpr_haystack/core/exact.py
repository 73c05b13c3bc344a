# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Exact nearest-neighbour search with numpy: the Flat index, and the reference for all others.

Scores are similarities, higher is better: the inner product, the cosine, or ``1 / (1 + squared distance)`` for L2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dpr_haystack.core.similarity import Similarity

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]

# Questions are scored in blocks of at most this many scores (128 MB of float32).
SCORES_AT_ONCE = 1 << 25
# Below this share of the rows, copying the wanted rows is cheaper than scoring all rows and picking the scores.
_GATHER_BELOW = 0.1
# Limits of float32: the relative rounding error of one operation, and the smallest normal number.
_UNIT = 2.0**-24
_TINY = 2.0**-126
# An upper bound of the relative error of a float32 sum of a million squares.
_ROUNDED_UP = 1.1
# How many rows are converted to float64 at a time.
ROWS_AT_ONCE = 8_192

Doubles = NDArray[np.float64]


def squared_norms(vectors: Floats) -> Doubles:
    """Squared Euclidean norms, in float64 because squares of large float32 numbers overflow float32.

    :param vectors: Shape (n, dim).
    :returns: Shape (n,).
    """
    norms: Doubles = np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64)
    return norms


def norms_for(vectors: Floats, similarity: Similarity) -> Doubles:
    """The squared norms that :func:`exact_search` needs.

    :param vectors: Shape (n, dim).
    :param similarity: How vectors are compared. For inner products an upper bound is enough: the norms are computed in
        float32 and rounded up.
    :returns: Shape (n,).
    """
    if similarity != Similarity.DOT_PRODUCT:
        return squared_norms(vectors)
    with np.errstate(over="ignore", under="ignore"):
        norms = np.einsum("nd,nd->n", vectors, vectors).astype(np.float64)
    rounded_up: Doubles = norms * _ROUNDED_UP + vectors.shape[1] * _TINY
    return rounded_up


def similarity_scores(vectors: Floats, question: Floats, similarity: Similarity) -> Doubles:
    """Similarities of one question and some vectors, computed in float64.

    :param vectors: Shape (n, dim).
    :param question: Shape (dim,).
    :param similarity: What to compute.
    :returns: Shape (n,); the cosine with a zero vector is 0.
    """
    rows = vectors.astype(np.float64)
    wide = question.astype(np.float64)
    if similarity == Similarity.L2:
        difference = rows - wide
        distances: Doubles = np.einsum("nd,nd->n", difference, difference)
        return 1.0 / (1.0 + distances)
    # Not a product of BLAS, which may give equal rows scores that differ in the last bit.
    products: Doubles = np.einsum("nd,d->n", rows, wide)
    if similarity == Similarity.COSINE:
        lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(wide)
        products = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
    return products


def rescore(
    vectors: Floats,
    question: Floats,
    rows: Rows,
    k: int,
    similarity: Similarity,
    *,
    rows_at_once: int = ROWS_AT_ONCE,
) -> tuple[Rows, Doubles]:
    """The k best of some candidate rows, by exact score.

    :param vectors: Shape (n, dim).
    :param question: Shape (dim,).
    :param rows: Candidate rows.
    :param k: How many to keep.
    :param similarity: How to score.
    :param rows_at_once: How many rows are converted to float64 at a time.
    :returns: Rows and scores, best first, equal scores by row.
    """
    pieces = [rows[start : start + rows_at_once] for start in range(0, max(1, len(rows)), rows_at_once)]
    scores = np.concatenate([similarity_scores(vectors[piece], question, similarity) for piece in pieces])
    order = np.lexsort((rows, -scores))[:k]
    return rows[order], scores[order]


def exact_search(
    vectors: Floats,
    questions: Floats,
    k: int,
    similarity: Similarity,
    *,
    rows: Rows | None = None,
    excluded: Rows | None = None,
    norms: Doubles | None = None,
    scores_at_once: int = SCORES_AT_ONCE,
) -> list[tuple[Rows, Doubles]]:
    """The k vectors most similar to each question, found by scoring all vectors.

    :param vectors: Shape (n, dim).
    :param questions: Shape (m, dim).
    :param k: How many to return for each question.
    :param similarity: How to score.
    :param rows: Search only these rows (sorted); all if None.
    :param excluded: Never return these rows.
    :param norms: The result of :func:`norms_for` for ``vectors``, shape (n,); computed if None.
    :param scores_at_once: How many scores a block of questions may have, which bounds memory.
    :returns: For each question its rows and scores, best first.
    """
    if rows is not None and excluded is not None and excluded.size:
        rows = np.setdiff1d(rows, excluded, assume_unique=True)
    pool, picked = vectors, None
    if rows is not None:
        if rows.size < _GATHER_BELOW * len(vectors):
            pool = vectors[rows]
            norms = norms[rows] if norms is not None else None
        else:
            picked = rows
    if norms is None:
        norms = norms_for(pool, similarity)
    ranked_norms = norms if picked is None else norms[picked]
    blocked = excluded if rows is None and excluded is not None and excluded.size else None
    results = []
    step = max(1, scores_at_once // max(1, len(pool)))
    for start in range(0, len(questions), step):
        block = questions[start : start + step]
        keys = _ranking_keys(pool, block, similarity, norms)
        for question, line in zip(block, keys, strict=True):
            bounds = _error_bounds(question, similarity, ranked_norms)
            best = _candidates(line if picked is None else line[picked], bounds, blocked, k)
            candidates = rows[best] if rows is not None else best.astype(np.int64)
            results.append(rescore(vectors, question, candidates, k, similarity))
    return results


def _ranking_keys(pool: Floats, block: Floats, similarity: Similarity, norms: Doubles) -> Floats:
    """Float32 keys that rank the pool as the similarity does, shape (questions, pool)."""
    with np.errstate(over="ignore", invalid="ignore"):
        if similarity != Similarity.L2:
            block = _scaled(block)
        # For one question a matrix-vector product, which reads the rows in memory order.
        keys: Floats = (pool @ block[0])[None, :] if len(block) == 1 else block @ pool.T
        if similarity == Similarity.L2:
            # The negative squared distance without the question's norm, which is the same for all rows.
            keys = np.subtract(2 * keys, norms, dtype=np.float32)
        elif similarity == Similarity.COSINE:
            lengths = np.sqrt(norms).astype(np.float32)
            keys = np.divide(keys, lengths, out=np.zeros_like(keys), where=lengths > 0)
    return keys


def _scaled(questions: Floats) -> Floats:
    """Questions scaled to about 1: same ranking, but products neither overflow nor underflow."""
    _, exponents = np.frexp(np.abs(questions).max(axis=-1, keepdims=True, initial=0))
    scaled: Floats = np.ldexp(questions, -exponents)  # exact: only exponents change
    return scaled


def _error_bounds(question: Floats, similarity: Similarity, norms: Doubles) -> Doubles:
    """Bounds of the rounding errors of the ranking keys, shape (pool,).

    The error of an inner product of n terms is at most n units times the product of both norms (Higham 2002,
    section 3.1).
    """
    terms = question.size + 4
    if similarity == Similarity.L2:
        bounds: Doubles = np.square(np.linalg.norm(question.astype(np.float64)) + np.sqrt(norms))
        return terms * (_UNIT * bounds + 4 * _TINY)
    lengths = np.sqrt(norms)
    unit = terms * _UNIT * float(np.linalg.norm(_scaled(question)))
    if similarity == Similarity.DOT_PRODUCT:
        return unit * lengths + terms * _TINY
    lost: Doubles = np.divide(terms * _TINY, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return unit + lost


def _candidates(keys: Floats, bounds: Doubles, blocked: Rows | None, k: int) -> NDArray[np.intp]:
    """Positions among which the k best are."""
    overflown = ~np.isfinite(keys)
    if overflown.any():  # overflow: the key says nothing
        bounds = np.where(overflown, np.inf, bounds)
        keys = np.where(overflown, np.float32(0), keys)
    if blocked is not None:
        keys[blocked] = -np.inf
    allowed = keys > -np.inf
    if k >= keys.size:
        return np.flatnonzero(allowed)
    border = -np.partition(-(keys - bounds), k - 1)[k - 1] if k else np.inf
    return np.flatnonzero(allowed & (keys + bounds >= border))
