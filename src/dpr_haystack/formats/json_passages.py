# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Passages in ``.json`` files: a list of records, SQuAD, or JSON lines."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from dpr_haystack.core.passages import Passage
from dpr_haystack.errors import DataError
from dpr_haystack.formats.jsonl import passages_of, read_jsonl
from dpr_haystack.formats.open_text import OnBad, counted_lines, parse_json, read_text
from dpr_haystack.formats.passage_fields import fields_of
from dpr_haystack.formats.record_kinds import plain_records
from dpr_haystack.formats.records import Record, parse_rows, read_records
from dpr_haystack.formats.squad import is_squad, squad_passages


def read_json(path: str | Path, on_bad: OnBad | None = None) -> Iterator[Passage]:
    """Read the passages of a JSON file.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :param on_bad: Called with the error of each bad record, which is skipped; None to raise the first.
    :raises DataError: If the file is not JSON, or contains no passages.
    """
    start = [line for _, _, line in islice(counted_lines(path, lambda _: None), 2)]
    if start and start[0].lstrip().startswith("["):
        yield from _from_records(read_records(path, on_bad), path, on_bad)
    elif len(start) > 1 and _is_object(start[0], path):
        yield from read_jsonl(path, on_bad)
    else:
        yield from _from_content(parse_json(read_text(path), path), path, on_bad)


def _from_content(content: Any, path: str | Path, on_bad: OnBad | None) -> Iterator[Passage]:
    rows = content.get("data") if isinstance(content, dict) else None
    if is_squad(content) and not (rows and all(isinstance(row, dict) and "context" in row for row in rows)):
        yield from squad_passages(content, path)
    elif isinstance(rows, list):  # SQuAD as flattened by the hub
        yield from _from_records((Record(row, None, number) for number, row in enumerate(rows, 1)), path, on_bad)
    elif isinstance(content, dict) and any(fields_of(tuple(plain))["text"] for plain in plain_records(content)):
        yield from _from_records(iter([Record(content, None, 1)]), path, on_bad)
    else:
        raise DataError(path, "must be SQuAD or a list of passages, or have one passage per line")


def _from_records(records: Iterator[Record], path: str | Path, on_bad: OnBad | None) -> Iterator[Passage]:
    def read(record: Record) -> list[Passage]:
        return passages_of(record.value, path, record.line, where=f"passage {record.number}: ")

    for passages in parse_rows(records, read, on_bad):
        yield from passages


def _is_object(line: str, path: str | Path) -> bool:
    try:
        return isinstance(parse_json(line, path), dict)
    except DataError:
        return False
