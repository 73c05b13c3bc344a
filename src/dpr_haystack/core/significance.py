# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Whether one system is better than another on the same questions, or was lucky with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dpr_haystack.core.intervals import Interval, counted_interval
from dpr_haystack.errors import InputError


@dataclass(frozen=True)
class Comparison:
    """One system beside another, by the hits of both on the same questions.

    :param difference: How much more of the questions the first has right, in percentage points.
    :param interval: The 95% bootstrap interval of the difference: pairs are drawn, so what both have in common cancels.
    :param p: How likely a difference of this size or more is, either way, if the two are equally good: see
        :func:`sign_flip_p`.
    """

    difference: float
    interval: Interval
    p: float


def compare_hits(first: Sequence[bool], second: Sequence[bool]) -> Comparison:
    """Compare two systems.

    :param first: For each question whether the first system has it right.
    :param second: The same questions for the second system.
    :raises InputError: If there are no questions, or not as many for the one as for the other.
    """
    if len(first) != len(second):
        msg = f"the same questions are needed for both systems, got {len(first)} and {len(second)}"
        raise InputError(msg)
    wins = sum(mine and not theirs for mine, theirs in zip(first, second, strict=True))
    losses = sum(theirs and not mine for mine, theirs in zip(first, second, strict=True))
    interval = counted_interval({100.0: wins, -100.0: losses, 0.0: len(first) - wins - losses})
    return Comparison(100.0 * (wins - losses) / len(first), interval, sign_flip_p(wins, losses))


def sign_flip_p(wins: int, losses: int) -> float:
    """The p-value of the paired randomisation test (Fisher; Smucker et al. 2007), two-sided and exact.

    If two systems are equally good, each question that only one of them has right might as well have gone to the
    other. Of all ways to deal those questions out, this is the share with a difference as large as the one that was
    seen. For hits it needs no sampling: it is the exact test of McNemar.

    :param wins: How many questions only the first system has right.
    :param losses: How many only the second has right.
    :returns: 0 to 1.
    """
    if wins == losses:
        return 1.0
    # whole numbers: exact for any number of questions
    total, ways, count = wins + losses, 1, 1
    for chosen in range(1, min(wins, losses) + 1):
        ways = ways * (total - chosen + 1) // chosen
        count += ways
    return 2 * count / (1 << total)
