# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The fitted weight: figures by hand, and every rank as fuse itself gives it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpr_haystack.core import hybrid_fitting
from dpr_haystack.core.fusion import fuse
from dpr_haystack.core.hybrid_fitting import (
    SHARES,
    Curve,
    GridPoint,
    JudgedRuns,
    best_point,
    check_metric,
    cross_validate,
    dpr_scale,
    metric_values,
    ranks_by_weights,
    share_interval,
    weights_at,
)
from dpr_haystack.errors import InputError

# After min-max: BM25 a 1, b 0.5, c 0; DPR c 1, b 0.75, a 0.
ONE = JudgedRuns({"bm25": {"a": 9.0, "b": 7.0, "c": 5.0}, "dpr": {"c": 0.9, "b": 0.8, "a": 0.5}}, frozenset("b"))
METHODS = [("minmax", "min"), ("zscore", "min"), ("none", "min"), ("none", "zero")]

names = st.text("abcdef", min_size=1, max_size=1)
# Few different scores, so that many are equal.
runs = st.dictionaries(names, st.sampled_from([-3.0, 0.0, 1.0, 1.5, 2.0, 8.0, math.inf]), max_size=6)


def rank_by_fuse(searched: JudgedRuns, weights: dict[str, float], normalization: str, missing: str = "min") -> float:
    fused = fuse(searched.runs, weights, normalization=normalization, missing=missing)
    return next((rank for rank, hit in enumerate(fused, 1) if hit.id in searched.relevant), math.inf)


def test_ranks_by_hand() -> None:
    # b gets 0.5 + 0.25 w: above a (1 - w) from w = 0.4, above c (w) until w = 2/3.
    shares = [0.0, 0.3, 0.39, 0.41, 0.6, 0.66, 0.68, 1.0]
    weights = [weights_at(share) for share in shares]
    assert ranks_by_weights(ONE, weights).tolist() == [2, 2, 2, 1, 1, 1, 2, 2]
    assert ranks_by_weights(ONE._replace(relevant=frozenset("ca")), weights).tolist() == [1, 1, 1, 2, 2, 2, 1, 1]
    assert ranks_by_weights(ONE._replace(relevant=frozenset("x")), weights).tolist() == [math.inf] * 8


@given(st.tuples(runs, runs), st.sets(names, max_size=3), st.sampled_from(METHODS), st.floats(0.1, 30.0))
def test_ranks_are_those_of_fuse(
    found: tuple[dict[str, float], dict[str, float]], right: set[str], method: tuple[str, str], scale: float
) -> None:
    searched = JudgedRuns(dict(zip(("bm25", "dpr"), found, strict=True)), frozenset(right))
    normalization, missing = method
    weights = [weights_at(share, scale) for share in SHARES[::10]]
    expected = [rank_by_fuse(searched, each, normalization, missing) for each in weights]
    assert ranks_by_weights(searched, weights, normalization=normalization, missing=missing).tolist() == expected


finite = st.floats(-100, 100, allow_nan=False)


@given(
    st.lists(finite, min_size=1, max_size=8, unique=True),
    st.lists(finite, min_size=1, max_size=8, unique=True),
    st.sampled_from(METHODS),
    st.integers(0, 7),
)
def test_the_ends_of_the_curve_are_the_lists_themselves(
    bm25: list[float], dpr: list[float], method: tuple[str, str], which: int
) -> None:
    lists = {"bm25": dict(zip("abcdefgh", bm25, strict=False)), "dpr": dict(zip("hgfedcba", dpr, strict=False))}
    for share, name in ((0.0, "bm25"), (1.0, "dpr")):
        own = sorted(lists[name], key=lambda id_: -lists[name][id_])
        right = own[which % len(own)]
        (rank,) = ranks_by_weights(
            JudgedRuns(lists, frozenset([right])), [weights_at(share)], normalization=method[0], missing=method[1]
        )
        assert rank == own.index(right) + 1


def test_most_weights_need_no_fusion_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, float]] = []

    def counted(runs, weights, **options):
        asked.append(weights)
        return fuse(runs, weights, **options)

    monkeypatch.setattr(hybrid_fitting, "fuse", counted)
    ranks_by_weights(ONE, [weights_at(share) for share in SHARES])
    # Once for the scores, twice for the ends, and where a and b are level: 1 - w = 0.5 + 0.25 w at 0.4.
    assert 3 <= len(asked) <= 5


