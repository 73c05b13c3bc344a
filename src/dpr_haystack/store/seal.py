# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Detecting damaged index files.

Libraries do not check the files of their indexes, and a damaged file can crash the process. Size and time are compared
first; if only the time differs (a copy, a restored backup, damage), the checksum decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dpr_haystack.core.files import checksum_of

#: Size, modification time in nanoseconds, and CRC-32 of each file, by name.
Seal = Mapping[str, tuple[int, int, int]]


def seal(folder: Path, known: Seal) -> Seal:
    """Record the files of a folder, except hidden files and ``meta.json``, which is changed in place.

    :param folder: The folder.
    :param known: The previous record; files that have not changed since are not read again.
    """
    recorded = {}
    for path in folder.iterdir():
        if path.name.startswith(".") or path.name == "meta.json":
            continue
        status = path.stat()
        size, time, checksum = known.get(path.name, (0, 0, 0))
        is_same = (size, time) == (status.st_size, status.st_mtime_ns)
        recorded[path.name] = (status.st_size, status.st_mtime_ns, checksum if is_same else checksum_of(path))
    return recorded


def is_intact(folder: Path, recorded: Seal) -> bool:
    """Whether all recorded files exist unchanged; other files do not matter.

    :param folder: The folder.
    :param recorded: What :func:`seal` returned.
    """
    try:
        for name, (size, time, checksum) in recorded.items():
            status = (folder / name).stat()
            if status.st_size != size:
                return False
            if status.st_mtime_ns != time and checksum_of(folder / name) != checksum:
                return False
    except OSError:
        return False
    return True
