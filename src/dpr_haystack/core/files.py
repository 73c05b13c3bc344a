# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Writing files and directories so that a reader finds the old or the new one, never half of one."""

from __future__ import annotations

import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


def fsync_directory(directory: Path) -> None:
    """Make the names in a directory durable, where the system can."""
    if os.name == "nt":
        return  # directories cannot be opened there; NTFS journals names by itself
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def checksum_of(path: Path) -> int:
    """CRC-32 of a file."""
    checksum = 0
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            checksum = zlib.crc32(piece, checksum)
    return checksum


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace a file's content in one durable step.

    :param path: The file; its folder must exist.
    :param content: What is to be in it; text is written as UTF-8.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content.encode("utf-8") if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    fsync_directory(path.parent)


@contextmanager
def atomic_directory(target: Path) -> Iterator[Path]:
    """A new directory to write in; when that is done it gets its name, and the one that had it goes.

    Everything in it may be read by whom the user's umask lets: libraries that write weights make them for their owner
    alone.

    :param target: The directory that is to be there whole, or not at all.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid4().hex[:8]}.tmp")
    try:
        temporary.mkdir()
        yield temporary
        _as_readable_as(temporary)
        replace_directory(temporary, target)
        fsync_directory(target.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _as_readable_as(directory: Path) -> None:
    """Give what is in a directory its own permissions, which are what the umask left of all."""
    mode = directory.stat().st_mode & 0o777
    for path in directory.rglob("*"):
        path.chmod(mode if path.is_dir() else mode & 0o666)


def replace_directory(temporary: Path, target: Path) -> None:
    """Give a finished directory its name, and remove the one that had it.

    :param temporary: The finished directory, on the same file system.
    :param target: Its place.
    """
    if not target.exists():
        temporary.rename(target)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
    target.rename(old / "old")
    try:
        temporary.rename(target)
    except OSError:
        (old / "old").rename(target)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)
