# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The weight of DPR beside BM25 that is best for questions whose right passages are known.

Every figure comes out of :func:`dpr_haystack.core.fusion.fuse`, which is what retriever and joiner fuse with.
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
"""The grid: DPR's share of the weight, from BM25 alone to DPR alone."""

_SOURCES = ("bm25", "dpr")
# Means that differ by less than this are the same: sums of the same terms in another order.
_SAME = 1e-9
_RESAMPLED_AT_ONCE = 1 << 22

Ranks: TypeAlias = NDArray[np.float64]
"""Ranks of the first right passage, from 1; infinite where it was not found."""


class Searched(NamedTuple):
    """What was found for one question, and which passages are right.

    :param runs: For ``"bm25"`` and ``"dpr"`` the scores by passage id.
    :param right: The ids of right passages.
    """

    runs: Mapping[str, Mapping[str, float]]
    right: frozenset[str]


class Curve(NamedTuple):
    """One normalisation over the grid.

    :param normalization: Its name.
    :param weights: The weights for each share of DPR.
    :param ranks: Shape (questions, shares).
    """

    normalization: str
    weights: list[dict[str, float]]
    ranks: Ranks


class Choice(NamedTuple):
    """A point of a curve: which curve, and where on the grid."""

    curve: int
    position: int


class HeldOut(NamedTuple):
    """What cross-validation found.

    :param ranks: For each question its rank under what was fitted without it, shape (questions,).
    :param choices: What was fitted without each fold.
    """

    ranks: Ranks
    choices: list[Choice]


def check_metric(metric: str, depth: int) -> None:
    """Refuse a metric that is none.

    :param metric: ``"mrr"`` or ``"top-K"`` with a number K.
    :param depth: How many passages are looked at.
    :raises InputError: If it is neither, or K is beyond the depth.
    """
    if metric == "mrr":
        return
    number = metric.removeprefix("top-")
    if not (metric.startswith("top-") and number.isdecimal() and 1 <= int(number) <= depth):
        msg = f"metric must be 'mrr' or 'top-K' with K from 1 to the depth, {depth}, got {metric!r}"
        raise InputError(msg)


def values_of(ranks: Ranks, metric: str, depth: int) -> NDArray[np.float64]:
    """What a metric's mean is taken of: 1 / rank, or 100 where the rank is among the first K.

    :param ranks: Of any shape.
    :param metric: See :func:`check_metric`.
    :param depth: What is beyond this rank counts as not found.
    :returns: Of the same shape.
    """
    if metric == "mrr":
        return np.where(ranks <= depth, 1.0 / ranks, 0.0)
    return np.where(ranks <= int(metric.removeprefix("top-")), 100.0, 0.0)


def scale_of(searched: Sequence[Searched], normalization: str) -> float:
    """What DPR's scores are multiplied by, so that its share of the weight means the same with and without normalising.

    Only raw scores need one: the mean range of BM25's scores divided by that of DPR's, to three digits. No right
    passage is looked at for it.
    """
    if normalization != "none":
        return 1.0
    ranges = {
        name: [max(run.values()) - min(run.values()) for run in (each.runs[name] for each in searched) if run]
        for name in _SOURCES
    }
    bm25, dpr = (math.fsum(ranges[name]) / len(ranges[name]) if ranges[name] else 0.0 for name in _SOURCES)
    return float(f"{bm25 / dpr:.3g}") if bm25 > 0 and dpr > 0 else 1.0


def weights_at(share: float, scale: float = 1.0) -> dict[str, float]:
    """The weights at a point of the grid.

    :param share: DPR's share, 0 to 1.
    :param scale: See :func:`scale_of`.
    """
    return {"bm25": round(1.0 - share, 6), "dpr": float(f"{share * scale:.4g}")}


