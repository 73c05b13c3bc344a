# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The hits of one source as a ranked list: by their scores, or in the order in which the source gave them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from dpr_haystack.errors import InputError

Run: TypeAlias = Mapping[str, float | None] | Sequence[tuple[str, float | None]]
"""What one source found for one question: passage id and score."""

# Scores that differ by less are equal: a list may be sorted by numbers of higher precision than those it shows.
_TOLERANCE = 1e-6


class Rise(NamedTuple):
    """Two neighbours of a list of which the later one is better.

    :param rank: The rank of the later one, from 1.
    :param before: The score before it.
    :param after: Its score.
    """

    rank: int
    before: float
    after: float


def by_score(name: str, run: Run, *, lower_is_better: bool = False) -> list[tuple[str, float]]:
    """The hits, best score first, equal scores by id; if an id occurs twice, its best score counts.

    :param name: The source, for messages.
    :param run: Its hits, in any order.
    :param lower_is_better: Whether the scores are distances; they are returned with the opposite sign.
    :returns: Ids and scores; minus infinity for a score that is None, NaN or minus infinity.
    :raises InputError: If a score is not a number.
    """
    best: dict[str, float] = {}
    for id_, value in _scored(name, run, lower_is_better=lower_is_better):
        if id_ not in best or value > best[id_]:
            best[id_] = value
    return sorted(best.items(), key=lambda hit: (-hit[1], hit[0]))


def as_listed(name: str, run: Run, *, lower_is_better: bool = False) -> list[tuple[str, float]]:
    """The hits in their own order; if an id occurs twice, its first place counts.

    :param name: The source, for messages.
    :param run: Its hits, best first.
    :param lower_is_better: See :func:`by_score`.
    :returns: See :func:`by_score`.
    :raises InputError: If a score is not a number.
    """
    first: dict[str, float] = {}
    for id_, value in _scored(name, run, lower_is_better=lower_is_better):
        first.setdefault(id_, value)
    return list(first.items())


def first_rise(scores: Iterable[float | None], *, lower_is_better: bool = False) -> Rise | None:
    """The first place at which a list that should be sorted gets better.

    :param scores: The scores in the order of the list; None and NaN are passed over.
    :param lower_is_better: Whether the scores are distances.
    :returns: The place; None if there is none.
    """
    before: float | None = None
    for rank, score in enumerate(scores, 1):
        if score is None or math.isnan(score):
            continue
        if before is not None and before != score:
            gain = before - score if lower_is_better else score - before
            if gain > _TOLERANCE * max(1.0, min(abs(before), abs(score))):
                return Rise(rank, before, score)
        before = score
    return None


def _scored(name: str, run: Run, *, lower_is_better: bool) -> Iterator[tuple[str, float]]:
    for id_, score in run.items() if isinstance(run, Mapping) else run:
        try:
            is_usable = score is not None and not math.isnan(score)
        except TypeError as error:
            msg = f"the score of {id_!r} from {name!r} must be a number: got {score!r}"
            raise InputError(msg) from error
        value = float(score) if is_usable and score is not None else math.nan
        value = -value if lower_is_better else value
        yield id_, -math.inf if math.isnan(value) else value
