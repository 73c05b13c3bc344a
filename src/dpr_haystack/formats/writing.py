# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Write files of many records one by one and atomically: a reader sees the old file or the complete new one."""

from __future__ import annotations

import gzip
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO, cast

from dpr_haystack.core.files import fsync_directory
from dpr_haystack.errors import DataError


@contextmanager
def atomic_writer(path: str | Path) -> Iterator[TextIO]:
    """Open a temporary text file that atomically replaces the target on success.

    :param path: The file; gzipped for ``.gz``; its folder must exist.
    :raises DataError: If the file cannot be written.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    is_gzipped = target.suffix.lower() == ".gz"
    try:
        try:
            # Without file name and time in the header, the same content gives the same file.
            with temporary.open("wb") as raw:
                binary = gzip.GzipFile("", "wb", fileobj=raw, mtime=0) if is_gzipped else raw
                with _text(binary) as file:
                    yield file
                if is_gzipped:
                    binary.close()
                raw.flush()
                os.fsync(raw.fileno())
            temporary.replace(target)
            fsync_directory(target.parent)
        except OSError as error:
            raise DataError(path, f"cannot be written: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _text(binary: Any) -> Iterator[TextIO]:
    file = io.TextIOWrapper(binary, encoding="utf-8", newline="\n", write_through=False)
    try:
        yield cast("TextIO", file)
        file.flush()
    finally:
        file.detach()


def write_json_lines(path: str | Path, objects: Iterable[Any]) -> int:
    """Write one JSON object per line.

    :param path: The file; gzipped for ``.gz``.
    :param objects: The objects; consumed one by one.
    :returns: The number of objects.
    :raises DataError: If the file cannot be written.
    """
    return write_lines(path, (json.dumps(value, ensure_ascii=False) for value in objects))


def write_json_list(path: str | Path, objects: Iterable[Any]) -> int:
    """Write a JSON list with one item per line.

    :param path: The file; gzipped for ``.gz``.
    :param objects: The items; consumed one by one.
    :returns: The number of items.
    :raises DataError: If the file cannot be written.
    """
    count = 0
    with json_list_writer(path) as add:
        for value in objects:
            add(value)
            count += 1
    return count


@contextmanager
def json_list_writer(path: str | Path) -> Iterator[Callable[[Any], None]]:
    """Write a JSON list item by item, one per line: yields a function that appends an item.

    :param path: The file; gzipped for ``.gz``.
    :raises DataError: If the file cannot be written.
    """
    with atomic_writer(path) as file:
        separator = "[\n"

        def add(value: Any) -> None:
            nonlocal separator
            file.write(separator + json.dumps(value, ensure_ascii=False))
            separator = ",\n"

        yield add
        file.write("\n]\n" if separator == ",\n" else "[\n]\n")


def write_lines(path: str | Path, lines: Iterable[str]) -> int:
    """Write lines of text.

    :param path: The file; gzipped for ``.gz``.
    :param lines: The lines, without line ends; consumed one by one.
    :returns: The number of lines.
    :raises DataError: If the file cannot be written.
    """
    count = 0
    with atomic_writer(path) as file:
        for line in lines:
            file.write(line + "\n")
            count += 1
    return count
