# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Locks: a readers-writer lock for threads, and a file lock for processes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from dpr_haystack.store.errors import StoreLocked


class SharedLock:
    """A readers-writer lock; waiting writers have priority over new readers."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._readers = 0
        self._writing = False
        self._writers_waiting = 0

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Hold the lock together with other readers."""
        with self._condition:
            self._condition.wait_for(lambda: not self._writing and not self._writers_waiting)
            self._readers += 1
        try:
            yield
        finally:
            with self._condition:
                self._readers -= 1
                self._condition.notify_all()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the lock exclusively."""
        with self._condition:
            self._writers_waiting += 1
            try:
                self._condition.wait_for(lambda: not self._writing and not self._readers)
            finally:
                self._writers_waiting -= 1
            self._writing = True
        try:
            yield
        finally:
            with self._condition:
                self._writing = False
                self._condition.notify_all()


@contextmanager
def across_processes(path: Path, timeout: float) -> Iterator[None]:
    """Hold a file lock; the system releases it when a process dies.

    :param path: The lock file; created if it is missing.
    :param timeout: Seconds to wait.
    :raises StoreLocked: If another process holds it for longer.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(timeout=timeout)
    except Timeout as error:
        msg = f"another process has held {path} for more than {timeout:g} s; wait for it, or raise lock_timeout"
        raise StoreLocked(msg) from error
    try:
        yield
    finally:
        lock.release()
