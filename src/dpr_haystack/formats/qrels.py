# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Qrels: which passages are relevant for which questions, in the formats of TREC and BEIR."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from dpr_haystack.errors import DataError
from dpr_haystack.formats.open_text import OnBad, counted_lines, suffix_of
from dpr_haystack.formats.question import Question
from dpr_haystack.formats.records import parse_rows, read_records
from dpr_haystack.formats.trec import checked_id, finite_number
from dpr_haystack.formats.writing import write_lines

Qrels = dict[str, dict[str, float]]
"""For each question id, the grades of passages by passage id; a grade above 0 means relevant."""

_BEIR_HEADER = ("query-id", "corpus-id", "score")

_PARTS = {
    "question": ("query", "topic", "question", "qid", "q_id"),
    "passage": ("corpus", "doc", "passage", "pid", "p_id", "did"),
    "grade": ("score", "rel", "grade", "label", "judg", "rating"),
}
"""Parts of the names of the columns."""


class _Columns(NamedTuple):
    """The positions of the columns, and their number."""

    question: int
    passage: int
    grade: int
    cells: int


def read_qrels(path: str | Path, on_bad: OnBad | None = None) -> Qrels:
    """Read qrels in TREC's format (question, iteration, passage, grade) or BEIR's (question, passage, grade).

    If the first line has names of columns, they say which column is which, in any order. JSON lines and Parquet with
    such names are read too. Grades may be negative and need not be integers.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :param on_bad: Called with the error of each bad line, which is skipped; None to raise the first.
    :raises DataError: If a line has another number of columns or a grade that is not a finite number.
    """
    qrels: Qrels = {}
    for question, passage, grade in _judgements(path, on_bad):
        qrels.setdefault(question, {})[passage] = grade
    return qrels


def _judgements(path: str | Path, on_bad: OnBad | None) -> Iterator[tuple[str, str, float]]:
    if suffix_of(path) in (".json", ".jsonl", ".ndjson", ".parquet"):
        records = ((record.line or record.number, record.value) for record in read_records(path, on_bad))
        yield from parse_rows(records, lambda record: _of_object(record[1], path, record[0]), on_bad)
        return
    columns: _Columns | None = None

    def read(row: tuple[int, str]) -> tuple[str, str, float]:
        cells = _cells(row[1], path)
        of_row = columns or _Columns(0, len(cells) - 2, len(cells) - 1, len(cells))
        if len(cells) != of_row.cells or not (columns or len(cells) in (3, 4)):
            expected = "4 columns (question iteration passage grade), or 3 (question passage grade)"
            raise DataError(path, f"must have {expected}: got {len(cells)}", row[0])
        return cells[of_row.question], cells[of_row.passage], _grade(cells[of_row.grade], path, row[0])

    lines = ((number, line) for _, number, line in counted_lines(path, on_bad))
    first = next(lines, None)
    if first is None:
        return
    columns = _named(_cells(first[1], path))
    if columns is None:
        yield from parse_rows(iter([first]), read, on_bad)
    yield from parse_rows(lines, read, on_bad)


def _cells(line: str, path: str | Path) -> list[str]:
    if suffix_of(path) == ".csv" and "\t" not in line:
        return [cell.strip() for cell in line.split(",")]
    by_tab = [cell.strip() for cell in line.split("\t")]
    return by_tab if len(by_tab) > 2 else line.split()


def _named(cells: Sequence[str]) -> _Columns | None:
    """The columns, if the cells are their names."""
    found: dict[str, int] = {}
    for position, cell in enumerate(cells):
        name = cell.lower()
        part = next((part for part, pieces in _PARTS.items() if any(piece in name for piece in pieces)), None)
        if part is not None:
            found.setdefault(part, position)
    return _Columns(**found, cells=len(cells)) if len(found) == len(_PARTS) else None


def _of_object(value: Any, path: str | Path, line: int) -> tuple[str, str, float]:
    names = list(value) if isinstance(value, dict) else []
    columns = _named(names)
    if columns is None:
        reason = f"must have the fields {', '.join(_BEIR_HEADER)}: got {', '.join(map(str, names)) or value!r}"
        raise DataError(path, reason, line)
    question, passage, grade = (
        str(value[names[position]]) for position in (columns.question, columns.passage, columns.grade)
    )
    return question, passage, _grade(grade, path, line)


def _grade(text: str, path: str | Path, line: int) -> float:
    grade = finite_number(text, "grade", path, line)
    return int(grade) if grade.is_integer() else grade


def kind_of_lines(lines: Sequence[str]) -> str | None:
    """``"a qrels file"`` or ``"a TREC run"``, if all lines look like this; else None.

    :param lines: The first lines of a file.
    """
    named = bool(lines) and _named(_cells(lines[0], "")) is not None
    rows = [line.split() for line in lines[named:]]
    if not rows:
        return None
    if all(len(row) == 6 and _is_number(row[3]) and _is_number(row[4]) for row in rows):
        return "a TREC run"
    of_trec = all(len(row) == 4 and (_is_number(row[1]) or row[1].lower() == "q0") for row in rows)
    of_beir = all(len(row) == 3 and line.count("\t") == 2 for row, line in zip(rows, lines[named:], strict=True))
    return "a qrels file" if (of_trec or of_beir) and all(_is_number(row[-1]) for row in rows) else None


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def write_qrels(path: str | Path, qrels: Mapping[str, Mapping[str, float]], *, beir: bool = False) -> int:
    """Write qrels.

    :param path: The file; gzipped for ``.gz``.
    :param qrels: Grades by question id and passage id.
    :param beir: Whether to write BEIR's tab-separated format with column names instead of TREC's four columns.
    :returns: The number of judgements.
    :raises DataError: If the file cannot be written, or an id is empty or contains whitespace.
    """
    return write_lines(path, _qrels_lines(path, qrels, beir)) - beir


def _qrels_lines(path: str | Path, qrels: Mapping[str, Mapping[str, float]], beir: bool) -> Iterator[str]:
    if beir:
        yield "\t".join(_BEIR_HEADER)
    for question, grades in qrels.items():
        for passage, grade in grades.items():
            names = checked_id(question, path), checked_id(passage, path)
            yield f"{names[0]}\t{names[1]}\t{grade}" if beir else f"{names[0]} 0 {names[1]} {grade}"


def judged_questions(questions: Iterable[Question], qrels: Mapping[str, Mapping[str, float]]) -> Iterator[Question]:
    """The questions that have a relevant passage, with their grades.

    :param questions: The questions.
    :param qrels: Grades by question id and passage id.
    """
    for question in questions:
        grades = qrels.get(question.id, {})
        relevant = tuple(passage for passage, grade in grades.items() if grade > 0)
        if relevant:
            yield replace(question, passage_ids=relevant, grades=grades)
