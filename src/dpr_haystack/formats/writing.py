# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Writing files of many records, as they come: a reader finds the old file or the whole new one."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO, cast

from dpr_haystack.core.files import fsync_directory
from dpr_haystack.errors import DataError


@contextmanager
def replacing(path: str | Path) -> Iterator[TextIO]:
    """A file to write text to, which takes its place in one step when all went well; gzipped for ``.gz``.

    :param path: The file; its folder must exist.
    :raises DataError: If it cannot be written.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    is_zipped = target.suffix.lower() == ".gz"
    try:
        try:
            # no name and no time in it: the same content is the same file
            with temporary.open("wb") as raw:
                binary = gzip.GzipFile("", "wb", fileobj=raw, mtime=0) if is_zipped else raw
                with _text(binary) as file:
                    yield file
                if is_zipped:
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
    import io

    file = io.TextIOWrapper(binary, encoding="utf-8", newline="\n", write_through=False)
    try:
        yield cast("TextIO", file)
        file.flush()
    finally:
        file.detach()


def write_json_lines(path: str | Path, objects: Iterable[Any]) -> int:
    """One object a line.

    :returns: How many.
    """
    count = 0
    with replacing(path) as file:
        for each in objects:
            file.write(json.dumps(each, ensure_ascii=False) + "\n")
            count += 1
    return count


def write_json_list(path: str | Path, objects: Iterable[Any]) -> int:
    """One list, each item in a line of its own.

    :returns: How many.
    """
    count = 0
    with json_list(path) as add:
        for each in objects:
            add(each)
            count += 1
    return count


@contextmanager
def json_list(path: str | Path) -> Iterator[Callable[[Any], None]]:
    """A list to which objects are added one by one, each in a line of its own.

    :param path: The file; gzipped for ``.gz``.
    :raises DataError: If it cannot be written.
    """
    with replacing(path) as file:
        between = "[\n"

        def add(each: Any) -> None:
            nonlocal between
            file.write(between + json.dumps(each, ensure_ascii=False))
            between = ",\n"

        yield add
        file.write("\n]\n" if between == ",\n" else "[\n]\n")


def write_lines(path: str | Path, lines: Iterable[str]) -> int:
    """Lines of text.

    :returns: How many.
    """
    count = 0
    with replacing(path) as file:
        for line in lines:
            file.write(line + "\n")
            count += 1
    return count
