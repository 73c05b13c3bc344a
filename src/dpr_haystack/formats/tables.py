# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Read CSV and TSV rows with the quoting of Python's csv module; a bad row does not affect the following rows."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from dpr_haystack.errors import DataError
from dpr_haystack.formats.open_text import OnBad, decode_line, raw_lines


def read_rows(
    path: str | Path, *, delimiter: str = "\t", on_bad: OnBad | None = None
) -> Iterator[tuple[int, list[str]]]:
    """Read the rows of a file, each with the number of its first line; blank lines are skipped.

    A quoted field may contain delimiters, line ends and doubled quotes. Text after the closing quote belongs to the
    field.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :param delimiter: The field delimiter.
    :param on_bad: Called with the error of each row that is not UTF-8 and of each line with an unclosed quote; only
        that row or line is skipped. None to raise the first.
    :raises DataError: If the file cannot be read or is not UTF-8, or a quote is not closed.
    """
    for row in _Rows(path, delimiter):
        if not isinstance(row, DataError):
            yield row
        elif on_bad is None:
            raise row
        else:
            on_bad(row)


class _Rows:
    """Iterates over the rows of a file; yields a :class:`DataError` in place of each bad row.

    :param path: The file.
    :param delimiter: The field delimiter.
    """

    def __init__(self, path: str | Path, delimiter: str) -> None:
        self._path = path
        self._delimiter = delimiter
        self._rest = raw_lines(path)
        self._reread: deque[tuple[int, bytes]] = deque()  # lines after an unclosed quote, to be read as rows again
        self._pending: list[tuple[int, bytes]] = []  # lines of the current row
        self._reader = self._new_reader()

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

    def _new_reader(self) -> Iterator[list[str]]:
        # Strict: otherwise an unclosed quote would silently swallow the rest of the file.
        return csv.reader(self._lines(), delimiter=self._delimiter, strict=True)

    def _lines(self) -> Iterator[str]:
        while (line := self._reread.popleft() if self._reread else next(self._rest, None)) is not None:
            self._pending.append(line)
            yield _text(line[1]) + "\n"

    def _lenient(self, error: csv.Error) -> list[str] | DataError:
        """Parse a one-line row with text after a closing quote, which strict parsing rejects."""
        number, line = self._pending[0]
        if len(self._pending) == 1 and "expected after" in str(error):
            try:
                return next(csv.reader([_text(line)], delimiter=self._delimiter))
            except csv.Error as lenient_error:
                error = lenient_error
        else:
            self._reread.extendleft(reversed(self._pending[1:]))
            self._reader = self._new_reader()
        reason = f"is not a valid row: {error}. Is a quote not closed? A quote inside a quoted field must be doubled"
        return DataError(self._path, reason, number)

    def _not_utf8(self, row: list[str]) -> DataError | None:
        if not any(_REPLACED in cell for cell in row):
            return None
        for number, line in self._pending:
            try:
                decode_line(line, self._path, number)
            except DataError as error:
                return error
        return None


_REPLACED = "\ufffd"  # replaces bytes that are not UTF-8, but may also occur in a valid text


def _text(line: bytes) -> str:
    return line.decode(errors="replace").replace("\r", " ")
