# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Questions that are objects: of JSON files, of Parquet files, and rows of tables with column names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dpr_haystack.errors import DataError
from dpr_haystack.formats.answers import answers_in, strings_in
from dpr_haystack.formats.contexts import gold_contexts_of
from dpr_haystack.formats.question import Question
from dpr_haystack.formats.records import Record

QUESTION_NAMES = ("question", "query", "question_text", "query_text", "input", "text")
"""The names of the question in lower case, the best one first: ``input`` is KILT's, ``text`` BEIR's."""

ID_NAMES = ("id", "_id", "qid", "question_id", "questionid", "query_id", "query-id", "queryid")
"""The names of its id in lower case."""


def question_of(record: Record, path: str | Path) -> Question:
    """The question in an object.

    The fields are those of DPR, of flattened SQuAD, TriviaQA, KILT, MRQA and HotpotQA; upper and lower case are the
    same. A passage beside a question that has answers is its gold passage, with the id that it has where it is indexed
    from the same file.

    :param record: The object.
    :param path: Its file, for messages.
    :raises DataError: If it is not an object with a question, or a field has the wrong form.
    """
    value, where = record.value, question_place(record)
    fields = lower_names(value) if isinstance(value, dict) else {}
    text = next((fields[name] for name in QUESTION_NAMES if fields.get(name) is not None), None)
    if not isinstance(text, str):
        raise DataError(path, f'{where}expected a JSON object with a string under "question" or "query"', record.line)
    try:
        answers, ids = answers_in(fields), tuple(strings_in(fields.get("passage_ids")))
    except (TypeError, UnicodeEncodeError) as error:
        reason = f"{where}answers and passage_ids must be lists of strings: {error}"
        raise DataError(path, reason, record.line) from error
    try:
        contexts = () if ids or not answers else tuple(gold_contexts_of(fields))
    except TypeError as error:
        raise DataError(path, f"{where}{error}", record.line) from error
    id_, ids = id_of(fields), ids or tuple(dict.fromkeys(passage.id for passage in contexts))
    question = Question(text, answers, ids, id_ or str(record.number), is_numbered=not id_, contexts=contexts)
    return checked(question, path, where, record.line)


def question_place(record: Record) -> str:
    """The start of a message: the number of the question if there is no line number.

    :param record: The object.
    """
    return "" if record.line is not None else f"question {record.number}: "


def lower_names(value: Mapping[str, Any]) -> dict[str, Any]:
    """An object with its names in lower case and without surrounding whitespace.

    :param value: The object.
    """
    return {str(name).strip().lower(): entry for name, entry in value.items()}


def id_of(fields: Mapping[str, Any]) -> str:
    """The id of a question; empty if it has none.

    :param fields: The fields of the question; their names in lower case.
    """
    id_ = next((fields[name] for name in ID_NAMES if fields.get(name) is not None), None)
    return "" if id_ is None else str(id_)


def checked(question: Question, path: str | Path, where: str, line: int | None) -> Question:
    """The question.

    :param question: The question.
    :param path: Its file, for messages.
    :param where: The start of messages, if there is no line.
    :param line: Its line, for messages.
    :raises DataError: If it is blank.
    """
    if not question.question.strip():
        raise DataError(path, f"{where}the question is empty", line)
    return question


def single_questions(records: Iterator[Record]) -> Iterator[Record]:
    """Records of one question each: MRQA's have several questions about a passage, after one that has none.

    :param records: The records.
    """
    shift = 0
    for record in records:
        value = record.value
        if not isinstance(value, dict) or not ("header" in value or isinstance(value.get("qas"), list)):
            yield record._replace(number=record.number + shift)
            continue
        own = {"context": value.get("context"), "title": value.get("title")}
        for asked in value.get("qas") or []:
            yield Record({**own, **asked} if isinstance(asked, dict) else asked, record.line, record.number + shift)
            shift += 1
        shift -= 1
