# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""DPR's retrieval results, the input of its reader: questions with their retrieved passages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dpr_haystack.core.hits import distinct_scores
from dpr_haystack.core.passages import Passage, make_passage
from dpr_haystack.errors import DataError
from dpr_haystack.formats.open_text import OnBad
from dpr_haystack.formats.records import Record, answers_of, parse_rows, read_records
from dpr_haystack.formats.writing import json_list_writer, write_json_list


@dataclass(frozen=True)
class RetrievedPassage:
    """A retrieved passage.

    :param passage: The passage.
    :param score: Its score.
    :param has_answer: Whether it contains an answer; None if not checked.
    """

    passage: Passage
    score: float
    has_answer: bool | None = None


@dataclass(frozen=True)
class RetrievalResult:
    """A question with its retrieved passages.

    :param question: The question.
    :param answers: The gold answers.
    :param passages: The retrieved passages, best first.
    """

    question: str
    answers: tuple[str, ...]
    passages: tuple[RetrievedPassage, ...]


def write_results(path: str | Path, results: Iterable[RetrievalResult]) -> int:
    """Write results as a JSON list, with scores as strings as in DPR's own code.

    Scores are written as :func:`~dpr_haystack.core.hits.distinct_scores` returns them.

    :param path: The file; gzipped for ``.gz``.
    :param results: The results; consumed one by one.
    :returns: The number of questions.
    :raises DataError: If the file cannot be written.
    """
    return write_json_list(path, map(_object, results))


@contextmanager
def results_writer(path: str | Path) -> Iterator[Callable[[RetrievalResult], None]]:
    """Write results one by one: yields a function to call with each result.

    :param path: The file; gzipped for ``.gz``. It is replaced only on success.
    :raises DataError: If the file cannot be written.
    """
    with json_list_writer(path) as add:
        yield lambda result: add(_object(result))


def read_results(path: str | Path, on_bad: OnBad | None = None) -> Iterator[RetrievalResult]:
    """Read results one by one.

    :param path: The file, a JSON list or JSON lines; gzipped if its name ends in ``.gz``.
    :param on_bad: Called with the error of each bad record, which is skipped; None to raise the first.
    :raises DataError: If the file cannot be read, or a record is not a result.
    """
    yield from parse_rows(read_records(path, on_bad), lambda record: _result(record, path), on_bad)


def _object(result: RetrievalResult) -> dict[str, Any]:
    scores = distinct_scores(retrieved.score for retrieved in result.passages)
    return {
        "question": result.question,
        "answers": list(result.answers),
        "ctxs": [
            {
                "id": retrieved.passage.id,
                "title": retrieved.passage.title,
                "text": retrieved.passage.text,
                "score": repr(score),
                **({} if retrieved.has_answer is None else {"has_answer": retrieved.has_answer}),
            }
            for retrieved, score in zip(result.passages, scores, strict=True)
        ],
    }


def _result(record: Record, path: str | Path) -> RetrievalResult:
    value = record.value
    try:
        question, passages = str(value["question"]), tuple(map(_retrieved_passage, value["ctxs"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f'{record.where}expected "question" and "ctxs" with id, text and score ({error!r})'
        raise DataError(path, reason, record.line) from error
    return RetrievalResult(question, answers_of(record, path), passages)


def _retrieved_passage(value: Any) -> RetrievedPassage:
    passage = make_passage(value.get("title") or "", value["text"], {}, str(value["id"]))
    return RetrievedPassage(passage, float(value["score"]), value.get("has_answer"))
