# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The file of raw vectors: float32 rows that are appended, memory-mapped for reading and never changed in place."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np

from dpr_haystack.core.exact import Floats
from dpr_haystack.core.files import fsync_directory
from dpr_haystack.store.errors import StoreFailure

_ITEM = 4  # bytes of a float32


class VectorFile:
    """Rows of float32, little endian, without a header.

    :param path: The file; created by the first :meth:`append`.
    :param dimension: Length of a row.
    """

    def __init__(self, path: Path, dimension: int) -> None:
        self.path = path
        self.dimension = dimension
        self._map: Floats = np.empty((0, dimension), dtype=np.float32)
        self._guard = threading.Lock()

    def rows(self, count: int) -> Floats:
        """The first rows, memory-mapped.

        :param count: Number of rows.
        :returns: Shape (count, dimension), read-only.
        :raises StoreFailure: If the file is shorter than that.
        """
        with self._guard:
            if count > len(self._map):
                self._map = self._mapped(count)
            return self._map[:count]

    def append(self, first_row: int, vectors: Floats) -> None:
        """Write rows from ``first_row`` on; they are durable when this returns.

        :param first_row: Row of the first vector. What an interrupted write left there is overwritten.
        :param vectors: Shape (n, dimension).
        :raises StoreFailure: If the file cannot be written, e.g. because the disk is full.
        """
        data = np.ascontiguousarray(vectors, dtype="<f4")
        is_new = not self.path.exists()
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
            with open(descriptor, "r+b", buffering=0) as file:
                file.seek(first_row * self.dimension * _ITEM)
                remaining = data.data.cast("B")
                while remaining:
                    remaining = remaining[file.write(remaining) :]
                os.fsync(file.fileno())
            if is_new:
                fsync_directory(self.path.parent)
        except OSError as error:
            msg = f"{self.path} cannot be written ({error}); nothing was changed"
            raise StoreFailure(msg) from error

    def surplus(self, count: int) -> int:
        """Number of bytes after the first ``count`` rows; negative if the file is too short.

        :param count: Number of rows.
        """
        size = self.path.stat().st_size if self.path.exists() else 0
        return size - count * self.dimension * _ITEM

    def trim(self, count: int) -> None:
        """Remove everything after the first ``count`` rows.

        :param count: Number of rows.
        """
        if self.surplus(count) > 0:
            os.truncate(self.path, count * self.dimension * _ITEM)

    def _mapped(self, count: int) -> Floats:
        try:
            mapped = np.memmap(self.path, dtype="<f4", mode="r", shape=(count, self.dimension))
        except (OSError, ValueError) as error:
            missing = -self.surplus(count)
            msg = (
                f"{self.path} is damaged: {missing} bytes of its {count} vectors of dimension {self.dimension} are "
                "missing. Run `dpr-haystack check`, or restore the store from a copy."
            )
            raise StoreFailure(msg) from error
        return mapped.view(np.ndarray)
