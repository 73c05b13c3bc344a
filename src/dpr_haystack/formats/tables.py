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
from dpr_haystack.formats.open_text import OnBad, numbered_lines


def read_rows(
    path: str | Path, *, delimiter: str = "\t", on_bad: OnBad | None = None
) -> Iterator[tuple[int, list[str]]]:
    """The rows of a file of tab-separated fields, blank lines left out, each with the number of its first line.

    A field in quotes may hold delimiters, line ends and doubled quotes. What follows the closing quote belongs to
    the field.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :param delimiter: What separates fields.
    :param on_bad: Told of a line that is not UTF-8 or opens a quote that is never closed, which is passed over alone;
        None to raise the first.
    :raises DataError: If it cannot be read, or a quote is never closed.
    """
    rest = numbered_lines(path, on_bad)
    again: deque[tuple[int, str]] = deque()  # lines behind an open quote, which are rows of their own
    pending: list[tuple[int, str]] = []

    def lines() -> Iterator[str]:
        while (line := again.popleft() if again else next(rest, None)) is not None:
            pending.append(line)
            yield line[1].replace("\r", " ") + "\n"

    def reading() -> Iterator[list[str]]:
        # Strict, or else an unclosed quote would swallow the rest of the file without a word.
        return csv.reader(lines(), delimiter=delimiter, strict=True)

    reader = reading()
    while True:
        pending.clear()
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            try:
                row = _lenient(path, pending, error, delimiter)
            except DataError as bad:
                if on_bad is None:
                    raise
                on_bad(bad)
                again.extendleft(reversed(pending[1:]))
                reader = reading()
                continue
        if row:
            yield pending[0][0], row


def _lenient(path: str | Path, pending: list[tuple[int, str]], error: csv.Error, delimiter: str) -> list[str]:
    """A row of one line with text behind a closing quote, which strictly taken is not one."""
    number, line = pending[0]
    if len(pending) == 1 and "expected after" in str(error):
        return next(csv.reader([line], delimiter=delimiter))
    reason = f"is no row: {error}. Is a quote not closed? A quote inside a quoted field is written twice"
    raise DataError(path, reason, number) from error
