# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Readers and writers of common retrieval file formats. Nothing in a file is evaluated or unpickled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from dpr_haystack.core.passages import Passage
from dpr_haystack.errors import DataError
from dpr_haystack.formats.json_passages import read_json
from dpr_haystack.formats.jsonl import passages_of, read_jsonl
from dpr_haystack.formats.open_text import OnBad, suffix_of
from dpr_haystack.formats.parquet import read_parquet
from dpr_haystack.formats.passage_tables import read_table
from dpr_haystack.formats.question import Question
from dpr_haystack.formats.questions import read_questions
from dpr_haystack.formats.records import parse_rows
from dpr_haystack.formats.tables import TableOptions
from dpr_haystack.formats.text_files import read_markdown, read_text_file

__all__ = ["PASSAGE_SUFFIXES", "Question", "TableOptions", "read_passages", "read_questions"]


def read_passages(
    path: str | Path,
    *,
    words: int = 100,
    encoding: str | None = None,
    on_bad: OnBad | None = None,
    tables: TableOptions | None = None,
) -> Iterator[Passage]:
    """Read the passages of a file one by one; its suffix determines the format.

    ``.txt`` and ``.md`` are split into passages. JSON lines (``.jsonl``, ``.ndjson``), ``.tsv``, ``.csv``, ``.parquet``
    and ``.json`` (SQuAD, JSON lines, or a list of objects) contain passages, which are kept as they are. Each may be
    gzipped (``.tsv.gz``), except parquet.

    :param path: The file.
    :param words: Words in a passage, for files with running text.
    :param encoding: The encoding of running text that is not UTF-8 and has no byte order mark; None to refuse it.
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
    return reader(path, _Options(words, encoding, on_bad, tables))


class _Options(NamedTuple):
    words: int
    encoding: str | None
    on_bad: OnBad | None
    tables: TableOptions | None


def _read_parquet(path: str | Path, options: _Options) -> Iterator[Passage]:
    rows = read_parquet(path)
    read = parse_rows(rows, lambda row: passages_of(row[1], path, where=f"row {row[0]}: "), options.on_bad)
    for passages in read:
        yield from passages


def _read_json_lines(path: str | Path, options: _Options) -> Iterator[Passage]:
    return read_jsonl(path, options.on_bad)


def _read_markdown(path: str | Path, options: _Options) -> Iterator[Passage]:
    return read_markdown(path, words=options.words, encoding=options.encoding)


def _read_table(path: str | Path, options: _Options) -> Iterator[Passage]:
    return read_table(path, options.tables, options.on_bad)


_READERS: dict[str, Callable[[str | Path, _Options], Iterator[Passage]]] = {
    ".csv": _read_table,
    ".json": lambda path, options: read_json(path, options.on_bad),
    ".jsonl": _read_json_lines,
    ".markdown": _read_markdown,
    ".md": _read_markdown,
    ".ndjson": _read_json_lines,
    ".parquet": _read_parquet,
    ".tsv": _read_table,
    ".txt": lambda path, options: read_text_file(path, words=options.words, encoding=options.encoding),
}

PASSAGE_SUFFIXES = tuple(_READERS)
"""The suffixes that :func:`read_passages` supports."""
