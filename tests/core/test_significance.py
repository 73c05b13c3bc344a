# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Paired tests, beside scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, bootstrap, permutation_test

from dpr_haystack.core.significance import compare_hits, sign_flip_p
from dpr_haystack.errors import InputError


@pytest.mark.parametrize(
    ("wins", "losses", "p"),
    [(0, 0, 1.0), (1, 0, 1.0), (2, 2, 1.0), (5, 0, 2 / 32), (0, 5, 2 / 32), (4, 1, 2 * 6 / 32), (8, 1, 2 * 10 / 512)],
)
def test_by_hand(wins: int, losses: int, p: float) -> None:
    assert sign_flip_p(wins, losses) == p


@pytest.mark.parametrize(("wins", "losses"), [(7, 3), (30, 31), (120, 80), (400, 640), (3000, 2700), (9000, 1)])
def test_against_the_binomial_test(wins: int, losses: int) -> None:
    expected = binomtest(wins, wins + losses, 0.5).pvalue
    assert sign_flip_p(wins, losses) == pytest.approx(expected, rel=1e-9)


def hits(seed: int, questions: int) -> tuple[list[bool], list[bool]]:
    source = np.random.default_rng(seed)
    first = source.random(questions) < 0.7
    second = np.where(source.random(questions) < 0.5, first, source.random(questions) < 0.6)
    return first.tolist(), second.tolist()


def test_against_a_permutation_test_of_every_sign() -> None:
    first, second = hits(3, 14)
    expected = permutation_test(
        (np.array(first, float), np.array(second, float)),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    )
    found = compare_hits(first, second)
    assert 0 < found.p < 1
    assert found.p == pytest.approx(expected.pvalue)
    assert found.difference == pytest.approx(100 * expected.statistic)


def test_the_interval_is_that_of_the_pairs() -> None:
    first, second = hits(4, 500)
    differences = 100 * (np.array(first, float) - np.array(second, float))
    expected = bootstrap((differences,), np.mean, n_resamples=20_000, method="percentile", rng=1).confidence_interval
    found = compare_hits(first, second)
    assert found.interval == pytest.approx((expected.low, expected.high), abs=0.4)
    assert found.difference == pytest.approx(differences.mean())
    assert found.interval[0] < found.difference < found.interval[1]
    other = compare_hits(second, first)
    assert (other.difference, other.p) == (-found.difference, found.p)


def test_equal_systems_differ_rarely() -> None:
    """Of many pairs that are equally good, no more than 5% have a p of 0.05 or less."""
    source = np.random.default_rng(9)
    found = [compare_hits(*(source.random((2, 60)) < 0.5).tolist()).p for _ in range(500)]
    assert 0.005 < np.mean(np.array(found) <= 0.05) <= 0.05


def test_what_cannot_be_compared() -> None:
    with pytest.raises(InputError, match="got 1 and 2"):
        compare_hits([True], [True, False])
    with pytest.raises(InputError, match="no questions"):
        compare_hits([], [])
