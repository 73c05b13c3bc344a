# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""JSON files with many records, read one by one: a list, however long, or one object a line."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar

import ijson

from dpr_haystack.errors import DataError
from dpr_haystack.formats.open_text import OnBad, counted_lines, opened_bytes, parse_json

T = TypeVar("T")
Row = TypeVar("Row")


class Record(NamedTuple):
    """One value of a file.

    :param value: The value.
    :param line: The line it stands in, from 1; None inside a list.
    :param number: Its number, from 1.
    """

    value: Any
    line: int | None
    number: int

    @property
    def where(self) -> str:
        """What goes before a message where no line says it."""
        return "" if self.line is not None else f"record {self.number}: "


def read_records(path: str | Path, on_bad: OnBad | None = None) -> Iterator[Record]:
    """The records of a JSON list or of JSON lines, blank lines left out; never more than one is held.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :param on_bad: Told of lines that are not JSON or not UTF-8. In a list nothing behind such a place can be read: that
        is raised.
    :raises DataError: If the file cannot be read or is not JSON.
    """
    with opened_bytes(path) as file:
        is_list = _first_character(file) == b"["
    if is_list:
        yield from _items(path)
        return
    lines = counted_lines(path, on_bad)
    yield from good(lines, lambda row: Record(parse_json(row[2], path, row[1]), row[1], row[0]), on_bad)


def good(rows: Iterator[Row], read: Callable[[Row], T], on_bad: OnBad | None) -> Iterator[T]:
    """What a reader makes of rows; a row that it refuses is told and passed over, or raised.

    :param rows: The rows.
    :param read: Makes a value of one.
    :param on_bad: Told of the rows that are refused; None to raise.
    :raises DataError: For the first row that is refused, if nobody is to be told.
    """
    for row in rows:
        try:
            value = read(row)
        except DataError as error:
            if on_bad is None:
                raise
            on_bad(error)
        else:
            yield value


def _first_character(file: IO[bytes]) -> bytes:
    character = file.read(len(codecs.BOM_UTF8)).removeprefix(codecs.BOM_UTF8).lstrip()
    while not character:
        piece = file.read(1)
        if not piece:
            return b""
        character = piece.strip()
    return character[:1]


def _items(path: str | Path) -> Iterator[Record]:
    with opened_bytes(path) as file:
        if file.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
            file.seek(0)
        try:
            for number, value in enumerate(ijson.items(file, "item", use_float=True), 1):
                yield Record(_whole(value, path, number), None, number)
        except ijson.JSONError as error:
            raise DataError(path, f"is not JSON: {error}") from error


def _whole(value: Any, path: str | Path, number: int) -> Any:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise DataError(path, f"record {number} has half of a surrogate pair") from error
    return value
