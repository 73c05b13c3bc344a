# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What a search returns: ids and scores, and what a place holds under an id."""

from __future__ import annotations

from typing import Any, NamedTuple


class Hits(NamedTuple):
    """What one question found, best first."""

    ids: list[str]
    scores: list[float]

    def by_id(self) -> dict[str, float]:
        """Scores by id, in the order of the hits."""
        return dict(zip(self.ids, self.scores, strict=True))


class Kept(NamedTuple):
    """What a store has under an id."""

    content: str | None
    meta: dict[str, Any]
    has_vector: bool


class Both(NamedTuple):
    """What was found for one question by words and by its vector."""

    bm25: Hits
    dpr: Hits


class Ids(NamedTuple):
    """The passages of one question that need a score by words, and those that need one by its vector."""

    bm25: list[str]
    dpr: list[str]
