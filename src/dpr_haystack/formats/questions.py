# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Question files: DPR's ``qas.csv``, JSON lines, SQuAD and CuratedTREC, detected by suffix and content."""

from __future__ import annotations

import ast
import csv
import json
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from dpr_haystack.errors import DataError
from dpr_haystack.formats.open_text import OnBad, counted_lines, parse_json, read_text, suffix_of
from dpr_haystack.formats.question import Question
from dpr_haystack.formats.records import parse_rows
from dpr_haystack.formats.squad import is_squad, squad_questions
from dpr_haystack.formats.tables import read_rows
from dpr_haystack.formats.writing import atomic_writer, write_json_lines

_SAMPLED_LINES = 100
_TABS_IN_PATTERN_LINE = 3


def read_questions(path: str | Path, on_bad: OnBad | None = None) -> Iterator[Question]:
    """Read the questions of a file one by one.

    * ``.json``: SQuAD 1.1 or 2.0, or a list of objects as in JSON lines, such as DPR's training files;
    * JSON lines: objects with ``question``, ``answers`` or ``answer`` (a list or one string), and optionally
      ``passage_ids`` and ``id``;
    * otherwise lines with a question, a tab and a Python or JSON list of answers (``nq-test.qas.csv``);
    * or tab-separated id, type, question and pattern (CuratedTREC), if most of the first lines look like this.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :param on_bad: Called with the error of each bad line or object, which is skipped; None to raise the first. Errors
        in the structure of a SQuAD file are always raised.
    :raises DataError: If the file cannot be read, or has another format; its content is never evaluated as code.
    """
    parsers = _from_json(path) if suffix_of(path) == ".json" else _from_lines(path, on_bad)
    yield from parse_rows(parsers, lambda parse: parse(), on_bad)


def _from_lines(path: str | Path, on_bad: OnBad | None) -> Iterator[Callable[[], Question]]:
    """A parser for each question: a bad question raises when it is parsed and does not stop the iteration."""
    kind = _kind_of_lines(path)
    if kind == "rows":
        skipped: list[DataError] = []
        on_bad_row = None if on_bad is None else _call_both(skipped.append, on_bad)
        rows = (row for row in read_rows(path, on_bad=on_bad_row) if any(map(str.strip, row[1])))
        for count, (number, row) in enumerate(rows, 1):
            yield partial(_from_row, row, path, count + len(skipped), number)
        return
    for count, number, line in counted_lines(path, on_bad):
        if kind == "patterns":
            yield partial(_from_pattern_row, line.split("\t"), path, number)
        else:
            yield partial(_from_json_line, line, path, count, number)


def _call_both(first: OnBad, second: OnBad) -> OnBad:
    def call(error: DataError) -> None:
        first(error)
        second(error)

    return call


def _kind_of_lines(path: str | Path) -> str:
    """The format of most of the first lines: ``"json"``, ``"patterns"`` or ``"rows"``."""
    if suffix_of(path) == ".jsonl":
        return "json"
    kinds: Counter[str] = Counter()
    for _, _, line in islice(counted_lines(path, lambda _: None), _SAMPLED_LINES):
        if line.lstrip().startswith("{"):
            kinds["json"] += 1
        elif "\t" in line:
            kinds["patterns" if line.count("\t") == _TABS_IN_PATTERN_LINE else "rows"] += 1
    return max(kinds, key=lambda kind: kinds[kind], default="rows")


def _from_json(path: str | Path) -> Iterator[Callable[[], Question]]:
    content = parse_json(read_text(path), path)
    if is_squad(content):
        for count, question in enumerate(squad_questions(content, path), 1):
            yield partial(_checked, question, path, f"question {count}: ", None)
        return
    if not isinstance(content, list):
        raise DataError(
            path, "must be SQuAD or a list of questions; name a file with one object per line .jsonl instead of .json"
        )
    for count, value in enumerate(content, 1):
        yield partial(_from_object, value, path, count, None)


def _checked(question: Question, path: str | Path, where: str, line: int | None) -> Question:
    """The question; raises if it is blank."""
    if not question.question.strip():
        raise DataError(path, f"{where}the question is empty", line)
    return question


def _from_json_line(line: str, path: str | Path, count: int, number: int) -> Question:
    return _from_object(parse_json(line, path, number), path, count, number)


def _from_object(value: Any, path: str | Path, count: int, line: int | None) -> Question:
    where = "" if line is not None else f"question {count}: "
    if not isinstance(value, dict) or not isinstance(value.get("question"), str):
        raise DataError(path, f'{where}expected a JSON object with a string under "question"', line)
    answers = value.get("answers", value.get("answer"))
    try:
        answer_strings = _strings([answers] if isinstance(answers, str) else answers or [])
        ids = _strings(value.get("passage_ids") or [])
    except TypeError as error:
        raise DataError(path, f"{where}answers and passage_ids must be lists of strings: {error}", line) from error
    id_ = value.get("id")
    question = Question(value["question"], answer_strings, ids, str(count if id_ is None else id_))
    return _checked(question, path, where, line)


def _from_pattern_row(row: list[str], path: str | Path, line: int) -> Question:
    # Not parsed as CSV: these files have no quoting; a quote is part of the question or the pattern.
    if len(row) != 4:
        raise DataError(path, f"expected tab-separated id, type, question and pattern: got {len(row)} columns", line)
    return _checked(Question(row[2], (row[3],), (), row[0]), path, "", line)


def _from_row(row: list[str], path: str | Path, count: int, line: int) -> Question:
    if len(row) != 2:
        reason = f"expected a tab-separated question and list of answers: got {len(row)} columns"
        raise DataError(path, reason, line)
    try:
        answers = _strings(_literal(row[1]))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        reason = f"answers must be a list of strings such as ['Paris', 'City of Light']: got {row[1][:80]!r}"
        raise DataError(path, reason, line) from error
    return _checked(Question(row[0], answers, (), str(count)), path, "", line)


def _literal(text: str) -> Any:
    # JSON first: a list that is valid as both has the same value, except for surrogate pairs in JSON escapes.
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        pass
    with warnings.catch_warnings():
        # Patterns often have single backslashes, which Python accepts with a warning.
        warnings.simplefilter("ignore")
        return ast.literal_eval(text.strip())


def _strings(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list | tuple):
        msg = f"expected a list: got {values!r}"
        raise TypeError(msg)
    for value in values:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            msg = f"expected a string: got {value!r}"
            raise TypeError(msg)
        str(value).encode()  # raises if there is a lone surrogate
    return tuple(map(str, values))


def write_questions(path: str | Path, questions: Iterable[Question]) -> int:
    """Write questions: JSON lines for ``.jsonl``, otherwise DPR's lines of question, tab and list of answers.

    The second format has neither ids nor gold passages; its lists are JSON, which can be read as Python too.

    :param path: The file; gzipped for ``.gz``.
    :param questions: The questions; consumed one by one.
    :returns: The number of questions.
    :raises DataError: If the file cannot be written.
    """
    if suffix_of(path) == ".jsonl":
        return write_json_lines(path, map(_object, questions))
    count = 0
    with atomic_writer(path) as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        for question in questions:
            writer.writerow([question.question, json.dumps(list(question.answers), ensure_ascii=False)])
            count += 1
    return count


def _object(question: Question) -> dict[str, Any]:
    return {
        **({"id": question.id} if question.id else {}),
        "question": question.question,
        "answers": list(question.answers),
        **({"passage_ids": list(question.passage_ids)} if question.passage_ids else {}),
    }
