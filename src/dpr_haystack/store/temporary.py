# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The directory of a temporary store, shared by all copies of its object."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path
from threading import Lock
from typing import Any

from dpr_haystack.store.errors import BadDocument


class TemporaryDirectory:
    """A directory that is made at the first use and deleted with the last store object that uses it."""

    def __init__(self) -> None:
        self.path: Path | None = None
        self._guard = Lock()

    def made(self) -> Path:
        """The directory; made now if it was not used yet."""
        with self._guard:
            if self.path is None:
                self.path = Path(tempfile.mkdtemp(prefix="dpr-haystack-"))
                weakref.finalize(self, _remove, self.path, os.getpid())
            return self.path

    def __copy__(self) -> TemporaryDirectory:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> TemporaryDirectory:
        return self

    def __reduce__(self) -> tuple[type[TemporaryDirectory], tuple[()]]:
        if self.path is not None:
            msg = (
                "a temporary store that has been used cannot be pickled: its directory is deleted with it. "
                "Give the store an index_path"
            )
            raise BadDocument(msg)
        return TemporaryDirectory, ()


def _remove(directory: Path, owner: int) -> None:
    """Delete the directory; a forked process leaves its parent's alone."""
    if os.getpid() == owner:
        shutil.rmtree(directory, ignore_errors=True)
