# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Thread-safe lazy loading."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Lazy(Generic[T]):
    """A value that is loaded on first use, once for all threads.

    :param load: Loads the value.
    """

    def __init__(self, load: Callable[[], T]) -> None:
        self._load = load
        self._lock = Lock()
        self._value: T | None = None

    def get(self) -> T:
        """The value; loads it if necessary and raises what loading raises."""
        value = self._value
        if value is None:
            with self._lock:
                if self._value is None:
                    self._value = self._load()
                value = self._value
        return value

    def peek(self) -> T | None:
        """The value if it is loaded, else None."""
        return self._value

    def close(self) -> None:
        """Release the value; the next use loads it again."""
        with self._lock:
            self._value = None

    def __deepcopy__(self, memo: dict[int, Any]) -> Lazy[T]:
        # Locks cannot be copied; the copy loads its own value.
        return Lazy(self._load)

    def __reduce__(self) -> tuple[type[Lazy[T]], tuple[Callable[[], T]]]:
        # The value may be a model of gigabytes: the process that unpickles this loads its own.
        return Lazy, (self._load,)
