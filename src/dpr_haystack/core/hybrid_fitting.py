# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Fit the weights of BM25 and DPR in hybrid retrieval on questions with known relevant passages.

All ranks agree with :func:`dpr_haystack.core.fusion.fuse`, which the retriever and the joiner use.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dpr_haystack.core.fusion import NORMALIZATIONS, fuse
from dpr_haystack.core.intervals import Interval
from dpr_haystack.errors import InputError

SHARES = tuple(step / 100 for step in range(101))
"""The grid of DPR's share of the weight: from 0 (BM25 alone) to 1 (DPR alone)."""

_SOURCES = ("bm25", "dpr")
# Means that differ by less are equal: the same terms may have been summed in another order.
_TOLERANCE = 1e-9
RESAMPLED_AT_ONCE = 1 << 22

Ranks: TypeAlias = NDArray[np.float64]
"""Ranks of the first relevant passage, from 1; infinite if none was retrieved."""


class JudgedRuns(NamedTuple):
    """The runs of one question and its relevant passages.

    :param runs: Scores by passage id, for ``"bm25"`` and ``"dpr"``.
    :param relevant: The ids of the relevant passages.
    """

    runs: Mapping[str, Mapping[str, float]]
    relevant: frozenset[str]


class Curve(NamedTuple):
    """The ranks of all questions over the grid, for one normalisation.

    :param normalization: The name of the normalisation.
    :param weights: The weights for each share of DPR.
    :param ranks: Shape (questions, shares).
    """

    normalization: str
    weights: list[dict[str, float]]
    ranks: Ranks


class GridPoint(NamedTuple):
    """A point of a curve.

    :param curve: The index of the curve.
    :param position: The index in the grid.
    """

    curve: int
    position: int


class CrossValidation(NamedTuple):
    """The result of a cross-validation.

    :param ranks: The rank of each question with the weights fitted on the other folds, shape (questions,).
    :param points: For each fold, the point fitted on the other folds.
    """

    ranks: Ranks
    points: list[GridPoint]


def check_metric(metric: str, depth: int) -> None:
    """Check the name of a metric.

    :param metric: ``"mrr"`` or ``"top-K"`` with a number K.
    :param depth: How many passages are retrieved.
    :raises InputError: If the metric is unknown, or K is greater than the depth.
    """
    if metric == "mrr":
        return
    cutoff = metric.removeprefix("top-")
    if not (metric.startswith("top-") and cutoff.isdecimal() and 1 <= int(cutoff) <= depth):
        msg = f"metric must be 'mrr' or 'top-K' with K from 1 to {depth} (the depth): got {metric!r}"
        raise InputError(msg)


def metric_values(ranks: Ranks, metric: str, depth: int) -> NDArray[np.float64]:
    """The value of a metric for each rank: 1 / rank (``"mrr"``), or 100 up to rank K and 0 beyond (``"top-K"``).

    :param ranks: Ranks, of any shape.
    :param metric: See :func:`check_metric`.
    :param depth: Ranks beyond this count as not retrieved.
    :returns: Values of the same shape.
    """
    if metric == "mrr":
        return np.where(ranks <= depth, 1.0 / ranks, 0.0)
    return np.where(ranks <= int(metric.removeprefix("top-")), 100.0, 0.0)


def dpr_scale(searched: Sequence[JudgedRuns], normalization: str) -> float:
    """The factor that brings DPR's scores to the range of BM25's.

    With it, a share of the weight means the same with and without normalisation. For raw scores it is the mean range
    of BM25's scores divided by that of DPR's, to three digits; otherwise it is 1. Relevance is not used.

    :param searched: The questions.
    :param normalization: As for :func:`~dpr_haystack.core.fusion.fuse`.
    """
    if normalization != "none":
        return 1.0
    ranges = {
        name: [max(run.values()) - min(run.values()) for run in (judged.runs[name] for judged in searched) if run]
        for name in _SOURCES
    }
    bm25, dpr = (math.fsum(ranges[name]) / len(ranges[name]) if ranges[name] else 0.0 for name in _SOURCES)
    return float(f"{bm25 / dpr:.3g}") if bm25 > 0 and dpr > 0 else 1.0


def weights_at(share: float, scale: float = 1.0) -> dict[str, float]:
    """The weights for a share of DPR.

    :param share: DPR's share, 0 to 1.
    :param scale: See :func:`dpr_scale`.
    """
    return {"bm25": round(1.0 - share, 6), "dpr": float(f"{share * scale:.4g}")}


