# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Rows of tab-separated files with the quoting that Python's csv module writes, one bad row never hiding the next."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from dpr_haystack.errors import DataError
from dpr_haystack.formats.open_text import OnBad, decoded, raw_lines


def read_rows(
    path: str | Path, *, delimiter: str = "\t", on_bad: OnBad | None = None
) -> Iterator[tuple[int, list[str]]]:
    """The rows of a file of tab-separated fields, blank lines left out, each with the number of its first line.

    A field in quotes may hold delimiters, line ends and doubled quotes. What follows the closing quote belongs to
    the field.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :param delimiter: What separates fields.
    :param on_bad: Told of rows that are not UTF-8, and of lines that open a quote that is never closed, which alone are
        passed over; None to raise the first.
    :raises DataError: If it cannot be read, or a quote is never closed.
    """
    for row in _Rows(path, delimiter):
        if not isinstance(row, DataError):
            yield row
        elif on_bad is None:
            raise row
        else:
            on_bad(row)


class _Rows:
    """The rows of a file, and in their places what is wrong with those that are none.

    :param path: The file.
    :param delimiter: What separates fields.
    """

    def __init__(self, path: str | Path, delimiter: str) -> None:
        self._path = path
        self._delimiter = delimiter
        self._rest = raw_lines(path)
        self._again: deque[tuple[int, bytes]] = deque()  # lines behind an open quote, which are rows of their own
        self._pending: list[tuple[int, bytes]] = []  # lines of this row
        self._reader = self._reading()

    def __iter__(self) -> Iterator[tuple[int, list[str]] | DataError]:
        while True:
            self._pending.clear()
            row: list[str] | DataError
            try:
                row = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                row = self._lenient(error)
            if isinstance(row, DataError):
                yield row
            elif row:
                yield self._not_utf8(row) or (self._pending[0][0], row)

    def _reading(self) -> Iterator[list[str]]:
        # Strict, or else an unclosed quote would swallow the rest of the file without a word.
        return csv.reader(self._lines(), delimiter=self._delimiter, strict=True)

    def _lines(self) -> Iterator[str]:
        while (line := self._again.popleft() if self._again else next(self._rest, None)) is not None:
            self._pending.append(line)
            yield _text(line[1]) + "\n"

    def _lenient(self, error: csv.Error) -> list[str] | DataError:
        """A row of one line with text behind a closing quote, which strictly taken is not one."""
        number, line = self._pending[0]
        if len(self._pending) == 1 and "expected after" in str(error):
            try:
                return next(csv.reader([_text(line)], delimiter=self._delimiter))
            except csv.Error as worse:
                error = worse
        else:
            self._again.extendleft(reversed(self._pending[1:]))
            self._reader = self._reading()
        reason = f"is no row: {error}. Is a quote not closed? A quote inside a quoted field is written twice"
        return DataError(self._path, reason, number)

    def _not_utf8(self, row: list[str]) -> DataError | None:
        if not any(_REPLACED in cell for cell in row):
            return None
        for number, line in self._pending:
            try:
                decoded(line, self._path, number)
            except DataError as bad:
                return bad
        return None


_REPLACED = "\ufffd"  # stands for bytes that are no UTF-8, or for itself


def _text(line: bytes) -> str:
    return line.decode(errors="replace").replace("\r", " ")
