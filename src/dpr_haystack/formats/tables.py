# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Rows of tab-separated files with the quoting that Python's csv module writes, one bad row never hiding the next."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from dpr_haystack.errors import DataError
from dpr_haystack.formats.open_text import numbered_lines


def read_rows(path: str | Path, *, delimiter: str = "\t") -> Iterator[tuple[int, list[str]]]:
    """The rows of a file of tab-separated fields, blank lines left out, each with the number of its first line.

    A field in quotes may hold delimiters, line ends and doubled quotes. What follows the closing quote belongs to
    the field.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :param delimiter: What separates fields.
    :raises DataError: If it cannot be read, or a quote is never closed.
    """
    pending: list[tuple[int, str]] = []

    def lines() -> Iterator[str]:
        for number, line in numbered_lines(path):
            pending.append((number, line))
            yield line.replace("\r", " ") + "\n"

    # Strict, or else an unclosed quote would swallow the rest of the file without a word.
    reader = csv.reader(lines(), delimiter=delimiter, strict=True)
    while True:
        pending.clear()
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            row = _lenient(path, pending, error, delimiter)
        if row:
            yield pending[0][0], row


def _lenient(path: str | Path, pending: list[tuple[int, str]], error: csv.Error, delimiter: str) -> list[str]:
    """A row of one line with text behind a closing quote, which strictly taken is not one."""
    number, line = pending[0]
    if len(pending) == 1 and "expected after" in str(error):
        return next(csv.reader([line], delimiter=delimiter))
    reason = f"is no row: {error}. Is a quote not closed? A quote inside a quoted field is written twice"
    raise DataError(path, reason, number) from error
