# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Fusion of the ranked lists of several sources, e.g. BM25 and dense retrieval, into one."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple, TypeAlias

from dpr_haystack.core.checks import check_integer, check_number
from dpr_haystack.core.ranked_lists import Run, as_listed, by_score
from dpr_haystack.errors import InputError

FUSIONS = ("convex", "rrf", "dbsf")
NORMALIZATIONS = ("minmax", "zscore", "none")
MISSING_POLICIES = ("min", "zero")


class Contribution(NamedTuple):
    """What one source contributes to the score of a passage.

    :param score: The source's own score; None if it did not find the passage, or found it without a usable score.
    :param rank: The rank there, from 1; None if the source did not find the passage.
    :param part: What this adds to the fused score.
    """

    score: float | None
    rank: int | None
    part: float


class FusedHit(NamedTuple):
    """A passage of the fused list.

    :param id: Its id.
    :param score: The sum of its contributions' parts.
    :param contributions: What each source contributes, by its name.
    """

    id: str
    score: float
    contributions: dict[str, Contribution]


class _Source(NamedTuple):
    """A prepared source: its hits, the contribution to passages that it did not find, and whether it counts at all."""

    hits: dict[str, Contribution]
    absent: Contribution
    counts: bool


_Scale: TypeAlias = Callable[[list[float], list[float]], tuple[list[float], float]]
"""From the scores of all hits (best first, made finite) and those that were finite in the first place to the
normalised scores and the score of a passage that was not found."""


def fuse(
    runs: Mapping[str, Run],
    weights: Mapping[str, float],
    *,
    fusion: str = "convex",
    normalization: str = "minmax",
    missing: str = "min",
    rrf_k: float = 60,
    top_k: int | None = None,
    lower_is_better: Collection[str] = (),
) -> list[FusedHit]:
    """Fuse the runs of several sources for one question.

    ``fusion`` is one of

    * ``"convex"``: the weighted sum of normalised scores (Bruch et al. 2022, arXiv 2210.11934). ``normalization`` is
      ``"minmax"``, ``"zscore"`` or ``"none"``; with ``"none"`` it is the hybrid of the DPR paper (section 5,
      BM25 + lambda * dot product). Where all scores of a run are equal, a run of one hit for instance, its hits get 1
      and other passages 0 (``"minmax"``), or 0 and -1 (``"zscore"``): a passage that was found never scores below one
      that was not.
    * ``"rrf"``: reciprocal rank fusion, the sum of ``weight / (rrf_k + rank)`` with ranks from 1. In a list the rank
      is the place, whatever the scores are, and whether there are any; hits in a mapping are ranked by score.
    * ``"dbsf"``: distribution-based fusion: mean - 3 sd becomes 0, mean + 3 sd becomes 1, values outside are
      clipped, and the weighted values are summed. Where all scores of a run are equal they become 0.5.

    ``missing`` is the score that ``"convex"`` gives a passage in a run that lacks it: ``"min"``, the lowest score
    of that run, or ``"zero"``. With ``"minmax"`` both are the same; with ``"zscore"`` zero would be the mean, which is
    refused. With ``"rrf"`` and ``"dbsf"`` such a run adds nothing.

    Except in lists for ``"rrf"``, a hit whose score is None, NaN or minus infinity ranks last in its run and gets its
    lowest finite score; plus infinity ranks first and gets the highest. Range, mean and deviation are those of the
    finite scores. A run without any finite score and a run of weight zero are ignored; passages that only they found
    come last.

    Runs in ``lower_is_better`` have distances instead of similarities; each counts with the opposite sign. Except with
    the normalisation ``"none"`` this is the same as 1 - distance.

    The result depends neither on the order of the sources nor, except in lists for ``"rrf"``, on the order of their
    hits: equal scores inside a run are ranked by id. Equal fused scores are ordered by their best rank in any source,
    then the next best, and so on; then by id.

    :param runs: For each source its hits; a run may be empty. If an id occurs twice in it, its best score counts, with
        ``"rrf"`` its first place.
    :param weights: For each source its weight, zero or more. Weights are not normalised to sum to one. Sources
        without a run are allowed.
    :param fusion: ``"convex"``, ``"rrf"`` or ``"dbsf"``.
    :param normalization: ``"minmax"``, ``"zscore"`` or ``"none"``; for ``"convex"`` only.
    :param missing: ``"min"`` or ``"zero"``; for ``"convex"`` only.
    :param rrf_k: The constant of ``"rrf"``, zero or more.
    :param top_k: How many hits to return; None for all.
    :param lower_is_better: The sources whose scores are distances.
    :returns: The hits, best first.
    :raises InputError: If an option is unknown, a weight negative or not finite, every weight zero, a run has no
        weight, a score is not a number, or ``top_k`` is not an integer of at least 0.
    """
    check_options(
        weights,
        fusion=fusion,
        normalization=normalization,
        missing=missing,
        rrf_k=rrf_k,
        lower_is_better=lower_is_better,
    )
    if top_k is not None:
        check_integer("top_k", top_k, minimum=0)
    unknown = sorted(set(runs) - set(weights))
    if unknown:
        msg = f"every run needs a weight: got none for {', '.join(unknown)}, only for {', '.join(sorted(weights))}"
        raise InputError(msg)
    scale = _scale_of(fusion, normalization, missing)
    sources = {}
    for name in sorted(runs):  # floating-point sums depend on the order of their terms
        run, weight, is_distance = runs[name], float(weights[name]), name in lower_is_better
        if fusion == "rrf":
            sources[name] = _prepare_ranks(name, run, weight, rrf_k, lower_is_better=is_distance)
        else:
            sources[name] = _prepare(name, run, weight, scale, lower_is_better=is_distance)
    return _merge(sources)[:top_k]


