# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""One metadata field of all documents as arrays, sorted so that a comparison is a binary search.

A value has a kind and a payload of 64 bits: a number as float64, a date as microseconds, a text as a hash. What they do
not represent exactly has the kind OTHER, and is compared by Haystack's own function.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from dpr_haystack.core.exact import Rows
from dpr_haystack.store.sql_values import is_storable

NOTHING, NUMBER, TEXT, MOMENT, OTHER = range(5)

# A column is sorted again when this share of its documents, or this many, are new.
_SORT_WHEN_NEW = 0.05
_SORT_ABOVE = 10_000
_EXACT_INTEGERS = 1 << 53
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt ].*)?", re.ASCII)
_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)

Number = TypeVar("Number", bound=np.generic)


class Growing(Generic[Number]):
    """An array that grows at its end; what was read from it stays valid.

    :param dtype: Its type.
    """

    def __init__(self, dtype: type[Number]) -> None:
        self._buffer: NDArray[Number] = np.empty(1024, dtype=dtype)
        self.size = 0

    @property
    def values(self) -> NDArray[Number]:
        """All values."""
        return self._buffer[: self.size]

    def extend(self, values: NDArray[Number]) -> None:
        """Add values at the end.

        :param values: The values.
        """
        needed = self.size + len(values)
        if needed > len(self._buffer):
            larger = np.empty(max(needed, 2 * len(self._buffer)), dtype=self._buffer.dtype)
            larger[: self.size] = self.values
            self._buffer = larger
        self._buffer[self.size : needed] = values
        self.size = needed


def is_plain_text(value: object) -> bool:
    """Whether equality with this string is equality of characters: it is no date, and SQLite can store it.

    :param value: Any value.
    """
    return type(value) is str and is_storable(value) and not (value[:4].isdigit() and value[4:5] == "-")


def moment(value: object) -> int | None:
    """Microseconds since 1970 of a date without a time zone, as text in full ISO form or as datetime; else None.

    :param value: Any value.
    """
    if type(value) is str:
        if not _DATE.fullmatch(value):
            return None
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if type(value) is not datetime or value.tzinfo is not None:
        return None
    return (value - _EPOCH) // _MICROSECOND


def number(value: object) -> float | None:
    """A number that float64 represents exactly; else None.

    :param value: Any value.
    """
    if type(value) in (int, bool) and abs(value) <= _EXACT_INTEGERS:  # type: ignore[arg-type]
        return float(value)  # type: ignore[arg-type]
    return value if type(value) is float and math.isfinite(value) else None


def text_hash(text: str) -> int:
    """A hash of 64 bits that nobody can find another text for.

    :param text: The text.
    """
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little", signed=True)


def encoded(values: Sequence[Any]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Kinds and payloads of values.

    :param values: Values of metadata; None if missing.
    """
    kinds = np.zeros(len(values), dtype=np.uint8)
    payloads = np.zeros(len(values), dtype=np.int64)
    floats = payloads.view(np.float64)
    for position, value in enumerate(values):
        if value is None:
            continue
        if (exact := number(value)) is not None:
            kinds[position], floats[position] = NUMBER, exact
        elif is_plain_text(value):
            kinds[position], payloads[position] = TEXT, text_hash(value)
        elif (microseconds := moment(value)) is not None:
            kinds[position], payloads[position] = MOMENT, microseconds
        else:
            kinds[position] = OTHER
    return kinds, payloads


def as_kind(payloads: NDArray[np.int64], kind: int) -> NDArray[Any]:
    """Payloads as the numbers that they stand for.

    :param payloads: The payloads.
    :param kind: Their kind.
    """
    return payloads.view(np.float64) if kind == NUMBER else payloads


class Column:
    """The values of one field; the position of a document is the same in all columns."""

    def __init__(self) -> None:
        self.kinds: Growing[np.uint8] = Growing(np.uint8)
        self.payloads: Growing[np.int64] = Growing(np.int64)
        self._sorted: dict[int, tuple[NDArray[Any], Rows]] = {}
        self._sorted_size = 0

    @staticmethod
    def restored(
        kinds: NDArray[np.uint8], payloads: NDArray[np.int64], order: dict[int, Rows], sorted_size: int
    ) -> Column:
        """A column as it was saved.

        :param kinds: Kind of each value.
        :param payloads: Payload of each value.
        :param order: Positions of the values of a kind in the order of the values.
        :param sorted_size: Number of values that were sorted.
        """
        column = Column()
        column.kinds.extend(kinds)
        column.payloads.extend(payloads)
        column._sorted = {kind: (as_kind(payloads[positions], kind), positions) for kind, positions in order.items()}
        column._sorted_size = sorted_size
        return column

    @property
    def size(self) -> int:
        """Number of documents."""
        return self.payloads.size

    def extend(self, kinds: NDArray[np.uint8], payloads: NDArray[np.int64]) -> None:
        """Add values at the end.

        :param kinds: Their kinds.
        :param payloads: Their payloads.
        """
        self.kinds.extend(kinds)
        self.payloads.extend(payloads)
        new = self.size - self._sorted_size
        if new > max(_SORT_ABOVE, _SORT_WHEN_NEW * self.size):
            self._sort()

    def snapshot(self) -> ColumnSnapshot:
        """The column as it is now."""
        return ColumnSnapshot(self.kinds.values, self.payloads.values, self._sorted, self._sorted_size)

    def _sort(self) -> None:
        kinds, payloads = self.kinds.values, self.payloads.values
        by_kind = {}
        for kind in (NUMBER, TEXT, MOMENT, OTHER):
            positions = np.flatnonzero(kinds == kind)
            if positions.size:
                values = as_kind(payloads[positions], kind)
                order = np.argsort(values, kind="stable")
                by_kind[kind] = values[order], positions[order]
        self._sorted, self._sorted_size = by_kind, self.size


@dataclass(frozen=True)
class ColumnSnapshot:
    """The values of one field at one moment.

    :param kinds: Kind of each value.
    :param payloads: Payload of each value.
    :param in_order: Sorted numbers and their positions, by kind, of the first values.
    :param sorted_size: Number of values that are sorted.
    """

    kinds: NDArray[np.uint8]
    payloads: NDArray[np.int64]
    in_order: dict[int, tuple[NDArray[Any], Rows]]
    sorted_size: int

    def of_kind(self, kind: int) -> list[tuple[NDArray[Any], Rows, bool]]:
        """All values of a kind, in parts: numbers, positions, and whether the numbers are sorted.

        :param kind: The kind.
        """
        start = self.sorted_size
        tail = np.flatnonzero(self.kinds[start:] == kind) + start
        parts = [(as_kind(self.payloads[tail], kind), tail, False)]
        if kind in self.in_order:
            parts.append((*self.in_order[kind], True))
        return parts
