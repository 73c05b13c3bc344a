# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""How sure a mean over questions is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from dpr_haystack.errors import InputError

Interval = tuple[float, float]

# So many random positions are drawn at once (64 MB).
_DRAWN_AT_ONCE = 1 << 23


def bootstrap_interval(
    values: Sequence[float], *, confidence: float = 95.0, resamples: int = 2_000, seed: int = 0
) -> Interval:
    """The bootstrap interval of a mean: the percentile method (Efron and Tibshirani 1993, chapter 13).

    :param values: One value a question.
    :param confidence: How much of the resampled means lies inside, in percent.
    :param resamples: How many samples, each as large as the values, are drawn with replacement.
    :param seed: The same seed gives the same interval.
    :returns: Its lower and its upper end.
    :raises InputError: If there is no value.
    """
    data = np.asarray(values, dtype=np.float64)
    if not data.size:
        msg = "there are no questions to average over"
        raise InputError(msg)
    source = np.random.default_rng(seed)
    at_once = max(1, _DRAWN_AT_ONCE // data.size)
    means = [
        data[source.integers(data.size, size=(min(at_once, resamples - start), data.size))].mean(axis=1)
        for start in range(0, resamples, at_once)
    ]
    tail = (100.0 - confidence) / 2
    low, high = np.percentile(np.concatenate(means), [tail, 100.0 - tail])
    return float(low), float(high)


def counted_interval(
    counts: Mapping[float, int], *, confidence: float = 95.0, resamples: int = 2_000, seed: int = 0
) -> Interval:
    """The same interval for values of which few differ, such as hits: how often each comes is drawn at once.

    :param counts: How often each value comes.
    :param confidence: How much of the resampled means lies inside, in percent.
    :param resamples: How many samples, each as large as the values, are drawn with replacement.
    :param seed: The same seed gives the same interval.
    :returns: Its lower and its upper end.
    :raises InputError: If there is no value.
    """
    values = np.array(list(counts), dtype=np.float64)
    often = np.array(list(counts.values()), dtype=np.int64)
    total = int(often.sum())
    if not total:
        msg = "there are no questions to average over"
        raise InputError(msg)
    drawn = np.random.default_rng(seed).multinomial(total, often / total, size=resamples)
    tail = (100.0 - confidence) / 2
    low, high = np.percentile(drawn @ values / total, [tail, 100.0 - tail])
    return float(low), float(high)