def ranks_over(
    searched: Searched, weights: Sequence[Mapping[str, float]], *, normalization: str = "minmax", missing: str = "min"
) -> Ranks:
    """The rank of the first right passage in the fused list, for each of many weights.

    Normalised scores do not depend on the weights, so that one fusion gives the scores of all; where equal scores or a
    weight of zero leave the rank to :func:`fuse`'s finer rules, it is asked itself.

    :param searched: One question.
    :param weights: The weights of ``"bm25"`` and ``"dpr"``.
    :param normalization: As for :func:`fuse`.
    :param missing: As for :func:`fuse`.
    :returns: Shape (weights,); infinite if no right passage was found.
    """
    runs, right = searched
    if not any(id_ in run for run in runs.values() for id_ in right):
        return np.full(len(weights), np.inf)
    options = {"normalization": normalization, "missing": missing}
    hits = fuse(runs, dict.fromkeys(_SOURCES, 1.0), **options)  # type: ignore[arg-type]
    scores = np.zeros((len(weights), len(hits)))
    for name in _SOURCES:  # in the order in which fuse adds them
        parts = np.array([hit.contributions[name].part for hit in hits])
        scores += np.array([each[name] for each in weights])[:, None] * parts
    is_right = np.array([hit.id in right for hit in hits])
    best = scores[:, is_right].max(axis=1, keepdims=True)
    ranks: Ranks = 1.0 + (scores > best).sum(axis=1)
    is_usual = all(math.isfinite(score) for run in runs.values() for score in run.values())
    for position, each in enumerate(weights):
        if not is_usual or 0.0 in each.values() or (scores[position] == best[position]).sum() > 1:
            fused = fuse(runs, each, **options)  # type: ignore[arg-type]
            ranks[position] = next(rank for rank, hit in enumerate(fused, 1) if hit.id in right)
    return ranks


def best_choice(means: Sequence[NDArray[np.float64]]) -> Choice:
    """The highest point of some curves: of equal curves the first, of equal points the middle one.

    :param means: For each curve its values over the grid.
    """
    highest = [float(curve.max()) for curve in means]
    chosen = next(number for number, value in enumerate(highest) if value >= max(highest) - _SAME)
    equal = np.flatnonzero(means[chosen] >= highest[chosen] - _SAME)
    return Choice(chosen, int(equal[(len(equal) - 1) // 2]))


def cross_validated(curves: Sequence[Curve], metric: str, depth: int, *, folds: int, seed: int = 0) -> HeldOut:
    """Each question under what was fitted without it and the others of its fold.

    :param curves: Curves over the same questions.
    :param metric: What is fitted for.
    :param depth: How many passages are looked at.
    :param folds: Into how many parts the questions are dealt, by chance.
    :param seed: The same seed deals them the same way.
    :raises InputError: If there are fewer than two folds, or fewer questions than folds.
    """
    count = len(curves[0].ranks)
    check_folds(count, folds)
    fold_of = np.random.default_rng(seed).permutation(np.arange(count) % folds)
    values = [values_of(curve.ranks, metric, depth) for curve in curves]
    ranks, choices = np.empty(count), []
    for fold in range(folds):
        held_out = fold_of == fold
        choice = best_choice([each[~held_out].mean(axis=0) for each in values])
        ranks[held_out] = curves[choice.curve].ranks[held_out, choice.position]
        choices.append(choice)
    return HeldOut(ranks, choices)


def share_interval(values: NDArray[np.float64], *, resamples: int = 1_000, seed: int = 0) -> Interval:
    """Where the chosen share of DPR lies in 95 of 100 samples of the questions (percentile bootstrap).

    :param values: Shape (questions, shares): one curve, by question.
    :param resamples: How many samples, each as large as the questions, are drawn with replacement.
    :param seed: The same seed gives the same interval.
    :returns: Two shares of the grid.
    """
    source = np.random.default_rng(seed)
    count = len(values)
    at_once = max(1, _RESAMPLED_AT_ONCE // count)
    positions = []
    for start in range(0, resamples, at_once):
        drawn = source.multinomial(count, np.full(count, 1.0 / count), size=min(at_once, resamples - start))
        positions += [best_choice([mean]).position for mean in drawn @ values / count]
    low, high = np.percentile(positions, [2.5, 97.5], method="nearest")
    return SHARES[int(low)], SHARES[int(high)]


def check_folds(questions: int, folds: int) -> None:
    """Refuse a cross-validation that cannot be.

    :param questions: How many there are.
    :param folds: Into how many parts they are dealt.
    :raises InputError: If there are fewer than two folds, or fewer questions than folds.
    """
    if not 2 <= folds <= questions:
        msg = f"{questions} questions cannot be dealt into {folds} folds: at least 2 folds, and a question for each"
        raise InputError(msg)


def check_normalizations(names: Sequence[str]) -> None:
    """Refuse normalisations that are none.

    :raises InputError: If one is unknown, or there are none to choose from.
    """
    unknown = [name for name in names if name not in NORMALIZATIONS]
    if unknown or not names:
        msg = f"normalization must be one or more of {', '.join(map(repr, NORMALIZATIONS))}, got {list(names)}"
        raise InputError(msg)
