# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Split an iterable into batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Split an iterable into batches; the last one may be smaller.

    :param items: The items; consumed one batch at a time.
    :param size: The batch size; at least 1.
    """
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
