# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What a search returns, and what a place holds under an id."""

from __future__ import annotations

from typing import Any, NamedTuple


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
