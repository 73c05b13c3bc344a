# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Read the rows of CSV and TSV files, with or without quoting."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from dpr_haystack.errors import DataError, InputError
from dpr_haystack.formats.csv_rows import CsvRows
from dpr_haystack.formats.open_text import OnBad, numbered_lines, raw_lines, suffix_of
from dpr_haystack.formats.quoting import check_quoting, decided_quoting

Row = tuple[int, list[str]]
"""A row, with the number of its first line."""

_WORD = re.compile(r"[^\W\d]+(?:_\d+)?")


@dataclass(frozen=True)
class TableOptions:
    """How to read TSV and CSV files.

    :param columns: The names of the columns, in their order; None for those in the first line or, without them, those
        of the known files without names.
    :param quoting: ``"csv"`` or ``"none"``; None to decide by the content.
    :param on_decision: Called with a sentence about what was decided for a file; None to say nothing.
    :param given_by: What the user gives columns and quoting by, for that sentence.
    """

    columns: tuple[str, ...] | None = None
    quoting: str | None = None
    on_decision: Callable[[str], None] | None = None
    given_by: str = "--columns and --quoting"

    def check_table(self, name: str | Path, *, is_table: bool = False) -> None:
        """Refuse columns and quoting that are given for something that is no table.

        :param name: What it is given for.
        :param is_table: Whether it is a table.
        :raises InputError: If it is none, and columns or quoting are given.
        """
        if not is_table and (self.columns is not None or self.quoting is not None):
            msg = f"{self.given_by} are for TSV and CSV files: got {name}"
            raise InputError(msg)

    def decision(self, columns: Sequence[str], quoting: str, *, has_names: bool) -> str:
        """What was decided for a file, in words.

        :param columns: The names of its columns.
        :param quoting: Its quoting.
        :param has_names: Whether its first line has the names of columns.
        """
        names = f"{', '.join(columns)} ({'named in' if has_names else 'no names in'} the first line)"
        quotes = "quotes quote fields" if quoting == "csv" else "quotes are part of the text"
        return f"columns {names}; {quotes}; {self.given_by} change this"


class NamedColumns(NamedTuple):
    """The columns of a table, and its rows.

    :param names: The names in lower case; None if they are neither given nor in the first line.
    :param has_names: Whether the first line has names.
    :param rows: The rows, without that of the names.
    """

    names: list[str] | None
    has_names: bool
    rows: Iterator[Row]


def read_rows(
    path: str | Path, *, delimiter: str = "\t", quoting: str | None = None, on_bad: OnBad | None = None
) -> Iterator[Row]:
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
    check_quoting(quoting)
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


def is_table(path: str | Path) -> bool:
    """Whether a file is TSV or CSV by its suffix.

    :param path: The file.
    """
    return suffix_of(path) in (".csv", ".tsv")


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


def named_columns(
    rows: Iterator[Row], path: str | Path, given: Sequence[str] | None, is_header: Callable[[Sequence[str]], bool]
) -> NamedColumns:
    """The columns of a table by their names: those that are given, or else those in the first line.

    If names are given, a first line of names is left out: of known ones, or of single words.

    :param rows: The rows.
    :param path: Their file, for messages.
    :param given: The names that the user gave; None for those in the first line.
    :param is_header: Whether a row has names that are known.
    :raises InputError: If a name is given twice.
    :raises DataError: If a name occurs twice in the first line.
    """
    try:
        names = None if given is None else column_names(given, path)
    except DataError as error:
        msg = f"columns: each name may occur once: got {', '.join(given or ())}"
        raise InputError(msg) from error
    first = next(rows, None)
    if first is None:
        return NamedColumns(names, False, iter(()))
    cells = first[1]
    has_names = is_header(cells) or (names is not None and _are_words(cells))
    if names is None and has_names:
        names = column_names(cells, path)
    return NamedColumns(names, has_names, rows if has_names else chain([first], rows))


def _are_words(cells: Sequence[str]) -> bool:
    """Whether cells could be names of columns: each is another single word."""
    words = {cell.strip().lower() for cell in cells}
    return len(words) == len(cells) > 1 and all(map(_WORD.fullmatch, words))
