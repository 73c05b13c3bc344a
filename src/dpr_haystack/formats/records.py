# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Read JSON files record by record: a list of any length, or JSON lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar

import ijson

from dpr_haystack.errors import DataError
from dpr_haystack.formats.answers import answers_in
from dpr_haystack.formats.open_text import OnBad, counted_lines, open_utf8, parse_json, suffix_of
from dpr_haystack.formats.parquet import read_parquet

T = TypeVar("T")
Row = TypeVar("Row")


class Record(NamedTuple):
    """A record of a file.

    :param value: The JSON value.
    :param line: Its line number, from 1; None in a list.
    :param number: The number of the record, from 1.
    """

    value: Any
    line: int | None
    number: int

    @property
    def where(self) -> str:
        """The start of a message: the number of the record if there is no line number."""
        return "" if self.line is not None else f"record {self.number}: "


def read_records(path: str | Path, on_bad: OnBad | None = None) -> Iterator[Record]:
    """Read the records of a JSON list, of JSON lines or of a Parquet file, one at a time; blank lines are skipped.

    :param path: The file: Parquet if its name ends in ``.parquet``; gzipped JSON if it ends in ``.gz``.
    :param on_bad: Called with the error of each line that is not JSON or not UTF-8, which is skipped; None to raise the
        first. A syntax error in a list is always raised, because nothing after it can be read.
    :raises DataError: If the file cannot be read or is not JSON.
    """
    if suffix_of(path) == ".parquet":
        for number, value in read_parquet(path):
            yield Record(value, None, number)
        return
    with open_utf8(path) as file:
        is_list = _first_character(file) == b"["
    if is_list:
        yield from _items(path)
        return
    lines = counted_lines(path, on_bad)
    yield from parse_rows(lines, lambda row: Record(parse_json(row[2], path, row[1]), row[1], row[0]), on_bad)


def parse_rows(rows: Iterator[Row], read: Callable[[Row], T], on_bad: OnBad | None) -> Iterator[T]:
    """Apply a parser to rows, and skip or raise the rows that it rejects.

    :param rows: The rows.
    :param read: Parses a row; raises :class:`~dpr_haystack.errors.DataError` for a bad one.
    :param on_bad: Called with the error of each bad row, which is skipped; None to raise the first.
    :raises DataError: For the first bad row, if ``on_bad`` is None.
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


def answers_of(record: Record, path: str | Path) -> tuple[str, ...]:
    """The gold answers of a record that is an object; none if it has none.

    :param record: The record.
    :param path: Its file, for messages.
    :raises DataError: If they are not a list of strings.
    """
    try:
        return answers_in(record.value)
    except (TypeError, UnicodeEncodeError) as error:
        raise DataError(path, f"{record.where}answers must be a list of strings: {error}", record.line) from error


def first_character(path: str | Path) -> bytes:
    """The first character of a file that is not whitespace; empty if there is none.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :raises DataError: If the file cannot be read.
    """
    with open_utf8(path) as file:
        return _first_character(file)


def has_json_lines(path: str | Path) -> bool:
    """Whether a JSON file has one value per line, at least in its first line, and not one value in all.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :raises DataError: If the file cannot be read.
    """
    if first_character(path) == b"[":
        return False
    lines = counted_lines(path, lambda _: None)
    first, second = next(lines, None), next(lines, None)
    if first is None or second is None:
        return False
    try:
        parse_json(first[2], path)
    except DataError:
        return False
    return True


def _first_character(file: IO[bytes]) -> bytes:
    while byte := file.read(1):
        if character := byte.strip():
            return character
    return b""


def _items(path: str | Path) -> Iterator[Record]:
    with open_utf8(path) as file:
        try:
            for number, value in enumerate(ijson.items(file, "item", use_float=True), 1):
                yield Record(_encodable(value, path, number), None, number)
        except ijson.JSONError as error:
            raise DataError(path, f"is not JSON: {error}") from error


def _encodable(value: Any, path: str | Path, number: int) -> Any:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        reason = f"record {number} contains a lone surrogate (an escape from \\ud800 to \\udfff)"
        raise DataError(path, reason) from error
    return value
