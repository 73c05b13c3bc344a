# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""SQuAD 1.1 and 2.0: each paragraph is a passage, and the gold passage of its questions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from dpr_haystack.core.passages import Passage, make_passage
from dpr_haystack.errors import DataError, InputError
from dpr_haystack.formats.open_text import parse_json, read_text
from dpr_haystack.formats.question import Question
from dpr_haystack.formats.writing import replacing


def is_squad(content: Any) -> bool:
    """Whether the content of a JSON file is SQuAD's.

    :param content: What the file holds.
    """
    return isinstance(content, dict) and isinstance(content.get("data"), list)


def read_squad_passages(path: str | Path) -> Iterator[Passage]:
    """The passages of a SQuAD file, one for each paragraph, in their order.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :returns: Passages with ``file`` and ``paragraph`` (from 1, within its article) in meta; their ids are hashes.
    :raises DataError: If it is not a SQuAD file.
    """
    yield from squad_passages(parse_json(read_text(path), path), path)


def read_squad_questions(path: str | Path) -> Iterator[Question]:
    """The questions of a SQuAD file, each with its distinct answers and the id of the passage it was asked of.

    A question without an answer (SQuAD 2.0) has neither answers nor passage ids.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :raises DataError: If it is not a SQuAD file.
    """
    yield from squad_questions(parse_json(read_text(path), path), path)


def squad_passages(content: Any, path: str | Path) -> Iterator[Passage]:
    """As :func:`read_squad_passages`, of content that has been read.

    :param content: What the file holds.
    :param path: The file.
    :raises DataError: If it is not SQuAD's.
    """
    return (passage for passage, _ in _paragraphs(content, path))


def squad_questions(content: Any, path: str | Path) -> Iterator[Question]:
    """As :func:`read_squad_questions`, of content that has been read.

    :param content: What the file holds.
    :param path: The file.
    :raises DataError: If it is not SQuAD's.
    """
    number = 0
    for passage, paragraph in _paragraphs(content, path):
        for asked in paragraph.get("qas", []):
            number += 1
            try:
                answers = tuple(dict.fromkeys(answer["text"] for answer in asked["answers"]))
                impossible = asked.get("is_impossible", False) or not answers
                ids = () if impossible else (passage.id,)
                yield Question(asked["question"], () if impossible else answers, ids, str(asked.get("id", number)))
            except (KeyError, TypeError, AttributeError) as error:
                raise DataError(path, f"question {number} lacks its text or answers ({error!r})") from error


def write_squad(path: str | Path, passages: Iterable[Passage], questions: Iterable[Question]) -> int:
    """Write passages and their questions as SQuAD: 1.1, or 2.0 if a question has no answer.

    Passages with the same title are one article. Each question stands at its first gold passage that is there, each
    answer at the first place where the passage has it word for word.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :param passages: The passages.
    :param questions: Each with a gold passage among them.
    :returns: How many questions.
    :raises InputError: If a question names none of the passages, or its passage does not hold an answer.
    :raises DataError: If the file cannot be written.
    """
    articles: dict[str, list[dict[str, Any]]] = {}
    paragraphs: dict[str, dict[str, Any]] = {}
    for passage in passages:
        paragraphs[passage.id] = {"context": passage.text, "qas": []}
        articles.setdefault(passage.title, []).append(paragraphs[passage.id])
    count = unanswered = 0
    for count, question in enumerate(questions, 1):
        place = next((name for name in question.passage_ids if name in paragraphs), None)
        if place is None:
            msg = f"question {count}, {question.question!r}, names none of the {len(paragraphs)} passages as its gold"
            raise InputError(msg)
        paragraphs[place]["qas"].append(_asked(question, paragraphs[place]["context"], count))
        unanswered += not question.answers
    data = [{"title": title, "paragraphs": own} for title, own in articles.items()]
    with replacing(path) as file:
        json.dump({"version": "v2.0" if unanswered else "1.1", "data": data}, file, ensure_ascii=False)
    return count


def _asked(question: Question, context: str, number: int) -> dict[str, Any]:
    places = {answer: context.find(answer) for answer in question.answers}
    missing = [answer for answer, place in places.items() if place < 0]
    if missing:
        msg = f"question {number}, {question.question!r}: its passage does not hold {missing[0]!r} word for word"
        raise InputError(msg)
    asked = {
        "id": question.id or str(number),
        "question": question.question,
        "answers": [{"text": answer, "answer_start": place} for answer, place in places.items()],
    }
    return asked if question.answers else {**asked, "is_impossible": True}


def _paragraphs(content: Any, path: str | Path) -> Iterator[tuple[Passage, dict[str, Any]]]:
    if not is_squad(content):
        raise DataError(path, 'is not a SQuAD file: it has no list "data" of articles')
    for position, article in enumerate(content["data"], 1):
        try:
            title, paragraphs = article.get("title", ""), article["paragraphs"]
            for number, paragraph in enumerate(paragraphs, 1):
                meta = {"file": str(path), "paragraph": number}
                yield make_passage(title, paragraph["context"], meta), paragraph
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(path, f"article {position} lacks a title, paragraphs or a context ({error!r})") from error
