# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Passages in TSV and CSV files: DPR's ``psgs_w100.tsv``, MS MARCO's ``collection.tsv``, and files with names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from statistics import mean
from typing import Any

from dpr_haystack.core.passages import Passage
from dpr_haystack.errors import DataError, InputError
from dpr_haystack.formats.jsonl import passages_of
from dpr_haystack.formats.open_text import OnBad, numbered_lines, suffix_of
from dpr_haystack.formats.passage_fields import NAMES, is_header, part_of
from dpr_haystack.formats.qrels import kind_of_lines
from dpr_haystack.formats.question_lines import is_header as is_question_header
from dpr_haystack.formats.quoting import decided_quoting
from dpr_haystack.formats.records import parse_rows
from dpr_haystack.formats.tables import Row, TableOptions, read_rows

#: Columns of files without names: MS MARCO's passages, DPR's passages, MS MARCO's documents.
_BY_WIDTH = {2: ("id", "text"), 3: ("id", "text", "title"), 4: ("id", "url", "title", "text")}
_SAMPLE = 100


def read_table(path: str | Path, options: TableOptions | None = None, on_bad: OnBad | None = None) -> Iterator[Passage]:
    """Read the passages of a tab- or comma-separated file one by one.

    Columns are known by the names in the first line, in any order and case; columns with other names become metadata.
    Without names, two columns are id and text, three are id, text and title, four are id, URL, title and text. The id
    of a passage with an empty id is a hash of title and text.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :param options: How to read it.
    :param on_bad: Called with the error of each bad row, which is skipped; None to raise the first.
    :returns: Passages with ``file`` in meta.
    :raises InputError: If the options name no column with the text, or a name twice.
    :raises DataError: If the columns are unclear, the rows are qrels or a run, one is not a passage, or the file cannot
        be read.
    """
    options = options or TableOptions()
    delimiter = _delimiter(path)
    quoting = options.quoting or decided_quoting(path, delimiter)
    rows = read_rows(path, delimiter=delimiter, quoting=quoting, on_bad=on_bad)
    first = list(islice(rows, _SAMPLE))
    if not first:
        return
    if options.columns is None:
        _refuse_judgements(first, path)
    has_names = is_header(first[0][1]) or is_question_header(first[0][1]) or _looks_like_names(first)
    columns = _columns(first, has_names, options.columns, path)
    if options.on_decision is not None:
        decision = options.decision(columns, quoting, has_names=has_names)
        options.on_decision(f"{path}: {decision}{'' if has_names else _doubt(columns, first)}")
    body = chain(first[has_names:], rows)
    for passages in parse_rows(body, lambda row: _passages(*row, columns, path), on_bad):
        yield from passages


def _refuse_judgements(first: Sequence[Row], path: str | Path) -> None:
    kind = kind_of_lines(["\t".join(cells) for _, cells in first])
    if kind is not None:
        raise DataError(path, f"is {kind}, not a file of passages; if it is one, name the columns with --columns")


def _columns(first: Sequence[Row], has_names: bool, given: tuple[str, ...] | None, path: str | Path) -> tuple[str, ...]:
    line, names = first[0]
    if given is not None:
        columns = given
    elif has_names:
        columns = tuple(name.strip() for name in names)
        if not is_header(names):
            reason = f"the first line looks like column names, but none of {', '.join(columns)} is known"
            raise DataError(path, f"{reason}; name the columns with --columns, e.g. --columns id,text,title", line)
    else:
        columns = _columns_by_width([row for _, row in first], path, line)
    check_columns(columns, path if given is None else None)
    return columns


def _columns_by_width(rows: Sequence[Sequence[str]], path: str | Path, line: int) -> tuple[str, ...]:
    widths = [len(row) for row in rows]
    width = 3 if {2, 3} >= set(widths) != {2} else max(set(widths), key=lambda width: (widths.count(width), width == 3))
    is_known = width in (2, 3) or (width == 4 and all("://" in row[1] for row in rows if len(row) == 4))
    if not is_known:
        separated = "tab-separated" if suffix_of(path) == ".tsv" else "by commas, semicolons or tabs separated"
        reason = f"expected {separated} id, text, title: got {width} columns without names"
        raise DataError(path, f"{reason}; name them with --columns, e.g. --columns id,text,title", line)
    return _BY_WIDTH[width]


def check_columns(columns: Sequence[str], path: str | Path | None = None) -> None:
    """Refuse columns without a text or with a name twice.

    :param columns: Their names.
    :param path: The file that has these names; None for those that the user gave.
    :raises InputError: If the user's names cannot be used.
    :raises DataError: If those of the file cannot be used.
    """
    plain = [name.lower() for name in columns if name]
    problem = ""
    if not any(part_of(name) == "text" for name in columns):
        problem = f"one must be the text (one of {', '.join(NAMES['text'])})"
    elif len(set(plain)) < len(plain):
        problem = "each name may occur once"
    if problem:
        msg = f"columns: {problem}: got {', '.join(columns)}"
        raise InputError(msg) if path is None else DataError(path, f"{msg}; name them with --columns", 1)


def _looks_like_names(rows: Sequence[Row]) -> bool:
    """Whether the first row alone has no number as its id."""
    ids = [row[0].strip() for _, row in rows]
    return len(ids) > 2 and not ids[0].isdigit() and ids[0] != "" and all(name.isdigit() for name in ids[1:])


def _passages(line: int, row: list[str], columns: tuple[str, ...], path: str | Path) -> list[Passage]:
    least = 1 + max(number for number, name in enumerate(columns) if part_of(name) == "text")
    if not least <= len(row) <= len(columns):
        raise DataError(path, f"expected columns {', '.join(columns)}: got {len(row)} columns", line)
    values: dict[str, Any] = {
        name: cell for name, cell in zip(columns, row, strict=False) if name and (cell or part_of(name) == "text")
    }
    if not any(cell.strip() for name, cell in values.items() if part_of(name) in ("text", "title")):
        raise DataError(path, "has no text", line)
    for name in [name for name in values if part_of(name) == "meta"]:
        values[name] = _metadata(name, values[name])
    return passages_of(values, path, line)


def _metadata(name: str, cell: str) -> dict[str, Any]:
    """Metadata as a JSON object, or as a plain value."""
    try:
        value = json.loads(cell)
    except ValueError:
        value = cell
    return value if isinstance(value, dict) else {name: cell}


def _delimiter(path: str | Path) -> str:
    if suffix_of(path) == ".tsv":
        return "\t"
    _, line = next(numbered_lines(path, lambda _: None), (1, ""))
    # Spreadsheets in many countries write semicolons.
    return max(
        ",;\t", key=lambda delimiter: sum(part_of(cell.strip('"')) is not None for cell in line.split(delimiter))
    )


def _doubt(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """What to do if the text is in the third column, which is the title where there are no names."""
    lengths = [mean([len(row[number]) for _, row in rows if len(row) == 3] or [0]) for number in (1, 2)]
    if len(columns) != 3 or lengths[1] <= 2 * lengths[0]:
        return ""
    return ". The third column is longer than the second: if it is the text, use --columns id,title,text"