def check_options(
    weights: Mapping[str, float],
    *,
    fusion: str = "convex",
    normalization: str = "minmax",
    missing: str = "min",
    rrf_k: float = 60,
    lower_is_better: Collection[str] = (),
) -> None:
    """Refuse options that :func:`fuse` cannot use.

    :param weights: See :func:`fuse`.
    :param fusion: See :func:`fuse`.
    :param normalization: See :func:`fuse`.
    :param missing: See :func:`fuse`.
    :param rrf_k: See :func:`fuse`.
    :param lower_is_better: See :func:`fuse`.
    :raises InputError: If one is unknown or out of range, or if two exclude each other.
    """
    for what, value, allowed in (
        ("fusion", fusion, FUSIONS),
        ("normalization", normalization, NORMALIZATIONS),
        ("missing", missing, MISSING_POLICIES),
    ):
        if value not in allowed:
            msg = f"{what} must be one of {', '.join(map(repr, allowed))}: got {value!r}"
            raise InputError(msg)
    if fusion == "convex" and normalization == "zscore" and missing == "zero":
        msg = "missing='zero' with normalization='zscore' would give missing passages the mean score: use missing='min'"
        raise InputError(msg)
    check_number("rrf_k", rrf_k)
    _check_weights(weights)
    unknown = [name for name in lower_is_better if name not in weights]
    if isinstance(lower_is_better, str) or unknown:
        msg = f"lower_is_better must be a list of names in weights ({', '.join(weights)}): got {lower_is_better!r}"
        raise InputError(msg)
    if lower_is_better and (fusion, normalization, missing) == ("convex", "none", "zero"):
        msg = (
            "missing='zero' with normalization='none' would rank what a list of distances lacks above all of its "
            "passages: use missing='min'"
        )
        raise InputError(msg)


def _check_weights(weights: Mapping[str, float]) -> None:
    for name, weight in weights.items():
        if not isinstance(weight, (int, float)) or not math.isfinite(weight) or weight < 0:
            msg = f"the weight of {name!r} must be a finite number of at least 0: got {weight!r}"
            raise InputError(msg)
    if not any(weight > 0 for weight in weights.values()):
        msg = f"at least one weight must be above 0: got {dict(weights)}"
        raise InputError(msg)


def _scale_of(fusion: str, normalization: str, missing: str) -> _Scale:
    if fusion == "dbsf":
        return _distribution
    if normalization == "none":
        return partial(_raw, missing=missing)
    return _minmax if normalization == "minmax" else _zscore


def _prepare(name: str, run: Run, weight: float, scale: _Scale, *, lower_is_better: bool) -> _Source:
    ranked = by_score(name, run, lower_is_better=lower_is_better)
    finite = [score for _, score in ranked if math.isfinite(score)]
    if finite:
        highest, lowest = finite[0], finite[-1]
        values, floor = scale([min(max(score, lowest), highest) for _, score in ranked], finite)
    else:
        values, floor = [0.0] * len(ranked), 0.0
    hits = _weighted(ranked, weight, values, lower_is_better=lower_is_better)
    return _Source(hits, Contribution(None, None, weight * floor), counts=bool(finite) and weight > 0)


