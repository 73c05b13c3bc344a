# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Paired significance tests for two systems on the same questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dpr_haystack.core.intervals import Interval, counted_interval
from dpr_haystack.errors import InputError


@dataclass(frozen=True)
class Comparison:
    """The comparison of two systems on the same questions.

    :param difference: The accuracy of the first system minus that of the second, in percentage points.
    :param interval: The 95% paired bootstrap interval of the difference.
    :param p: The two-sided p-value of the difference: see :func:`sign_flip_p`.
    """

    difference: float
    interval: Interval
    p: float


def compare_hits(first: Sequence[bool], second: Sequence[bool]) -> Comparison:
    """Compare two systems on the same questions.

    :param first: For each question, whether the first system answers it correctly.
    :param second: The same for the second system.
    :raises InputError: If there are no questions, or the numbers of questions differ.
    """
    if len(first) != len(second):
        msg = f"both systems must have the same number of questions: got {len(first)} and {len(second)}"
        raise InputError(msg)
    wins = sum(a and not b for a, b in zip(first, second, strict=True))
    losses = sum(b and not a for a, b in zip(first, second, strict=True))
    interval = counted_interval({100.0: wins, -100.0: losses, 0.0: len(first) - wins - losses})
    return Comparison(100.0 * (wins - losses) / len(first), interval, sign_flip_p(wins, losses))


def sign_flip_p(wins: int, losses: int) -> float:
    """The p-value of the paired randomisation test (Fisher; Smucker et al. 2007), two-sided and exact.

    Under the null hypothesis, a question that only one system answers is equally likely to be answered by either. The
    p-value is the share of all assignments of those questions whose difference is at least as large as the observed
    one. For binary outcomes this needs no sampling: it is McNemar's exact test.

    :param wins: How many questions only the first system answers.
    :param losses: How many questions only the second system answers.
    :returns: The p-value, 0 to 1.
    """
    if wins == losses:
        return 1.0
    # Integers keep this exact for any number of questions.
    total, ways, count = wins + losses, 1, 1
    for chosen in range(1, min(wins, losses) + 1):
        ways = ways * (total - chosen + 1) // chosen
        count += ways
    return 2 * count / (1 << total)
