# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Rows with the quoting of Python's csv module; a bad row does not affect the following rows."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from dpr_haystack.errors import DataError
from dpr_haystack.formats.open_text import decode_line


class CsvRows:
    """Iterates over rows, each with the number of its first line; yields a :class:`DataError` for each bad row.

    :param lines: Numbered lines, without line ends.
    :param path: Their file, for messages.
    :param delimiter: The field delimiter.
    """

    def __init__(self, lines: Iterator[tuple[int, bytes]], path: str | Path, delimiter: str) -> None:
        self.irregular = 0
        """Rows with text after a closing quote, so far."""
        self.joined = 0
        """Rows of several lines, so far."""
        self._path = path
        self._delimiter = delimiter
        self._rest = lines
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
                self.joined += len(self._pending) > 1
                yield self._not_utf8(row) or (self._pending[0][0], row)

    def _new_reader(self) -> Iterator[list[str]]:
        # Strict: otherwise an unclosed quote would silently swallow the rest of the file.
        return csv.reader(self._lines(), delimiter=self._delimiter, strict=True)

    def _lines(self) -> Iterator[str]:
        while (line := self._reread.popleft() if self._reread else next(self._rest, None)) is not None:
            self._pending.append(line)
            yield text_of(line[1]) + "\n"

    def _lenient(self, error: csv.Error) -> list[str] | DataError:
        """Parse a one-line row with text after a closing quote, which strict parsing rejects."""
        number, line = self._pending[0]
        if len(self._pending) == 1 and "expected after" in str(error):
            try:
                row = next(csv.reader([text_of(line)], delimiter=self._delimiter))
            except csv.Error as lenient_error:
                error = lenient_error
            else:
                self.irregular += 1
                return row
        else:
            self._reread.extendleft(reversed(self._pending[1:]))
            self._reader = self._new_reader()
        reason = f"is not a valid row: {error}. Is a quote not closed? A quote inside a quoted field must be doubled"
        return DataError(self._path, reason, number)

    def _not_utf8(self, row: list[str]) -> DataError | None:
        if not any(_REPLACED in cell or "\0" in cell for cell in row):
            return None
        for number, line in self._pending:
            try:
                decode_line(line, self._path, number)
            except DataError as error:
                return error
        return None


_REPLACED = "\ufffd"  # replaces bytes that are not UTF-8, but may also occur in a valid text


def text_of(line: bytes) -> str:
    """A line as text; bytes that are not UTF-8 are replaced.

    :param line: The line.
    """
    return line.decode(errors="replace").replace("\r", " ")
