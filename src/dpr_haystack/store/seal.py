# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Telling whether the files of an index are the ones that were written.

Libraries trust the files of their indexes, and a damaged one can end the whole process. Size and time tell at no cost;
where the time differs (a copy, a restored backup, damage) the checksum decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dpr_haystack.core.files import checksum_of

#: Size, time of the last change in nanoseconds, and CRC-32 of each file, by name.
Seal = Mapping[str, tuple[int, int, int]]


def seal(folder: Path, known: Seal) -> Seal:
    """Note what the files of a folder are; hidden files and ``meta.json``, which is changed in place, are left out.

    :param folder: The folder.
    :param known: What was noted before: files that did not change since are not read again.
    """
    noted = {}
    for path in folder.iterdir():
        if path.name.startswith(".") or path.name == "meta.json":
            continue
        status = path.stat()
        before = known.get(path.name, (0, 0, 0))
        is_same = tuple(before[:2]) == (status.st_size, status.st_mtime_ns)
        noted[path.name] = (status.st_size, status.st_mtime_ns, before[2] if is_same else checksum_of(path))
    return noted


def is_intact(folder: Path, noted: Seal) -> bool:
    """Whether all files are there and are what was noted; others may have come."""
    try:
        for name, (size, time, checksum) in noted.items():
            status = (folder / name).stat()
            if status.st_size != size:
                return False
            if status.st_mtime_ns != time and checksum_of(folder / name) != checksum:
                return False
    except OSError:
        return False
    return True