def test_metrics_by_hand() -> None:
    ranks = np.array([[1.0, 2.0, 4.0], [math.inf, 20.0, 101.0]])
    assert metric_values(ranks, "mrr", 100).tolist() == [[1.0, 0.5, 0.25], [0.0, 0.05, 0.0]]
    assert metric_values(ranks, "top-2", 100).tolist() == [[100.0, 100.0, 0.0], [0.0, 0.0, 0.0]]
    for metric in ("map", "top-0", "top-x", "top-101", "top-²"):
        with pytest.raises(InputError, match="metric must be"):
            check_metric(metric, 100)
    check_metric("top-100", 100)
    check_metric("mrr", 1)


def test_raw_scores_are_brought_to_one_range() -> None:
    other = JudgedRuns({"bm25": {"a": 10.0, "b": 2.0}, "dpr": {"a": 0.5, "b": 0.3}}, frozenset())
    # ranges: BM25 4 and 8, DPR 0.4 and 0.2: 6 / 0.3
    assert dpr_scale([ONE, other], "none") == 20.0
    assert dpr_scale([ONE, other], "minmax") == 1.0
    assert dpr_scale([JudgedRuns({"bm25": {}, "dpr": {"a": 1.0}}, frozenset())], "none") == 1.0
    assert weights_at(0.3, 20.0) == {"bm25": 0.7, "dpr": 6.0}
    assert weights_at(1.0) == {"bm25": 0.0, "dpr": 1.0}


def test_the_middle_of_equal_points_and_the_first_of_equal_curves() -> None:
    assert best_point([np.array([0.1, 0.7, 0.7, 0.7, 0.2])]) == GridPoint(0, 2)
    assert best_point([np.array([0.7, 0.7, 0.1, 0.2])]) == GridPoint(0, 0)
    assert best_point([np.array([0.1, 0.5]), np.array([0.5, 0.4]), np.array([0.6, 0.1])]) == GridPoint(2, 0)
    assert best_point([np.array([0.1, 0.5]), np.array([0.5 + 1e-15, 0.4])]) == GridPoint(0, 1)


def test_cross_validation_measures_on_what_was_not_fitted() -> None:
    """Each question is found under one weight of its own: whatever is fitted on others does not help it."""
    count = 20
    ranks = np.full((count, len(SHARES)), 2.0)
    ranks[np.arange(count), np.arange(count)] = 1.0
    curve = Curve("minmax", [weights_at(share) for share in SHARES], ranks)
    held_out = cross_validate([curve], "mrr", 10, folds=5)
    assert metric_values(ranks, "mrr", 10).mean(axis=0).max() > 0.5
    assert held_out.ranks.tolist() == [2.0] * count
    assert len(held_out.points) == 5
    with pytest.raises(InputError, match=r"from 2 to the number of questions \(20\): got 21"):
        cross_validate([curve], "mrr", 10, folds=21)
    with pytest.raises(InputError, match=r"got 1$"):
        cross_validate([curve], "mrr", 10, folds=1)


def test_cross_validation_finds_what_is_best_for_all_and_chooses_the_curve_by_fold() -> None:
    ranks = np.full((12, len(SHARES)), 3.0)
    good = ranks.copy()
    good[:, 40] = 1.0
    curves = [Curve(name, [weights_at(share) for share in SHARES], each) for name, each in (("a", ranks), ("b", good))]
    held_out = cross_validate(curves, "top-1", 10, folds=3, seed=4)
    assert held_out.points == [GridPoint(1, 40)] * 3
    assert held_out.ranks.tolist() == [1.0] * 12


def test_the_interval_of_the_share() -> None:
    sure = np.zeros((30, len(SHARES)))
    sure[:, 60] = 1.0
    assert share_interval(sure) == (0.6, 0.6)
    # 30 questions for one weight, 20 for another: in some samples the other wins.
    torn = np.zeros((50, len(SHARES)))
    torn[:30, 20] = torn[30:, 80] = 1.0
    assert share_interval(torn) == (0.2, 0.8)
    assert share_interval(torn, seed=3) == share_interval(torn, seed=3)


def test_the_interval_does_not_depend_on_what_is_drawn_at_once() -> None:
    values = np.random.default_rng(1).random((40, len(SHARES)))
    assert share_interval(values, at_once=400) == share_interval(values)
