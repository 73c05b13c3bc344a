# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Readers and writers of common retrieval file formats. Nothing in a file is evaluated or unpickled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from dpr_haystack.core.passages import Passage
from dpr_haystack.errors import DataError
from dpr_haystack.formats.json_passages import read_json
from dpr_haystack.formats.jsonl import passages_of, read_jsonl
from dpr_haystack.formats.open_text import OnBad, suffix_of
from dpr_haystack.formats.parquet import read_parquet
from dpr_haystack.formats.passage_tables import TableOptions, read_table
from dpr_haystack.formats.question import Question
from dpr_haystack.formats.questions import read_questions
from dpr_haystack.formats.records import parse_rows
from dpr_haystack.formats.text_files import read_markdown, read_text_file

__all__ = ["PASSAGE_SUFFIXES", "Question", "TableOptions", "read_passages", "read_questions"]


def read_passages(
    path: str | Path, *, words: int = 100, on_bad: OnBad | None = None, tables: TableOptions | None = None
) -> Iterator[Passage]:
    """Read the passages of a file one by one; its suffix determines the format.

    ``.txt`` and ``.md`` are split into passages. JSON lines (``.jsonl``, ``.ndjson``), ``.tsv``, ``.csv``, ``.parquet``
    and ``.json`` (SQuAD, JSON lines, or a list of objects) contain passages, which are kept as they are. Each may be
    gzipped (``.tsv.gz``), except parquet.

    :param path: The file.
    :param words: Words in a passage, for files with running text.
    :param on_bad: Called with the error of each bad line or record, which is skipped; None to raise the first. Errors
        that concern the whole file are always raised.
    :param tables: How to read TSV and CSV files.
    :returns: Passages in the order of the file; an id may occur more than once.
    :raises DataError: If the suffix is unknown, or the file cannot be read in the format of its suffix.
    :raises MissingExtra: If a package needed to read it is not installed.
    """
    reader = _READERS.get(suffix_of(path))
    if reader is None:
        known = ", ".join(PASSAGE_SUFFIXES)
        raise DataError(path, f"unknown suffix {suffix_of(path)!r}; known: {known}, each also with .gz")
    return reader(path, words, on_bad, tables)


def _read_parquet(path: str | Path, on_bad: OnBad | None) -> Iterator[Passage]:
    read = parse_rows(read_parquet(path), lambda row: passages_of(row[1], path, where=f"row {row[0]}: "), on_bad)
    for passages in read:
        yield from passages


_Reader = Callable[[str | Path, int, OnBad | None, TableOptions | None], Iterator[Passage]]

_READERS: dict[str, _Reader] = {
    ".csv": lambda path, _, on_bad, tables: read_table(path, tables, on_bad),
    ".json": lambda path, _, on_bad, __: read_json(path, on_bad),
    ".jsonl": lambda path, _, on_bad, __: read_jsonl(path, on_bad),
    ".markdown": lambda path, words, *_: read_markdown(path, words=words),
    ".md": lambda path, words, *_: read_markdown(path, words=words),
    ".ndjson": lambda path, _, on_bad, __: read_jsonl(path, on_bad),
    ".parquet": lambda path, _, on_bad, __: _read_parquet(path, on_bad),
    ".tsv": lambda path, _, on_bad, tables: read_table(path, tables, on_bad),
    ".txt": lambda path, words, *_: read_text_file(path, words=words),
}

PASSAGE_SUFFIXES = tuple(_READERS)
"""The suffixes that :func:`read_passages` supports."""
