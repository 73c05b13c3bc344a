# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Comparisons of a filter on a column: which documents match, and which have to be asked one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dpr_haystack.core.exact import Rows
from dpr_haystack.store.columns import (
    MOMENT,
    NOTHING,
    NUMBER,
    OTHER,
    TEXT,
    ColumnSnapshot,
    as_kind,
    is_plain_text,
    moment,
    number,
    text_hash,
)

# From this number of positions on, marking them is faster than sorting them.
_SORT_BELOW = 2_000
# If more than this share of the documents matches an inequality, reading all in their order is faster than sorting.
_SCAN_ABOVE = 0.02
_EMPTY = np.empty(0, dtype=np.int64)
_COMPARE = {">": np.greater, ">=": np.greater_equal, "<": np.less, "<=": np.less_equal}


@dataclass(frozen=True)
class Comparison:
    """A comparison that is not a negation, for the kinds that a column decides.

    :param equal: Values to be equal to, by kind.
    :param with_nothing: Whether a missing value matches.
    :param order: Kind, operator and bound of an inequality.
    :param undecided: Kinds whose documents have to be asked.
    """

    equal: dict[int, list[float | int]] = field(default_factory=dict)
    with_nothing: bool = False
    order: tuple[int, str, float | int] | None = None
    undecided: tuple[int, ...] = (OTHER,)


def comparison(operator: str, value: Any) -> Comparison | None:
    """A comparison as a column can decide it; None if it cannot.

    :param operator: Any but ``!=`` and ``not in``.
    :param value: The filter's value.
    """
    if operator == "==":
        return _equality([value])
    if operator == "in":
        return _equality(value) if isinstance(value, list) else None
    if value is None:
        return Comparison(undecided=())
    return _inequality(operator, value)


def _equality(values: Sequence[Any]) -> Comparison | None:
    equal: dict[int, list[float | int]] = {}
    for value in values:
        if value is None:
            continue
        if (exact := number(value)) is not None:
            equal.setdefault(NUMBER, []).append(exact)
        elif is_plain_text(value):
            equal.setdefault(TEXT, []).append(text_hash(value))
        elif (microseconds := moment(value)) is not None:
            equal.setdefault(MOMENT, []).append(microseconds)
        else:
            return None
    return Comparison(equal, any(value is None for value in values))


def _inequality(operator: str, value: Any) -> Comparison | None:
    # Haystack refuses to compare numbers with dates or text: the documents that are asked raise its error.
    if (exact := number(value)) is not None:
        return Comparison(order=(NUMBER, operator, exact), undecided=(OTHER, TEXT, MOMENT))
    bound = _moment_of_bound(value)
    if bound is None:
        return None
    return Comparison(order=(MOMENT, operator, bound), undecided=(OTHER, TEXT, NUMBER))


def _moment_of_bound(value: Any) -> int | None:
    """Haystack's inequalities accept all forms of ISO dates, its equality only the full one."""
    if type(value) is not str:
        return moment(value)
    try:
        return moment(datetime.fromisoformat(value))
    except ValueError:
        return None


def find(column: ColumnSnapshot, wanted: Comparison, among: Rows | None) -> tuple[Rows, Rows]:
    """The positions of the documents that match, sorted, and of those that have to be asked.

    :param column: The column.
    :param wanted: The comparison.
    :param among: Only these positions, sorted; None for all.
    """
    if among is not None:
        return _find_among(column, wanted, among)
    found = [np.flatnonzero(column.kinds == NOTHING)] if wanted.with_nothing else []
    for kind, values in wanted.equal.items():
        sought = np.unique(np.array(values, dtype=np.float64 if kind == NUMBER else np.int64))
        found += [_equal_in(*part, sought) for part in column.of_kind(kind)]
    if wanted.order is not None:
        kind, operator, bound = wanted.order
        ordered = [_ordered_in(*part, operator, bound) for part in column.of_kind(kind)]
        if sum(part.size for part in ordered) > _SCAN_ABOVE * len(column.kinds):
            ordered = [np.flatnonzero(_matches(column.kinds, column.payloads, wanted))]  # is in order already
        found += ordered
    asked = [positions for kind in wanted.undecided for _, positions, _ in column.of_kind(kind)]
    return joined(found), joined(asked)


def joined(parts: Sequence[Rows]) -> Rows:
    """All positions of disjoint parts, sorted.

    :param parts: Positions in any order.
    """
    filled = [part for part in parts if part.size]
    positions = filled[0] if len(filled) == 1 else np.concatenate([_EMPTY, *filled])
    if np.all(positions[1:] > positions[:-1]):
        return positions
    if positions.size < _SORT_BELOW:
        return np.sort(positions)
    is_marked = np.zeros(int(positions.max()) + 1, dtype=np.bool_)
    is_marked[positions] = True
    return np.flatnonzero(is_marked)


def _equal_in(values: NDArray[Any], positions: Rows, is_sorted: bool, sought: NDArray[Any]) -> Rows:
    if not is_sorted:
        return positions[np.isin(values, sought)]
    starts, ends = np.searchsorted(values, sought, "left"), np.searchsorted(values, sought, "right")
    ranges = [positions[start:end] for start, end in zip(starts, ends, strict=True) if start < end]
    return np.concatenate(ranges) if ranges else _EMPTY


def _ordered_in(
    values: NDArray[Any],
    positions: Rows,
    is_sorted: bool,
    operator: str,
    bound: float,
) -> Rows:
    if not is_sorted:
        matches: NDArray[np.bool_] = _COMPARE[operator](values, bound)
        return positions[matches]
    cut = int(np.searchsorted(values, bound, "right" if operator in (">", "<=") else "left"))
    return positions[cut:] if operator[0] == ">" else positions[:cut]


def _find_among(column: ColumnSnapshot, wanted: Comparison, among: Rows) -> tuple[Rows, Rows]:
    kinds, payloads = column.kinds[among], column.payloads[among]
    return among[_matches(kinds, payloads, wanted)], among[np.isin(kinds, wanted.undecided)]


def _matches(kinds: NDArray[np.uint8], payloads: NDArray[np.int64], wanted: Comparison) -> NDArray[np.bool_]:
    matches = kinds == NOTHING if wanted.with_nothing else np.zeros(len(kinds), dtype=np.bool_)
    for kind, values in wanted.equal.items():
        matches |= (kinds == kind) & np.isin(as_kind(payloads, kind), values)
    if wanted.order is not None:
        kind, operator, bound = wanted.order
        with np.errstate(invalid="ignore"):  # bits of other kinds that are no float
            matches |= (kinds == kind) & _COMPARE[operator](as_kind(payloads, kind), bound)
    return matches
