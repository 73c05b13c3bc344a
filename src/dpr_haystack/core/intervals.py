# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Bootstrap confidence intervals of means over questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from dpr_haystack.errors import InputError

Interval = tuple[float, float]

# The number of random positions drawn at once (64 MB).
DRAWN_AT_ONCE = 1 << 23


def bootstrap_interval(
    values: Sequence[float],
    *,
    confidence: float = 95.0,
    resamples: int = 2_000,
    seed: int = 0,
    at_once: int = DRAWN_AT_ONCE,
) -> Interval:
    """The bootstrap interval of a mean: the percentile method (Efron and Tibshirani 1993, chapter 13).

    :param values: One value for each question.
    :param confidence: The confidence level in percent.
    :param resamples: How many samples of the values are drawn with replacement.
    :param seed: The random seed.
    :param at_once: How many positions are drawn at a time, which bounds memory; the result does not depend on it.
    :returns: The lower and the upper end.
    :raises InputError: If there are no values.
    """
    data = np.asarray(values, dtype=np.float64)
    if not data.size:
        msg = "there are no questions to average over"
        raise InputError(msg)
    generator = np.random.default_rng(seed)
    block = max(1, at_once // data.size)
    means = [
        data[generator.integers(data.size, size=(min(block, resamples - start), data.size))].mean(axis=1)
        for start in range(0, resamples, block)
    ]
    tail = (100.0 - confidence) / 2
    low, high = np.percentile(np.concatenate(means), [tail, 100.0 - tail])
    return float(low), float(high)


def counted_interval(
    counts: Mapping[float, int], *, confidence: float = 95.0, resamples: int = 2_000, seed: int = 0
) -> Interval:
    """The bootstrap interval of a mean for few distinct values, such as hits and misses; samples only their counts.

    :param counts: How often each value occurs.
    :param confidence: The confidence level in percent.
    :param resamples: How many samples of the values are drawn with replacement.
    :param seed: The random seed.
    :returns: The lower and the upper end.
    :raises InputError: If there are no values.
    """
    values = np.array(list(counts), dtype=np.float64)
    frequencies = np.array(list(counts.values()), dtype=np.int64)
    total = int(frequencies.sum())
    if not total:
        msg = "there are no questions to average over"
        raise InputError(msg)
    drawn = np.random.default_rng(seed).multinomial(total, frequencies / total, size=resamples)
    tail = (100.0 - confidence) / 2
    low, high = np.percentile(drawn @ values / total, [tail, 100.0 - tail])
    return float(low), float(high)
