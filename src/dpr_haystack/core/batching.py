# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""So many things at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batched(things: Iterable[T], size: int) -> Iterator[list[T]]:
    """Things in their order, so many at a time; the last batch may have fewer.

    :param things: The things; only those of one batch are taken at once.
    :param size: How many; at least 1.
    """
    remaining = iter(things)
    while batch := list(islice(remaining, size)):
        yield batch