def ranks_by_weights(
    searched: JudgedRuns, weights: Sequence[Mapping[str, float]], *, normalization: str = "minmax", missing: str = "min"
) -> Ranks:
    """The rank of the first relevant passage in the fused list, for each of many weights.

    Normalised scores do not depend on the weights, so one fusion gives the scores for all of them. :func:`fuse` is
    called for a weight only where its rules for ties, zero weights or infinite scores decide the rank.

    :param searched: The runs of one question.
    :param weights: The weights of ``"bm25"`` and ``"dpr"``.
    :param normalization: As for :func:`fuse`.
    :param missing: As for :func:`fuse`.
    :returns: Shape (weights,); infinite if no relevant passage was retrieved.
    """
    runs, relevant = searched
    if not any(id_ in run for run in runs.values() for id_ in relevant):
        return np.full(len(weights), np.inf)
    options = {"normalization": normalization, "missing": missing}
    hits = fuse(runs, dict.fromkeys(_SOURCES, 1.0), **options)  # type: ignore[arg-type]
    scores = np.zeros((len(weights), len(hits)))
    for name in _SOURCES:  # in the order in which fuse adds them
        parts = np.array([hit.contributions[name].part for hit in hits])
        scores += np.array([pair[name] for pair in weights])[:, None] * parts
    is_relevant = np.array([hit.id in relevant for hit in hits])
    best = scores[:, is_relevant].max(axis=1, keepdims=True)
    ranks: Ranks = 1.0 + (scores > best).sum(axis=1)
    all_finite = all(math.isfinite(score) for run in runs.values() for score in run.values())
    for position, pair in enumerate(weights):
        if not all_finite or 0.0 in pair.values() or (scores[position] == best[position]).sum() > 1:
            fused = fuse(runs, pair, **options)  # type: ignore[arg-type]
            ranks[position] = next(rank for rank, hit in enumerate(fused, 1) if hit.id in relevant)
    return ranks


def best_point(means: Sequence[NDArray[np.float64]]) -> GridPoint:
    """The highest point of several curves: the first of equal curves, the middle one of equal points.

    :param means: For each curve, the mean of the metric over the grid.
    """
    highest = [float(curve.max()) for curve in means]
    chosen = next(index for index, value in enumerate(highest) if value >= max(highest) - _TOLERANCE)
    equal = np.flatnonzero(means[chosen] >= highest[chosen] - _TOLERANCE)
    return GridPoint(chosen, int(equal[(len(equal) - 1) // 2]))


def cross_validate(curves: Sequence[Curve], metric: str, depth: int, *, folds: int, seed: int = 0) -> CrossValidation:
    """Rank each question with the weights that are best for the other folds.

    :param curves: Curves over the same questions.
    :param metric: The metric to optimise.
    :param depth: How many passages are retrieved.
    :param folds: How many folds the questions are randomly split into.
    :param seed: Seed of the split.
    :raises InputError: If there are fewer than two folds, or fewer questions than folds.
    """
    count = len(curves[0].ranks)
    check_folds(count, folds)
    fold_of = np.random.default_rng(seed).permutation(np.arange(count) % folds)
    values = [metric_values(curve.ranks, metric, depth) for curve in curves]
    ranks, points = np.empty(count), []
    for fold in range(folds):
        held_out = fold_of == fold
        point = best_point([curve_values[~held_out].mean(axis=0) for curve_values in values])
        ranks[held_out] = curves[point.curve].ranks[held_out, point.position]
        points.append(point)
    return CrossValidation(ranks, points)


def share_interval(
    values: NDArray[np.float64], *, resamples: int = 1_000, seed: int = 0, at_once: int = RESAMPLED_AT_ONCE
) -> Interval:
    """The 95% confidence interval of the best share of DPR (percentile bootstrap over questions).

    :param values: The metric's values for one curve, shape (questions, shares).
    :param resamples: How many samples of the questions are drawn with replacement.
    :param seed: Seed of the sampling.
    :param at_once: How many counts are drawn at a time, which bounds memory; the result does not depend on it.
    :returns: The lower and upper end, both in the grid.
    """
    generator = np.random.default_rng(seed)
    count = len(values)
    block = max(1, at_once // count)
    positions = []
    for start in range(0, resamples, block):
        drawn = generator.multinomial(count, np.full(count, 1.0 / count), size=min(block, resamples - start))
        positions += [best_point([mean]).position for mean in drawn @ values / count]
    low, high = np.percentile(positions, [2.5, 97.5], method="nearest")
    return SHARES[int(low)], SHARES[int(high)]


def check_folds(questions: int, folds: int) -> None:
    """Check the number of folds.

    :param questions: The number of questions.
    :param folds: The number of folds.
    :raises InputError: If there are fewer than two folds, or fewer questions than folds.
    """
    if not 2 <= folds <= questions:
        msg = f"folds must be from 2 to the number of questions ({questions}): got {folds}"
        raise InputError(msg)


def check_normalizations(names: Sequence[str]) -> None:
    """Check the names of normalisations.

    :param names: The names; at least one.
    :raises InputError: If one is unknown, or there are none.
    """
    unknown = [name for name in names if name not in NORMALIZATIONS]
    if unknown or not names:
        msg = f"normalization must be one or more of {', '.join(map(repr, NORMALIZATIONS))}: got {list(names)}"
        raise InputError(msg)
