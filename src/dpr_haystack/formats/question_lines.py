# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Questions in lines: DPR's ``qas.csv``, CuratedTREC, and tables with column names in their first line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

from dpr_haystack.errors import DataError, InputError
from dpr_haystack.formats.answers import ANSWER_NAMES, LITERAL_ERRORS, cell_value, literal, strings_in
from dpr_haystack.formats.open_text import OnBad, counted_lines
from dpr_haystack.formats.qrels import kind_of_lines as kind_of_trec_lines
from dpr_haystack.formats.question import Question
from dpr_haystack.formats.question_records import QUESTION_NAMES, checked, question_of
from dpr_haystack.formats.quoting import decided_quoting
from dpr_haystack.formats.records import Record
from dpr_haystack.formats.tables import NamedColumns, TableOptions, delimiter_of, named_columns, read_rows

_SAMPLED_LINES = 100
_TABS_IN_PATTERN_LINE = 3
_PATTERN_COLUMNS = ("id", "type", "question", "pattern")
_LISTS = {*ANSWER_NAMES, "passage_ids"}
_NAME = re.compile(r"[^\W\d][\w .:-]{0,39}")


def kind_of_lines(path: str | Path, tables: TableOptions | None = None) -> str:
    """The format of most of the first lines: ``"json"``, ``"patterns"``, ``"rows"`` or ``"table"`` (with commas).

    :param path: The file.
    :param tables: How to read it.
    :raises DataError: If they are those of qrels or a TREC run, and no columns are given.
    """
    lines = [line for _, _, line in islice(counted_lines(path, lambda _: None), _SAMPLED_LINES)]
    kind = kind_of_trec_lines(lines) if tables is None or tables.columns is None else None
    if kind is not None:
        msg = f"is {kind}, not a file of questions: --questions names the questions, --qrels the qrels"
        raise DataError(path, msg)
    if lines and delimiter_of(path) != "\t":
        return "table"
    kinds: Counter[str] = Counter()
    for line in lines:
        if line.lstrip().startswith("{"):
            kinds["json"] += 1
        elif "\t" in line:
            kinds["patterns" if line.count("\t") == _TABS_IN_PATTERN_LINE else "rows"] += 1
    most = max(kinds, key=lambda kind: kinds[kind], default="rows")
    return "rows" if most == "patterns" and is_header(lines[0].split("\t")) else most


def line_parsers(
    path: str | Path, on_bad: OnBad | None, tables: TableOptions, *, ids: bool = False
) -> Iterator[Callable[[], Question]]:
    """A parser for each question of a file that is not JSON.

    :param path: The file.
    :param on_bad: Called with the error of each line that cannot be split into cells; None to raise it.
    :param tables: How to read it.
    :param ids: Whether lines of two columns without names are id and question.
    :raises InputError: If columns are given, and none is the question.
    """
    kind, skipped = kind_of_lines(path, tables), list[DataError]()

    def skip(error: DataError) -> None:
        skipped.append(error)
        if on_bad is not None:
            on_bad(error)

    columns = _columns(path, kind, None if on_bad is None else skip, tables, ids=ids)
    for count, (line, cells) in enumerate(columns.rows, 1):
        number = count + len(skipped)
        if columns.names is not None:
            yield partial(_from_table_row, columns.names, cells, path, number, line)
        elif kind == "table":
            reason = f"must have column names in its first line, one of them {', '.join(QUESTION_NAMES)}: got {cells}"
            raise DataError(path, f"{reason}; name the columns with {tables.given_by}", line)
        elif kind == "patterns":
            yield partial(_from_pattern_row, cells, path, line)
        elif ids and len(cells) == 2:
            yield partial(checked, Question(cells[1].strip(), (), (), cells[0].strip()), path, "", line)
        else:
            yield partial(_from_row, cells, path, number, line)


def is_header(cells: Sequence[str]) -> bool:
    """Whether a row has the names of columns, one of them that of the question.

    :param cells: The row.
    """
    names = [cell.strip().lower() for cell in cells]
    return len(names) > 1 and any(name in QUESTION_NAMES for name in names) and all(map(_NAME.fullmatch, names))


def _columns(path: str | Path, kind: str, on_bad: OnBad | None, tables: TableOptions, *, ids: bool) -> NamedColumns:
    """The columns of a file; says what was decided."""
    if tables.columns is not None and not any(name.lower() in QUESTION_NAMES for name in tables.columns):
        msg = f"columns: one must be the question (one of {', '.join(QUESTION_NAMES)}): got {', '.join(tables.columns)}"
        raise InputError(msg)
    delimiter = delimiter_of(path)
    # A quote is part of a pattern
    is_plain = kind == "patterns" and tables.columns is None
    quoting = tables.quoting or ("none" if is_plain else decided_quoting(path, delimiter))
    rows = read_rows(path, delimiter=delimiter, quoting=quoting, on_bad=on_bad)
    filled = (row for row in rows if any(map(str.strip, row[1])))
    columns = named_columns(filled, path, tables.columns, is_header)
    unnamed = _PATTERN_COLUMNS if kind == "patterns" else ("id", "question") if ids else ("question", "answers")
    if tables.on_decision is not None and (columns.names is not None or kind != "table"):
        decision = tables.decision(columns.names or unnamed, quoting, has_names=columns.has_names)
        tables.on_decision(f"{path}: {decision}")
    return columns


def _from_table_row(names: Sequence[str], cells: Sequence[str], path: str | Path, number: int, line: int) -> Question:
    if len(cells) != len(names):
        raise DataError(path, f"must have {len(names)} columns, {', '.join(names)}: got {len(cells)}", line)
    try:
        fields = {
            name: cell_value(cell) if name in _LISTS else cell if name in QUESTION_NAMES else cell or None
            for name, cell in zip(names, cells, strict=True)
        }
    except TypeError as error:
        raise DataError(path, str(error), line) from error
    return question_of(Record(fields, line, number), path)


def _from_pattern_row(cells: Sequence[str], path: str | Path, line: int) -> Question:
    if len(cells) != 4:
        raise DataError(path, f"expected tab-separated id, type, question and pattern: got {len(cells)} columns", line)
    return checked(Question(cells[2], (cells[3],), (), cells[0]), path, "", line)


def _from_row(cells: Sequence[str], path: str | Path, number: int, line: int) -> Question:
    if len(cells) != 2:
        reason = f"expected a tab-separated question and list of answers: got {len(cells)} columns"
        raise DataError(path, reason, line)
    try:
        value = literal(cells[1])
        answers = tuple(strings_in(value)) if isinstance(value, list | tuple) else None
    except LITERAL_ERRORS:
        answers = None
    if answers is None:
        reason = f"answers must be a list of strings such as ['Paris', 'City of Light']: got {cells[1][:80]!r}"
        reason += "; with --columns question,answers, a text is one answer"
        raise DataError(path, reason, line)
    return checked(Question(cells[0], answers, (), str(number), is_numbered=True), path, "", line)