def _prepare_ranks(name: str, run: Run, weight: float, k: float, *, lower_is_better: bool) -> _Source:
    """For reciprocal rank fusion: the order of a list counts, whatever its scores are."""
    is_list = not isinstance(run, Mapping)
    ranked = (as_listed if is_list else by_score)(name, run, lower_is_better=lower_is_better)
    has_order = is_list or any(math.isfinite(score) for _, score in ranked)
    values = [1 / (k + rank) if has_order else 0.0 for rank in range(1, len(ranked) + 1)]
    hits = _weighted(ranked, weight, values, lower_is_better=lower_is_better)
    return _Source(hits, Contribution(None, None, 0.0), counts=has_order and bool(ranked) and weight > 0)


def _weighted(
    ranked: Sequence[tuple[str, float]], weight: float, values: Sequence[float], *, lower_is_better: bool
) -> dict[str, Contribution]:
    sign = -1.0 if lower_is_better else 1.0  # back to the source's own score
    return {
        id_: Contribution(None if score == -math.inf else sign * score, rank, weight * value)
        for rank, ((id_, score), value) in enumerate(zip(ranked, values, strict=True), 1)
    }


def _merge(sources: Mapping[str, _Source]) -> list[FusedHit]:
    hits = []
    for id_ in set().union(*(source.hits for source in sources.values())):
        score, contributions = 0.0, {}
        for name, source in sources.items():
            contributions[name] = given = source.hits.get(id_, source.absent)
            score += given.part
        hits.append(FusedHit(id_, score, contributions))
    counted = [name for name, source in sources.items() if source.counts]
    found = set().union(*(sources[name].hits for name in counted))
    if len(found) < len(hits):
        # With missing="zero" and negative scores, what only ignored runs found would otherwise come first.
        bottom = min((hit.score for hit in hits if hit.id in found), default=0.0)
        hits = [hit if hit.id in found else hit._replace(score=min(hit.score, bottom)) for hit in hits]
    return _sorted(hits, counted)


def _sorted(hits: list[FusedHit], counted: Sequence[str]) -> list[FusedHit]:
    """Best first; ranks are compared for equal scores only, which are rare."""

    def order(hit: FusedHit) -> tuple[list[float], str]:
        ranks = sorted(rank for name in counted if (rank := hit.contributions[name].rank) is not None)
        return [*ranks, math.inf], hit.id

    ordered: list[FusedHit] = []
    for _, equal in groupby(sorted(hits, key=itemgetter(1), reverse=True), key=itemgetter(1)):
        group = list(equal)
        ordered += group if len(group) == 1 else sorted(group, key=order)
    return ordered


def _raw(values: list[float], _: list[float], *, missing: str) -> tuple[list[float], float]:
    return values, values[-1] if missing == "min" else 0.0


def _minmax(values: list[float], _: list[float]) -> tuple[list[float], float]:
    values = _shrunk(values, values)
    low, span = values[-1], values[0] - values[-1]
    return [(value - low) / span if span else 1.0 for value in values], 0.0


def _zscore(values: list[float], finite: list[float]) -> tuple[list[float], float]:
    if values[0] == values[-1]:
        return [0.0] * len(values), -1.0
    values, finite = _shrunk(values, finite), _shrunk(finite, finite)
    mean = math.fsum(finite) / len(finite)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in finite) / len(finite))
    scores = [(value - mean) / deviation for value in values]
    return scores, scores[-1]


def _distribution(values: list[float], finite: list[float]) -> tuple[list[float], float]:
    # mean - 3 sd is 0 and mean + 3 sd is 1, which makes a z-score of z the value 1/2 + z/6.
    return [min(max(0.5 + score / 6, 0.0), 1.0) for score in _zscore(values, finite)[0]], 0.0


def _shrunk(values: list[float], measure: list[float]) -> list[float]:
    """Values divided by the power of two that scales ``measure`` to [-1, 1]: exact, and no difference overflows."""
    exponent = math.frexp(max(abs(measure[0]), abs(measure[-1])))[1]
    return [math.ldexp(value, -exponent) for value in values]
