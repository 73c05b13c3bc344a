# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Training data in columns, as used by sentence-transformers and simpletransformers: CSV, TSV or a data frame."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from dpr_haystack.core.passages import Passage
from dpr_haystack.errors import DataError, InputError
from dpr_haystack.formats.answers import ANSWER_NAMES, cell_value
from dpr_haystack.formats.example_columns import Columns, columns_of, listed_in
from dpr_haystack.formats.labelled import NamedRow, OnNote, examples_of
from dpr_haystack.formats.open_text import OnBad, suffix_of
from dpr_haystack.formats.quoting import decided_quoting
from dpr_haystack.formats.records import parse_rows
from dpr_haystack.formats.tables import Row, TableOptions, delimiter_of, named_columns, read_rows
from dpr_haystack.formats.training import TrainingExample
from dpr_haystack.formats.writing import atomic_writer


def read_columns(
    path: str | Path,
    on_bad: OnBad | None = None,
    on_note: OnNote | None = None,
    tables: TableOptions | None = None,
) -> Iterator[TrainingExample]:
    """Read the examples of a CSV or TSV file. Its first line has the names of the columns, if they are not given.

    :param path: The file, ``.tsv`` or ``.csv``; gzipped if its name ends in ``.gz``.
    :param on_bad: Called with the error of each bad row, which is skipped; None to raise the first.
    :param on_note: Called with sentences about how the file is read.
    :param tables: How to read it; its ``on_decision`` is not called.
    :raises InputError: If columns are given, and a required one is missing or a name occurs twice.
    :raises DataError: If a required column is missing, a row is not an example, or its label is not clear.
    """
    options, delimiter = tables or TableOptions(), delimiter_of(path)
    quoting = options.quoting or decided_quoting(path, delimiter)
    rows = read_rows(path, delimiter=delimiter, quoting=quoting, on_bad=on_bad)
    is_header = _is_header if options.columns is not None else bool
    names, has_names, body = named_columns(rows, path, options.columns, is_header)
    if names is None:
        return
    remedy = f"; if the first line has no names, give them: {options.given_by}"
    columns = _columns(names, path if options.columns is None else None, remedy)
    decision = options.decision(names, quoting, has_names=has_names)
    passages = {columns.positive, *columns.negatives}
    lists = {*ANSWER_NAMES} - {columns.question, *passages}

    def named(row: Row) -> NamedRow:
        line, cells = row
        if len(cells) != len(names):
            raise DataError(path, f"must have {len(names)} columns: got {len(cells)}", line)
        try:
            fields: dict[str, Any] = {
                name: listed_in(cell) if name in passages else cell_value(cell) if name in lists else cell or None
                for name, cell in zip(names, cells, strict=True)
            }
        except TypeError as error:
            raise DataError(path, str(error), line) from error
        return NamedRow(fields, line, line)

    yield from examples_of(parse_rows(body, named, on_bad), columns, path, on_bad, on_note, decision)


def examples_from_frame(frame: Any) -> list[TrainingExample]:
    """Read the examples of a data frame (pandas, polars or any object with ``columns`` and columns by name).

    :param frame: The data frame.
    :raises InputError: If a required column is missing, a row has no question or no passage, or its label is not
        clear.
    """
    try:
        names = [str(name).strip().lower() for name in frame.columns]
        values = [list(frame[name]) for name in frame.columns]
    except (AttributeError, TypeError, KeyError) as error:
        msg = f"frame must be a data frame: got {type(frame).__name__}"
        raise InputError(msg) from error
    rows = (
        NamedRow({name: _plain(value) for name, value in zip(names, row, strict=True)}, number, number)
        for number, row in enumerate(zip(*values, strict=True), 1)
    )
    return list(examples_of(rows, _columns(names, "the data frame"), "the data frame", None))


def write_columns(path: str | Path, examples: Iterable[TrainingExample], *, negatives: int = 1) -> int:
    """Write question, first positive and hard negatives as columns; titles are prepended to the texts.

    :param path: The file; ``.tsv`` is tab-separated, any other comma-separated; gzipped for ``.gz``.
    :param examples: The examples; missing hard negatives leave cells empty.
    :param negatives: The number of columns with hard negatives.
    :returns: The number of rows.
    :raises DataError: If the file cannot be written.
    """
    further = [f"hard_negative_{number}" for number in range(2, negatives + 1)]
    names = ["query_text", "gold_passage", *(["hard_negative"] if negatives else []), *further]
    count = 0
    with atomic_writer(path) as file:
        writer = csv.writer(file, delimiter="\t" if suffix_of(path) == ".tsv" else ",", lineterminator="\n")
        writer.writerow(names)
        for example in examples:
            hard = [_text(passage) for passage in example.hard_negatives[:negatives]]
            writer.writerow([example.question, _text(example.positives[0]), *hard, *[""] * (negatives - len(hard))])
            count += 1
    return count


def _plain(value: Any) -> Any:
    """A cell of a data frame; an empty one is None or NaN, and lists may be arrays."""
    listed = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(listed, list | tuple | dict):
        return listed
    return None if listed is None or listed != listed else listed


def _is_header(cells: Sequence[str]) -> bool:
    try:
        columns_of(cell.strip().lower() for cell in cells)
    except ValueError:
        return False
    return True


def _columns(names: Sequence[str], where: str | Path | None, remedy: str = "") -> Columns:
    """Which column is what; ``where`` is None if the user gave the names, ``remedy`` the end of a message."""
    try:
        return columns_of(names)
    except ValueError as error:
        if where is None:
            msg = f"columns: {error}"
            raise InputError(msg) from error
        raise DataError(where, f"{error}{remedy}", 1) from error


def _text(passage: Passage) -> str:
    return f"{passage.title} {passage.text}".strip()
