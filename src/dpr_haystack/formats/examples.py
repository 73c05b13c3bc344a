# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Read training examples from any supported file format."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from dpr_haystack.errors import DataError
from dpr_haystack.formats.columns import read_columns
from dpr_haystack.formats.example_columns import POSITIVE_NAMES, columns_of
from dpr_haystack.formats.labelled import NamedRow, OnNote, examples_of
from dpr_haystack.formats.open_text import OnBad
from dpr_haystack.formats.question_records import lower_names
from dpr_haystack.formats.records import Record, parse_rows, read_records
from dpr_haystack.formats.tables import TableOptions, is_table
from dpr_haystack.formats.training import TrainingExample, example_of


def read_examples(
    path: str | Path,
    on_bad: OnBad | None = None,
    on_note: OnNote | None = None,
    tables: TableOptions | None = None,
) -> Iterator[TrainingExample]:
    """Read examples one by one.

    The file is DPR's JSON list or JSON lines, or has named fields, as columns of ``.csv``, ``.tsv`` or ``.parquet`` or
    in JSON: question and positive, optionally hard negatives, in the forms of sentence-transformers (``anchor``,
    ``positive``, ``negative``), BGE (``query``, ``pos``, ``neg``), Tevatron (``positive_passages``) and others. A field
    with labels or scores says which passages are positives (1) and which are hard negatives (0).

    :param path: The file; gzipped if its name ends in ``.gz``, except Parquet.
    :param on_bad: Called with the error of each bad row or record, which is skipped; None to raise the first.
    :param on_note: Called with what named fields were taken for, and with the number of questions without positives.
    :param tables: How to read CSV and TSV files.
    :raises InputError: If columns or quoting are given and the file is neither CSV nor TSV, or a column is missing.
    :raises DataError: If the file cannot be read, is not in the format of its suffix, or a label is not clear.
    :raises MissingExtra: If it is a Parquet file and pyarrow is not installed.
    """
    options = tables or TableOptions()
    if is_table(path):
        return read_columns(path, on_bad, on_note, options)
    options.check_table(path)
    return _from_records(path, on_bad, on_note)


def _from_records(path: str | Path, on_bad: OnBad | None, on_note: OnNote | None) -> Iterator[TrainingExample]:
    records = read_records(path, on_bad)
    first = next(records, None)
    if first is None:
        return
    records = chain([first], records)
    fields = lower_names(first.value) if isinstance(first.value, dict) else {}
    if "positive_ctxs" in fields or not any(name in fields for name in POSITIVE_NAMES):
        yield from parse_rows(records, lambda record: example_of(record, path), on_bad)
        return
    try:
        columns = columns_of(fields)
    except ValueError as error:
        raise DataError(path, str(error), first.line) from error

    def named(record: Record) -> NamedRow:
        if not isinstance(record.value, dict):
            raise DataError(path, f"{record.where}must be an object: got {str(record.value)[:80]}", record.line)
        return NamedRow(lower_names(record.value), record.line, record.number)

    yield from examples_of(parse_rows(records, named, on_bad), columns, path, on_bad, on_note)


class ExampleFile:
    """The examples of a file, which may be read several times.

    :param path: The file.
    :param skip_bad: Whether bad rows and records are skipped.
    :param tables: How to read CSV and TSV files.
    """

    def __init__(self, path: str | Path, *, skip_bad: bool = False, tables: TableOptions | None = None) -> None:
        self._path = path
        self._tables = tables
        self._skip_bad = skip_bad
        self.bad: list[DataError] = []
        """The errors of what was skipped, as of the latest reading."""
        self.notes: list[str] = []
        """How the file was read, as of the latest reading."""

    def __iter__(self) -> Iterator[TrainingExample]:
        bad: list[DataError] = []
        notes: list[str] = []
        yield from read_examples(self._path, bad.append if self._skip_bad else None, notes.append, self._tables)
        self.bad, self.notes = bad, notes
