# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Training data of readers: DPR's retrieval results, also with the places of the answers, and SQuAD."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dpr_haystack.core.hits import distinct_scores
from dpr_haystack.core.passages import Passage, make_passage
from dpr_haystack.core.reader_training_set import CharacterRange
from dpr_haystack.core.text import is_blank
from dpr_haystack.errors import DataError
from dpr_haystack.formats.open_text import OnBad, parse_json, read_text, suffix_of
from dpr_haystack.formats.records import Record, answers_of, first_character, has_json_lines, parse_rows, read_records
from dpr_haystack.formats.writing import write_json_lines, write_json_list

SPANS, ANNOTATED, IMPOSSIBLE = "answer_spans", "annotated_spans", "is_impossible"
"""The fields that DPR's files do not have; the last one is SQuAD's."""

_REMEDY = "dpr-haystack build-reader-data retrieves passages for a file of questions"


@dataclass(frozen=True)
class ReaderPassage:
    """A passage of a question.

    :param passage: The passage.
    :param score: The score of the search that found it; None if it was added.
    :param has_answer: Whether its file says that it contains an answer; None if it does not say.
    :param spans: Every place in its text that matches an answer, as its file has them; None if it has none.
    :param annotated: The places that a person marked.
    """

    passage: Passage
    score: float | None = None
    has_answer: bool | None = None
    spans: tuple[CharacterRange, ...] | None = None
    annotated: tuple[CharacterRange, ...] = ()


@dataclass(frozen=True)
class ReaderExample:
    """A question with its passages.

    :param question: The question.
    :param answers: The gold answers.
    :param passages: Its passages in the order of the search.
    :param id: The id of the question; "" if it has none.
    :param is_impossible: Whether it is known that none of the passages answers it.
    :param source: The format that it was read from: ``"DPR"``, ``"SQuAD 1.1"`` or ``"SQuAD 2.0"``.
    :param moved: How many marked answers are not where the file says, and were found elsewhere in the passage.
    :param line: Its line; None if it has none.
    :param where: The start of messages, if it has no line.
    """

    question: str
    answers: tuple[str, ...]
    passages: tuple[ReaderPassage, ...]
    id: str = ""
    is_impossible: bool = False
    source: str = field(default="DPR", compare=False)
    moved: int = field(default=0, compare=False)
    line: int | None = field(default=None, compare=False)
    where: str = field(default="", compare=False)


def records_or_object(path: str | Path, on_bad: OnBad | None = None) -> Iterator[Record] | Any:
    """The records of a JSON list or of JSON lines; or the content of a file that is one JSON object.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :param on_bad: Called with the error of each line that is not JSON, which is skipped; None to raise the first.
    :raises DataError: If the file cannot be read or is not JSON.
    """
    if first_character(path) == b"{" and not has_json_lines(path):
        return parse_json(read_text(path), path)
    return read_records(path, on_bad)


def reader_examples(
    records: Iterator[Record], path: str | Path, on_bad: OnBad | None = None
) -> Iterator[ReaderExample]:
    """The questions in DPR's retrieval results, or in a file of :func:`reader_object`.

    :param records: The records.
    :param path: Their file, for messages.
    :param on_bad: Called with the error of each bad record, which is skipped; None to raise the first.
    :raises DataError: If a record is not a question with passages.
    """
    return parse_rows(records, lambda record: _example(record, path), on_bad)


def write_reader_examples(path: str | Path, examples: Iterable[ReaderExample]) -> int:
    """Write questions with their passages: JSON lines for ``.jsonl``, otherwise a JSON list; gzipped for ``.gz``.

    :param path: The file; replaced atomically when all questions are written.
    :param examples: The questions; consumed one by one.
    :returns: The number of questions.
    :raises DataError: If the file cannot be written.
    """
    objects = map(reader_object, examples)
    return write_json_lines(path, objects) if suffix_of(path) == ".jsonl" else write_json_list(path, objects)


