# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Whether quotes in a tab-separated file quote fields, as in DPR's files, or are text, as in those of MS MARCO."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from dpr_haystack.errors import DataError, InputError
from dpr_haystack.formats.csv_rows import CsvRows, text_of
from dpr_haystack.formats.open_text import raw_lines

QUOTINGS = ("csv", "none")
"""``"csv"``: a field may be in quotes, and a quote in it is doubled; ``"none"``: a quote is part of the text."""

_LINES = 50_000
_BYTES = 32 << 20
_DOUBLED = re.compile(r'"(?:[^"]|"")*""(?:[^"]|"")*"')


def check_quoting(quoting: str | None) -> None:
    """Refuse an unknown quoting.

    :param quoting: One of :data:`QUOTINGS`; None to decide by the content.
    :raises InputError: If it is another one.
    """
    if quoting not in (*QUOTINGS, None):
        msg = f"quoting must be one of {', '.join(QUOTINGS)}: got {quoting!r}"
        raise InputError(msg)


def decided_quoting(path: str | Path, delimiter: str = "\t") -> str:
    """Decide which quoting a file has, by the rows at its start.

    The quoting with which more rows have the same number of columns is right. If both fit equally, quotes are text
    unless fields have doubled quotes, or all fields of a column are quoted. Files with other delimiters than tabs
    always have quoting.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :param delimiter: The field delimiter.
    :returns: One of :data:`QUOTINGS`.
    :raises DataError: If the file cannot be read.
    """
    if delimiter != "\t":
        return "csv"
    lines = list(_first(path))
    if not any(text.startswith(b'"') or b'\t"' in text for _, text in lines):
        return "none"
    plain = [text_of(line).split(delimiter) for _, line in lines if line.strip()]
    rows = CsvRows(iter(lines), path, delimiter)
    quoted = [None if isinstance(row, DataError) else row[1] for row in rows]
    bad_quoted, bad_plain = _irregular(quoted) + rows.irregular, _irregular(plain)
    if bad_quoted != bad_plain:
        return "csv" if bad_quoted < bad_plain else "none"
    return "none" if rows.joined else _by_quotes(plain)


def _first(path: str | Path) -> Iterator[tuple[int, bytes]]:
    size = 0
    for number, line in raw_lines(path):
        size += len(line)
        if number > _LINES or size > _BYTES:
            return
        yield number, line


def _irregular(rows: Iterable[list[str] | None]) -> int:
    """How many rows are bad, lack their first field, or have another number of columns than most."""
    counts = Counter(0 if row is None or not row[0].strip() else len(row) for row in rows)
    most = max((count for width, count in counts.items() if width), default=0)
    return counts.total() - most


def _by_quotes(rows: list[list[str]]) -> str:
    """The quoting of rows that both quotings separate in the same way."""
    if any(_DOUBLED.fullmatch(cell) for row in rows for cell in row):
        return "csv"
    body = rows[1:] or rows  # names in the first row need no quotes
    for column in range(max(map(len, body))):
        cells = [row[column] for row in body if len(row) > column and row[column]]
        if cells and all(cell.startswith('"') for cell in cells):
            return "csv"
    return "none"
