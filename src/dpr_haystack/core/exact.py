# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Exact nearest-neighbour search with numpy: the truth that every index is measured against, and the Flat index itself.

Scores are similarities, higher is better: the inner product, the cosine, or ``1 / (1 + squared distance)`` for L2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dpr_haystack.core.similarity import Similarity

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]

# A block of questions is scored at once; this many scores (128 MB of float32) bound what a block takes.
_SCORES_AT_ONCE = 1 << 25
# Below this share of the rows it is cheaper to gather the wanted ones than to score all and mask.
_GATHER_BELOW = 0.25
# What float32 loses: the relative rounding of one operation, and the size below which numbers turn to zero.
_UNIT = 2.0**-24
_TINY = 2.0**-126
# More than float32 loses in a sum of squares of a million terms.
_ROUNDED_UP = 1.1
# So many rows are widened to float64 at once.
_WIDEN_AT_ONCE = 8_192

Doubles = NDArray[np.float64]


def squared_norms(vectors: Floats) -> Doubles:
    """Squared Euclidean norms, in float64 because the squares of large float32 numbers are beyond float32.

    :param vectors: Shape (n, dim).
    :returns: Shape (n,).
    """
    norms: Doubles = np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64)
    return norms


def norms_for(vectors: Floats, similarity: Similarity) -> Doubles:
    """What :func:`exact_search` needs to know of vectors: their squared norms.

    :param vectors: Shape (n, dim).
    :param similarity: For inner products only their size matters: they are computed in float32 and rounded up.
    :returns: Shape (n,).
    """
    if similarity != Similarity.DOT_PRODUCT:
        return squared_norms(vectors)
    with np.errstate(over="ignore", under="ignore"):
        norms = np.einsum("nd,nd->n", vectors, vectors).astype(np.float64)
    rounded_up: Doubles = norms * _ROUNDED_UP + vectors.shape[1] * _TINY
    return rounded_up


def similarity_scores(vectors: Floats, question: Floats, similarity: Similarity) -> Doubles:
    """Similarities of one question to some vectors, accumulated in float64.

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
    products: Doubles = rows @ wide
    if similarity == Similarity.COSINE:
        lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(wide)
        products = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
    return products


def rescore(vectors: Floats, question: Floats, rows: Rows, k: int, similarity: Similarity) -> tuple[Rows, Doubles]:
    """The k best of some candidate rows by their exact scores.

    :param vectors: Shape (n, dim).
    :param question: Shape (dim,).
    :param rows: Candidate rows.
    :param k: How many to keep.
    :param similarity: How to score.
    :returns: Rows and scores, best first, equal scores by row.
    """
    pieces = [rows[start : start + _WIDEN_AT_ONCE] for start in range(0, max(1, len(rows)), _WIDEN_AT_ONCE)]
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
) -> list[tuple[Rows, Doubles]]:
    """The k most similar vectors of each question, by scoring every one.

    :param vectors: Shape (n, dim).
    :param questions: Shape (m, dim).
    :param k: How many to return for each question.
    :param similarity: How to score.
    :param rows: Search only these rows (sorted); all if None.
    :param excluded: Never return these rows.
    :param norms: What :func:`norms_for` gives for ``vectors``, shape (n,); computed if None.
    :returns: For each question its rows and scores, best first.
    """
    if rows is not None and excluded is not None and excluded.size:
        rows = np.setdiff1d(rows, excluded, assume_unique=True)
    pool, allowed = vectors, None
    if rows is not None:
        if rows.size < _GATHER_BELOW * len(vectors):
            pool = vectors[rows]
            norms = norms[rows] if norms is not None else None
        else:
            allowed, rows = rows, None
    if norms is None:
        norms = norms_for(pool, similarity)
    blocked = _blocked(len(pool), allowed, excluded if rows is None else None)
    results = []
    step = max(1, _SCORES_AT_ONCE // max(1, len(pool)))
    for start in range(0, len(questions), step):
        block = questions[start : start + step]
        keys = _ranking_keys(pool, block, similarity, norms)
        for question, line in zip(block, keys, strict=True):
            doubt = _doubt(question, similarity, norms)
            best = _candidates(line, doubt, blocked, k)
            candidates = rows[best] if rows is not None else best.astype(np.int64)
            results.append(rescore(vectors, question, candidates, k, similarity))
    return results


def _blocked(count: int, allowed: Rows | None, excluded: Rows | None) -> Rows | NDArray[np.bool_] | None:
    if allowed is None:
        return excluded if excluded is not None and excluded.size else None
    mask = np.ones(count, dtype=np.bool_)
    mask[allowed] = False
    return mask


def _ranking_keys(pool: Floats, block: Floats, similarity: Similarity, norms: Doubles) -> Floats:
    """Numbers that rank the pool as the similarity does, shape (questions, pool), as far as float32 goes."""
    with np.errstate(over="ignore", invalid="ignore"):
        if similarity != Similarity.L2:
            block = _scaled(block)
        # One question is a matrix-vector product over the rows as they lie in memory.
        keys: Floats = (pool @ block[0])[None, :] if len(block) == 1 else block @ pool.T
        if similarity == Similarity.L2:
            # Minus the squared distance, but for the question's own norm.
            keys = np.subtract(2 * keys, norms, dtype=np.float32)
        elif similarity == Similarity.COSINE:
            lengths = np.sqrt(norms).astype(np.float32)
            keys = np.divide(keys, lengths, out=np.zeros_like(keys), where=lengths > 0)
    return keys


def _scaled(questions: Floats) -> Floats:
    """Questions of a size of about one: that ranks the same, and products neither overflow nor vanish so soon."""
    _, exponents = np.frexp(np.abs(questions).max(axis=-1, keepdims=True, initial=0))
    scaled: Floats = np.ldexp(questions, -exponents)  # exact, because it only changes the exponents
    return scaled


def _doubt(question: Floats, similarity: Similarity, norms: Doubles) -> Doubles:
    """How far each ranking key may be from the truth, shape (pool,).

    An inner product of n terms is good to n units of the product of the lengths (Higham 2002, section 3.1).
    """
    terms = question.size + 4
    if similarity == Similarity.L2:
        doubt: Doubles = np.square(np.linalg.norm(question.astype(np.float64)) + np.sqrt(norms))
        return terms * (_UNIT * doubt + 4 * _TINY)
    lengths = np.sqrt(norms)
    unit = terms * _UNIT * float(np.linalg.norm(_scaled(question)))
    if similarity == Similarity.DOT_PRODUCT:
        return unit * lengths + terms * _TINY
    lost: Doubles = np.divide(terms * _TINY, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return unit + lost


def _candidates(keys: Floats, doubt: Doubles, blocked: Rows | NDArray[np.bool_] | None, k: int) -> NDArray[np.intp]:
    """Positions that the k best are among."""
    broken = ~np.isfinite(keys)
    if broken.any():  # beyond float32: nothing is known
        doubt = np.where(broken, np.inf, doubt)
        keys = np.where(broken, np.float32(0), keys)
    if blocked is not None:
        keys[blocked] = -np.inf
    open_to_all = keys > -np.inf
    if k >= keys.size:
        return np.flatnonzero(open_to_all)
    border = -np.partition(-(keys - doubt), k - 1)[k - 1] if k else np.inf
    return np.flatnonzero(open_to_all & (keys + doubt >= border))
