# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Atomic writing of files and directories: a reader sees either the old or the new content."""

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
    """Make the entries of a directory durable, where the operating system supports it.

    :param directory: The directory.
    """
    if os.name == "nt":
        return  # Windows cannot open directories; NTFS journals names by itself.
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def checksum_of(path: Path) -> int:
    """The CRC-32 of a file.

    :param path: The file.
    """
    checksum = 0
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            checksum = zlib.crc32(piece, checksum)
    return checksum


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace the content of a file atomically and durably.

    :param path: The file; its folder must exist.
    :param content: The new content; text is written as UTF-8.
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
    """Write a directory atomically: yields a temporary directory that replaces the target on success.

    Permissions are set to what the user's umask allows, because some libraries make weight files readable by their
    owner only.

    :param target: The directory to create or replace.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid4().hex[:8]}.tmp")
    try:
        temporary.mkdir()
        yield temporary
        _apply_umask(temporary)
        replace_directory(temporary, target)
        fsync_directory(target.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _apply_umask(directory: Path) -> None:
    """Give the content of a new directory the directory's own permissions, which follow the umask."""
    mode = directory.stat().st_mode & 0o777
    for path in directory.rglob("*"):
        path.chmod(mode if path.is_dir() else mode & 0o666)


def replace_directory(temporary: Path, target: Path) -> None:
    """Rename a finished directory to its target, and remove the previous one.

    :param temporary: The finished directory, on the same file system.
    :param target: The path of the directory to create or replace.
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
