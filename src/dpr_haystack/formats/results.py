# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What DPR's retriever writes and its reader takes: questions with the passages found for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dpr_haystack.core.passages import Passage, make_passage
from dpr_haystack.errors import DataError
from dpr_haystack.formats.open_text import OnBad
from dpr_haystack.formats.records import Record, good, read_records
from dpr_haystack.formats.writing import json_list, write_json_list


@dataclass(frozen=True)
class Found:
    """A passage that was found.

    :param passage: The passage.
    :param score: Its score.
    :param has_answer: Whether it contains an answer; None if nobody looked.
    """

    passage: Passage
    score: float
    has_answer: bool | None = None


@dataclass(frozen=True)
class Result:
    """A question with what was found for it, best first."""

    question: str
    answers: tuple[str, ...]
    found: tuple[Found, ...]


def write_results(path: str | Path, results: Iterable[Result]) -> int:
    """Write results as one JSON list; scores are strings there, as DPR's own code writes them.

    :param path: The file; gzipped for ``.gz``.
    :param results: The results, as they come.
    :returns: How many questions.
    :raises DataError: If it cannot be written.
    """
    return write_json_list(path, map(_object, results))


@contextmanager
def writing_results(path: str | Path) -> Iterator[Callable[[Result], None]]:
    """Write results as they come about: yields what to call with each.

    :param path: The file; gzipped for ``.gz``. It takes its place when all went well.
    :raises DataError: If it cannot be written.
    """
    with json_list(path) as add:
        yield lambda result: add(_object(result))


def read_results(path: str | Path, on_bad: OnBad | None = None) -> Iterator[Result]:
    """The results of a file, one by one.

    :param path: The file, a JSON list or JSON lines; gzipped if its name ends in ``.gz``.
    :param on_bad: Told of records that are none, which are passed over; None to raise the first.
    :raises DataError: If the file cannot be read, or holds something else.
    """
    yield from good(read_records(path, on_bad), lambda record: _result(record, path), on_bad)


def _object(result: Result) -> dict[str, Any]:
    return {
        "question": result.question,
        "answers": list(result.answers),
        "ctxs": [
            {
                "id": each.passage.id,
                "title": each.passage.title,
                "text": each.passage.text,
                "score": repr(each.score),
                **({} if each.has_answer is None else {"has_answer": each.has_answer}),
            }
            for each in result.found
        ],
    }


def _result(record: Record, path: str | Path) -> Result:
    value = record.value
    try:
        found = tuple(_found(each) for each in value["ctxs"])
        return Result(str(value["question"]), tuple(value.get("answers") or ()), found)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f'{record.where}expected "question" and "ctxs" with id, text and score ({error!r})'
        raise DataError(path, reason, record.line) from error


def _found(value: Any) -> Found:
    passage = make_passage(value.get("title") or "", value["text"], {}, str(value["id"]))
    return Found(passage, float(value["score"]), value.get("has_answer"))
