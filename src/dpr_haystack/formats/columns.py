# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Training data in columns, as used by sentence-transformers and simpletransformers: CSV, TSV or a data frame."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dpr_haystack.core.passages import Passage, make_passage
from dpr_haystack.errors import DataError, InputError
from dpr_haystack.formats.open_text import OnBad, suffix_of
from dpr_haystack.formats.records import parse_rows
from dpr_haystack.formats.tables import read_rows
from dpr_haystack.formats.training import TrainingExample
from dpr_haystack.formats.writing import atomic_writer

QUESTION_NAMES = ("query_text", "question", "query", "anchor", "sentence1")
POSITIVE_NAMES = ("gold_passage", "positive", "passage", "pos", "sentence2")
NEGATIVE_NAMES = ("hard_negative", "negative", "neg")
"""The column names of each part; ``hard_negative_1``, ``negative_2`` and so on are further negatives."""


def read_columns(path: str | Path, on_bad: OnBad | None = None) -> Iterator[TrainingExample]:
    """Read the examples of a CSV or TSV file with column names in its first line.

    :param path: The file; ``.tsv`` is tab-separated, any other comma-separated; gzipped if its name ends in ``.gz``.
    :param on_bad: Called with the error of each bad row, which is skipped; None to raise the first.
    :raises DataError: If a required column is missing, or a row is not an example.
    """
    table = read_rows(path, delimiter=_delimiter(path), on_bad=on_bad)
    _, names = next(table, (1, []))
    if not names:
        return
    columns = _columns(names, path)

    def read(row: tuple[int, list[str]]) -> TrainingExample:
        line, cells = row
        if len(cells) != len(names):
            raise DataError(path, f"must have {len(names)} columns: got {len(cells)}", line)
        return _example(dict(zip(names, cells, strict=True)), columns, path, line)

    yield from parse_rows(table, read, on_bad)


def examples_from_frame(frame: Any) -> list[TrainingExample]:
    """Read the examples of a data frame (pandas, polars or any object with ``columns`` and columns by name).

    :param frame: The data frame.
    :raises InputError: If a required column is missing, or a row has no question or no positive passage.
    """
    try:
        names = [str(name) for name in frame.columns]
        values = [list(frame[name]) for name in names]
    except (AttributeError, TypeError, KeyError) as error:
        msg = f"frame must be a data frame: got {type(frame).__name__}"
        raise InputError(msg) from error
    columns = _columns(names, "the data frame")
    rows = enumerate(zip(*values, strict=True), 1)
    return [_example(_cells(names, row), columns, "the data frame", number) for number, row in rows]


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
        writer = csv.writer(file, delimiter=_delimiter(path), lineterminator="\n")
        writer.writerow(names)
        for example in examples:
            hard = [_text(passage) for passage in example.hard_negatives[:negatives]]
            writer.writerow([example.question, _text(example.positives[0]), *hard, *[""] * (negatives - len(hard))])
            count += 1
    return count


def _delimiter(path: str | Path) -> str:
    return "\t" if suffix_of(path) == ".tsv" else ","


def _cells(names: Sequence[str], row: Sequence[Any]) -> dict[str, str]:
    # An empty cell of a data frame is None or NaN.
    return {name: "" if value is None or value != value else str(value) for name, value in zip(names, row, strict=True)}


def _columns(names: Sequence[str], where: str | Path) -> Mapping[str, list[str]]:
    """The names of the columns with the question, the positive passage and the hard negatives."""
    columns = {
        "question": [name for name in QUESTION_NAMES if name in names][:1],
        "positive": [name for name in POSITIVE_NAMES if name in names][:1],
        "negative": [name for name in names if _is_negative(name)],
    }
    for part, known in (("question", QUESTION_NAMES), ("positive", POSITIVE_NAMES)):
        if not columns[part]:
            reason = f"the column of the {part} must be one of {', '.join(known)}: got {', '.join(names)}"
            raise DataError(where, reason, 1)
    return columns


def _is_negative(name: str) -> bool:
    base, _, number = name.rpartition("_")
    return name in NEGATIVE_NAMES or (base in NEGATIVE_NAMES and number.isdigit())


def _example(
    cells: Mapping[str, str], columns: Mapping[str, list[str]], path: str | Path, line: int
) -> TrainingExample:
    question, positive = (cells[columns[part][0]].strip() for part in ("question", "positive"))
    if not question or not positive:
        raise DataError(path, f"the {'question' if not question else 'positive passage'} is empty", line)
    negatives = [cells[name] for name in columns["negative"] if cells[name].strip()]
    title = cells.get("title", "")
    return TrainingExample(
        question=question,
        positives=(make_passage(title, positive, {}),),
        hard_negatives=tuple(make_passage("", text, {}) for text in negatives),
        id=str(line),
    )


def _text(passage: Passage) -> str:
    return f"{passage.title} {passage.text}".strip()
