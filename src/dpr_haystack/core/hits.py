# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What a search returns, its scores in files, and what a place holds under an id."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from dpr_haystack.errors import InputError

# Of float32. Some processes compute with numbers below the smallest normal one as with 0.
_LARGEST = (2 - 2**-23) * 2.0**127
_SMALLEST = 2.0**-126


class Hits(NamedTuple):
    """What a search found for one question, best first.

    :param ids: Ids of the passages.
    :param scores: Their scores, higher is better.
    """

    ids: list[str]
    scores: list[float]

    def by_id(self) -> dict[str, float]:
        """Scores by id, in the order of the hits."""
        return dict(zip(self.ids, self.scores, strict=True))

    def first(self, count: int) -> Hits:
        """The best hits.

        :param count: How many; all if there are fewer.
        """
        return Hits(self.ids[:count], self.scores[:count])


def distinct_scores(scores: Iterable[float]) -> Iterator[float]:
    """Scores that say in which order passages were ranked, also to tools that read them in float32.

    Such tools, trec_eval among them, order passages with equal scores by their ids. A score that is not below the one
    before it in float32 is lowered to the next number below that one; any other score is returned as it is.

    :param scores: The scores of one question's passages, best first.
    :returns: As many scores, strictly decreasing in float32.
    :raises InputError: If a score is not a finite number, or no lower number is left.
    """
    previous = math.inf
    for score in scores:
        value = score
        if math.isfinite(value) and single_precision(value) >= previous:
            value = _next_below(previous)
        if not math.isfinite(value):
            msg = f"scores must be finite numbers that float32 can hold: got {score}"
            raise InputError(msg)
        previous = single_precision(value)
        yield value


def _next_below(value: float) -> float:
    import numpy as np  # commands that only read files start without it

    with np.errstate(over="ignore"):
        return float(min(np.nextafter(np.float32(value), np.float32(-np.inf)), np.float32(value - _SMALLEST)))


def single_precision(score: float) -> float:
    """The score in float32; the largest number of its sign if it is outside of that range.

    :param score: A finite number.
    """
    import numpy as np

    return float(np.float32(min(max(score, -_LARGEST), _LARGEST)))


class Both(NamedTuple):
    """What both searches found for one question.

    :param bm25: The passages with the highest BM25 scores.
    :param dpr: The passages whose vectors are most similar to the question's.
    """

    bm25: Hits
    dpr: Hits


class Ids(NamedTuple):
    """Passages whose scores for one question are to be computed.

    :param bm25: Those that need a BM25 score.
    :param dpr: Those that need a similarity.
    """

    bm25: list[str]
    dpr: list[str]


class Kept(NamedTuple):
    """What a place holds under an id.

    :param content: The text of the passage.
    :param meta: Its metadata.
    :param has_vector: Whether it has a vector.
    """

    content: str | None
    meta: dict[str, Any]
    has_vector: bool
