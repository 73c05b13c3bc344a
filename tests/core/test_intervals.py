# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Bootstrap intervals, beside scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap

from dpr_haystack.core.intervals import bootstrap_interval, counted_interval
from dpr_haystack.errors import InputError


@pytest.mark.parametrize("confidence", [80.0, 95.0])
def test_against_scipy(confidence: float) -> None:
    values = np.random.default_rng(5).beta(0.4, 0.6, size=400)
    expected = bootstrap(
        (values,), np.mean, confidence_level=confidence / 100, n_resamples=20_000, method="percentile", rng=3
    ).confidence_interval
    found = bootstrap_interval(values.tolist(), confidence=confidence, resamples=20_000)
    assert found == pytest.approx((expected.low, expected.high), abs=1.5e-3)


def test_it_covers_the_true_mean_as_often_as_it_says() -> None:
    source = np.random.default_rng(11)
    inside = 0
    for number in range(400):
        low, high = bootstrap_interval((source.random(150) < 0.3).astype(float).tolist(), resamples=400, seed=number)
        inside += low <= 0.3 <= high
    assert 0.91 <= inside / 400 <= 0.98


def test_the_same_seed_gives_the_same_whatever_is_drawn_at_once() -> None:
    values = [0.0, 1.0, 1.0, 0.5] * 10
    whole = bootstrap_interval(values, seed=2)
    assert bootstrap_interval(values, seed=2) == whole
    assert bootstrap_interval(values, seed=3) != whole
    assert bootstrap_interval(values, seed=2, at_once=100) == whole


def test_values_that_leave_no_doubt() -> None:
    assert bootstrap_interval([1.0] * 7) == (1.0, 1.0)
    assert bootstrap_interval([3.0]) == (3.0, 3.0)
    with pytest.raises(InputError, match="no questions"):
        bootstrap_interval([])


@pytest.mark.parametrize(("right", "questions"), [(300, 400), (5, 40), (2_970, 3_000)])
def test_counting_gives_the_same_intervals(right: int, questions: int) -> None:
    values = np.repeat([100.0, 0.0], [right, questions - right])
    expected = bootstrap((values,), np.mean, n_resamples=10_000, method="percentile", rng=3).confidence_interval
    found = counted_interval({100.0: right, 0.0: questions - right}, resamples=20_000)
    assert found == pytest.approx(
        (expected.low, expected.high), abs=0.003 * (expected.high - expected.low) + 100 / questions
    )
    assert found == counted_interval({100.0: right, 0.0: questions - right}, resamples=20_000)


def test_counts_of_other_values_and_confidences() -> None:
    values = np.repeat([100.0, 0.0, -100.0], [50, 200, 10])
    found = counted_interval({100.0: 50, 0.0: 200, -100.0: 10}, confidence=80.0, resamples=20_000)
    assert found == pytest.approx(bootstrap_interval(values.tolist(), confidence=80.0, resamples=20_000), abs=0.4)
    assert counted_interval({1.0: 7, 0.0: 0}) == (1.0, 1.0)
    with pytest.raises(InputError, match="no questions"):
        counted_interval({1.0: 0})
