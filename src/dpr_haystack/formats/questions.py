# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Question files: DPR's ``qas.csv``, tables, JSON, Parquet, SQuAD and CuratedTREC, by suffix and content."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from dpr_haystack.errors import DataError
from dpr_haystack.formats.open_text import OnBad, parse_json, read_text, suffix_of
from dpr_haystack.formats.question import Question
from dpr_haystack.formats.question_lines import kind_of_lines, line_parsers
from dpr_haystack.formats.question_records import QUESTION_NAMES, checked, lower_names, question_of, single_questions
from dpr_haystack.formats.records import Record, first_character, has_json_lines, parse_rows, read_records
from dpr_haystack.formats.squad import is_squad, squad_questions
from dpr_haystack.formats.tables import TableOptions
from dpr_haystack.formats.topics import read_topics
from dpr_haystack.formats.writing import atomic_writer, write_json_lines


def read_questions(
    path: str | Path, on_bad: OnBad | None = None, *, ids: bool = False, tables: TableOptions | None = None
) -> Iterator[Question]:
    """Read the questions of a file one by one.

    * ``.json``: SQuAD 1.1 or 2.0, TriviaQA, or objects as in JSON lines, such as DPR's training files;
    * JSON lines and ``.parquet``: objects with ``question`` or ``query``, ``answers`` or ``answer``, and optionally
      ``passage_ids`` and ``id``; also those of SQuAD as flattened by the Hugging Face hub, TriviaQA, KILT, MRQA and
      HotpotQA;
    * lines with a question, a tab and a Python or JSON list of answers (``nq-test.qas.csv``);
    * tables with the names of these fields in their first line, separated by tabs or commas;
    * tab-separated id, type, question and pattern (CuratedTREC), if most of the first lines look like this;
    * or TREC topics.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :param on_bad: Called with the error of each bad line or object, which is skipped; None to raise the first. Errors
        in the structure of a SQuAD file are always raised.
    :param ids: Whether lines of two columns without names are id and question, as for questions that have qrels.
    :param tables: How to read lines and tables.
    :raises InputError: If columns or quoting are given and the file is no table, or no column has the question.
    :raises DataError: If the file cannot be read, or has another format, e.g. that of qrels; its content is never
        evaluated as code.
    :raises MissingExtra: If it is a Parquet file and pyarrow is not installed.
    """
    yield from parse_rows(_parsers(path, on_bad, ids, tables or TableOptions()), lambda parse: parse(), on_bad)


def _parsers(
    path: str | Path, on_bad: OnBad | None, ids: bool, tables: TableOptions
) -> Iterator[Callable[[], Question]]:
    """A parser for each question: a bad question raises when it is parsed and does not stop the iteration."""
    suffix = suffix_of(path)
    if suffix == ".json" and not has_json_lines(path):
        parsers = _from_whole(path)
    elif suffix in (".json", ".jsonl", ".ndjson", ".parquet") or kind_of_lines(path, tables) == "json":
        parsers = _from_records(read_records(path, on_bad), path)
    elif first_character(path) == b"<":
        parsers = (partial(checked, question, path, "", None) for question in read_topics(path))
    else:
        return line_parsers(path, on_bad, tables, ids=ids)
    tables.check_table(path)
    return parsers


def _from_records(records: Iterator[Record], path: str | Path) -> Iterator[Callable[[], Question]]:
    return (partial(question_of, record, path) for record in single_questions(records))


def _from_whole(path: str | Path) -> Iterator[Callable[[], Question]]:
    """The questions of a file that is one JSON object or list."""
    content = parse_json(read_text(path), path)
    if is_squad(content):
        for count, question in enumerate(squad_questions(content, path), 1):
            yield partial(checked, question, path, f"question {count}: ", None)
        return
    fields = lower_names(content) if isinstance(content, dict) else {}
    listed = fields.get("data", content if isinstance(content, list) else None)
    if not isinstance(listed, list) and any(name in fields for name in QUESTION_NAMES):
        listed = [content]
    if not isinstance(listed, list):
        reason = 'must be SQuAD, TriviaQA ("Data"), a list of questions, or one object with a question per line'
        raise DataError(path, reason)
    yield from _from_records((Record(value, None, number) for number, value in enumerate(listed, 1)), path)


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