def reader_object(example: ReaderExample) -> dict[str, Any]:
    """Convert a question to a JSON object in the form of DPR's retrieval results, with the places of the answers.

    Scores are written as :func:`~dpr_haystack.core.hits.distinct_scores` returns them.

    :param example: The question.
    """
    scores = distinct_scores(each.score for each in example.passages if each.score is not None)
    return {
        **({"id": example.id} if example.id else {}),
        "question": example.question,
        "answers": list(example.answers),
        **({IMPOSSIBLE: True} if example.is_impossible else {}),
        "ctxs": [
            {
                "id": each.passage.id,
                "title": each.passage.title,
                "text": each.passage.text,
                **({} if each.score is None else {"score": repr(next(scores))}),
                **({} if each.has_answer is None else {"has_answer": each.has_answer}),
                **({} if each.spans is None else {SPANS: [list(span) for span in each.spans]}),
                **({ANNOTATED: [list(span) for span in each.annotated]} if each.annotated else {}),
            }
            for each in example.passages
        ],
    }


def _example(record: Record, path: str | Path) -> ReaderExample:
    value, where = record.value, record.where
    question = value.get("question") if isinstance(value, dict) else None
    if not isinstance(question, str) or not question.strip():
        reason = f'{where}expected an object with a string under "question": got {str(value)[:80]}'
        raise DataError(path, reason, record.line)
    if not isinstance(value.get("ctxs"), list):
        kind = " (this is training data of a retriever)" if "positive_ctxs" in value else ""
        found = ", ".join(map(str, value))
        reason = f'{where}expected a list of passages under "ctxs": got the fields {found}{kind}; {_REMEDY}'
        raise DataError(path, reason, record.line)
    answers = tuple(answer for answer in answers_of(record, path) if not is_blank(answer))
    impossible = value.get(IMPOSSIBLE, False)
    if not isinstance(impossible, bool):
        raise DataError(path, f"{where}{IMPOSSIBLE} must be true or false: got {impossible!r}", record.line)
    try:
        passages = tuple(_passage(each) for each in value["ctxs"])
    except (TypeError, ValueError) as error:
        raise DataError(path, f"{where}ctxs: {error}", record.line) from error
    id_ = value.get("id")
    id_ = "" if id_ is None else str(id_)
    return ReaderExample(question, answers, passages, id_, impossible, line=record.line, where=where)


def _passage(value: Any) -> ReaderPassage:
    if not isinstance(value, dict) or not isinstance(value.get("text"), str) or not value["text"].strip():
        msg = f'each passage must be an object with a non-blank string under "text": got {str(value)[:80]}'
        raise TypeError(msg)
    title, id_, has_answer = value.get("title") or "", value.get("id"), value.get("has_answer")
    if not isinstance(title, str):
        msg = f"title must be a string: got {title!r}"
        raise TypeError(msg)
    if not isinstance(has_answer, bool | None):
        msg = f"has_answer must be true or false: got {has_answer!r}"
        raise TypeError(msg)
    passage = make_passage(title, value["text"], {}, None if id_ in (None, "") else str(id_))
    spans = _spans(value, SPANS, passage.text)
    return ReaderPassage(passage, _score(value), has_answer, spans, _spans(value, ANNOTATED, passage.text) or ())


def _score(value: Mapping[str, Any]) -> float | None:
    score = value.get("score")
    if isinstance(score, bool) or not isinstance(score, str | int | float | None):
        msg = f"score must be a number: got {score!r}"
        raise TypeError(msg)
    return None if score is None else float(score)


def _spans(value: Mapping[str, Any], name: str, text: str) -> tuple[CharacterRange, ...] | None:
    spans = value.get(name)
    if spans is None:
        return None
    if not isinstance(spans, list) or not all(map(_is_span, spans)):
        msg = f"{name} must be a list of [start, end]: got {str(spans)[:80]}"
        raise TypeError(msg)
    outside = next((span for span in spans if span[1] > len(text)), None)
    if outside is not None:
        msg = f"{name} must be within the text, which has {len(text)} characters: got {outside}"
        raise ValueError(msg)
    return tuple(sorted({(start, end) for start, end in spans}))


def _is_span(value: Any) -> bool:
    if not isinstance(value, list) or len(value) != 2 or not all(type(each) is int for each in value):
        return False
    return bool(0 <= value[0] < value[1])
