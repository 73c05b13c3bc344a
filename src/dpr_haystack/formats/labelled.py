# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Training data in named fields: one example per row, or, with labels, per row whose label says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from dpr_haystack.core.passages import Passage
from dpr_haystack.core.text import question_key
from dpr_haystack.errors import DataError
from dpr_haystack.formats.answers import answers_in
from dpr_haystack.formats.example_columns import Columns, is_positive, passages_in
from dpr_haystack.formats.open_text import OnBad
from dpr_haystack.formats.question_records import id_of
from dpr_haystack.formats.records import parse_rows
from dpr_haystack.formats.training import TrainingExample

OnNote = Callable[[str], None]
"""Called with a sentence about how a file was read."""


class NamedRow(NamedTuple):
    """A row of a table, or an object.

    :param fields: Its fields; their names in lower case.
    :param line: Its line; None if it has none.
    :param number: Its number, which is its id if it has none.
    """

    fields: Mapping[str, Any]
    line: int | None
    number: int


def examples_of(
    rows: Iterator[NamedRow],
    columns: Columns,
    path: str | Path,
    on_bad: OnBad | None,
    on_note: OnNote | None = None,
    decision: str = "",
) -> Iterator[TrainingExample]:
    """The examples of rows.

    With a label, the rows are read first: the passages of a question whose label is 0 become hard negatives of its
    passages whose label is 1. Questions without a positive are left out.

    :param rows: The rows.
    :param columns: Which field is what.
    :param path: The file, for messages.
    :param on_bad: Called with the error of each bad row, which is skipped; None to raise the first.
    :param on_note: Called with what the fields were taken for, and with the number of questions left out.
    :param decision: What was decided about a table, for that note.
    :raises DataError: If a row is not an example, or its label is not clear.
    """
    if on_note is not None:
        on_note(f"{Path(path).name}: {columns}{decision and '; '}{decision}")
    examples = parse_rows(rows, lambda row: _example(row, columns, path), on_bad)
    if columns.label is None:
        yield from examples
        return
    listed = list(examples)
    negatives: dict[str, dict[str, Passage]] = {}
    asked = {question_key(example.question) for example in listed if example.positives}
    left_out = set()
    for example in listed:
        key = question_key(example.question)
        if not example.positives:
            negatives.setdefault(key, {}).update({passage.id: passage for passage in example.hard_negatives})
            left_out |= {key} - asked
    if left_out and on_note is not None:
        noun = "question" if len(left_out) == 1 else "questions"
        on_note(f"{Path(path).name}: {len(left_out)} {noun} without a positive left out")
    for example in listed:
        if example.positives:
            labelled = negatives.get(question_key(example.question), {}).values()
            yield replace(example, hard_negatives=(*example.hard_negatives, *labelled))


def _example(row: NamedRow, columns: Columns, path: str | Path) -> TrainingExample:
    fields, where = row.fields, "" if row.line is not None else f"record {row.number}: "
    question = fields.get(columns.question)
    try:
        title = fields.get("title")
        passages = tuple(passages_in(fields.get(columns.positive), title if isinstance(title, str) else ""))
        negatives = [passage for name in columns.negatives for passage in passages_in(fields.get(name))]
        answers = answers_in(fields)
    except (TypeError, ValueError) as error:
        raise DataError(path, f"{where}{error}", row.line) from error
    if not isinstance(question, str) or not question.strip() or not passages:
        missing = "positive passage" if isinstance(question, str) and question.strip() else "question"
        raise DataError(path, f"{where}the {missing} is empty", row.line)
    if columns.positive == "context" and fields.get("answers") is not None and not answers:
        reason = f"{where}the question has no answer, so that its context is no positive; skip such rows or remove them"
        raise DataError(path, reason, row.line)
    if not _is_right(fields, columns, path, where, row.line):
        negatives, passages = [*passages, *negatives], ()
    return TrainingExample(
        question=question.strip(),
        positives=passages,
        hard_negatives=tuple(negatives),
        answers=answers,
        id=id_of(fields) or str(row.number),
    )


def _is_right(fields: Mapping[str, Any], columns: Columns, path: str | Path, where: str, line: int | None) -> bool:
    if columns.label is None:
        return True
    label = fields.get(columns.label)
    is_right = is_positive(label)
    if is_right is None:
        reason = (
            f"{where}{columns.label!r} must say whether the passage is a positive, 1 or 0: got {label!r}. "
            "Write 1 or 0, or rename or remove it if it says something else"
        )
        raise DataError(path, reason, line)
    return is_right
