# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Read the rows of CSV and TSV files, with or without quoting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from dpr_haystack.errors import DataError, InputError
from dpr_haystack.formats.csv_rows import CsvRows
from dpr_haystack.formats.open_text import OnBad, numbered_lines, raw_lines, suffix_of
from dpr_haystack.formats.quoting import QUOTINGS, decided_quoting


def read_rows(
    path: str | Path, *, delimiter: str = "\t", quoting: str | None = None, on_bad: OnBad | None = None
) -> Iterator[tuple[int, list[str]]]:
    """Read the rows of a file, each with the number of its first line; blank lines are skipped.

    With quoting, a field in quotes may contain delimiters, line ends and doubled quotes; text after the closing quote
    belongs to the field. Without, each line is a row, and a quote is a character like any other.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :param delimiter: The field delimiter.
    :param quoting: ``"csv"`` or ``"none"``; None for what :func:`~dpr_haystack.formats.quoting.decided_quoting` says.
    :param on_bad: Called with the error of each row that is not UTF-8 and of each line with an unclosed quote; only
        that row or line is skipped. None to raise the first.
    :raises InputError: If the quoting is unknown.
    :raises DataError: If the file cannot be read or is not UTF-8, or a quote is not closed.
    """
    if quoting not in (*QUOTINGS, None):
        msg = f"quoting must be one of {', '.join(QUOTINGS)}: got {quoting!r}"
        raise InputError(msg)
    if (quoting or decided_quoting(path, delimiter)) == "none":
        for number, line in numbered_lines(path, on_bad):
            if line.strip():
                yield number, line.replace("\r", " ").split(delimiter)
        return
    for row in CsvRows(raw_lines(path), path, delimiter):
        if not isinstance(row, DataError):
            yield row
        elif on_bad is None:
            raise row
        else:
            on_bad(row)


def delimiter_of(path: str | Path) -> str:
    """The field delimiter of a table: a tab, or in a ``.csv`` whose first line has none, a comma or semicolon.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :raises DataError: If the file cannot be read.
    """
    if suffix_of(path) != ".csv":
        return "\t"
    first = next((line for _, line in raw_lines(path) if line.strip()), b"")
    if b"\t" in first:
        return "\t"
    return ";" if b";" in first and b"," not in first else ","


def column_names(header: Sequence[str], path: str | Path) -> list[str]:
    """The names of columns in lower case, without surrounding whitespace.

    :param header: The first row of a table.
    :param path: Its file, for messages.
    :raises DataError: If a name occurs twice.
    """
    names = [name.strip().lower() for name in header]
    repeated = next((name for number, name in enumerate(names) if name and name in names[:number]), None)
    if repeated is not None:
        raise DataError(path, f"the names of columns must differ: got {repeated!r} twice", 1)
    return names
