# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A model that is loaded once, when it is first needed, also where several threads need it at the same time."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Lazy(Generic[T]):
    """Something that takes long to load.

    :param load: Loads it.
    """

    def __init__(self, load: Callable[[], T]) -> None:
        self._load = load
        self._lock = Lock()
        self._value: T | None = None

    def get(self) -> T:
        """It, loaded if need be; raises what loading it raises."""
        value = self._value
        if value is None:
            with self._lock:
                if self._value is None:
                    self._value = self._load()
                value = self._value
        return value

    def peek(self) -> T | None:
        """It, if it is loaded."""
        return self._value

    def close(self) -> None:
        """Let go of it; the next use loads it again."""
        with self._lock:
            self._value = None

    def __deepcopy__(self, memo: dict[int, Any]) -> Lazy[T]:
        # locks cannot be copied, and a copy of a component can share no weights it has not loaded
        return Lazy(self._load)
