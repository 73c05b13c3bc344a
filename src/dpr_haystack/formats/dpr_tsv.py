# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""DPR's corpus format, ``psgs_w100.tsv``: id, text and title in tab-separated columns."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from dpr_haystack.core.passages import Passage, make_passage
from dpr_haystack.errors import DataError
from dpr_haystack.formats.open_text import OnBad
from dpr_haystack.formats.records import parse_rows
from dpr_haystack.formats.tables import read_rows
from dpr_haystack.formats.writing import atomic_writer

_COLUMNS: tuple[str, ...] = ("id", "text", "title")


def read_dpr_tsv(path: str | Path, on_bad: OnBad | None = None) -> Iterator[Passage]:
    """Read the passages of a tab-separated file one by one.

    The columns are id, text and title, unless a header line (``id``, ``text``, ``title`` in any order) says otherwise;
    the title is optional. The id of a passage with an empty id is a hash of title and text.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :param on_bad: Called with the error of each bad row, which is skipped; None to raise the first.
    :returns: Passages with ``file`` in meta.
    :raises DataError: If a row does not have two or three columns or has no text, or the file cannot be read.
    """
    columns = _COLUMNS
    rows = read_rows(path, on_bad=on_bad)
    first = next(rows, None)
    if first is None:
        return
    if "id" in first[1]:
        columns = tuple(first[1]) if {"id", "text"} <= set(first[1]) <= set(_COLUMNS) else _COLUMNS
    else:
        rows = chain([first], rows)
    yield from parse_rows(rows, lambda row: _passage(*row, columns, path), on_bad)


def _passage(line: int, row: list[str], columns: tuple[str, ...], path: str | Path) -> Passage:
    if not 2 <= len(row) <= len(columns):
        raise DataError(path, f"expected tab-separated {', '.join(columns)}: got {len(row)} columns", line)
    values = dict(zip(columns, row, strict=False))
    if not values.get("text", "").strip():
        raise DataError(path, "has no text", line)
    return make_passage(values.get("title", ""), values["text"], {"file": str(path)}, values["id"])


def write_dpr_tsv(path: str | Path, passages: Iterable[Passage]) -> int:
    """Write passages as DPR's ``psgs_w100.tsv``: a header line, then id, text and title.

    :param path: The file; gzipped for ``.gz``.
    :param passages: The passages; consumed one by one.
    :returns: The number of passages.
    :raises DataError: If the file cannot be written.
    """
    count = 0
    with atomic_writer(path) as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(_COLUMNS)
        for passage in passages:
            writer.writerow([passage.id, passage.text, passage.title])
            count += 1
    return count
