# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""SQuAD 1.1 and 2.0: each paragraph is a passage, the gold passage of its questions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from dpr_haystack.core.passages import Passage, make_passage
from dpr_haystack.core.reader_training_set import CharacterRange
from dpr_haystack.errors import DataError, InputError
from dpr_haystack.formats.marked_answers import marked_places
from dpr_haystack.formats.open_text import parse_json, read_text
from dpr_haystack.formats.question import Question
from dpr_haystack.formats.writing import atomic_writer


def is_squad(content: Any) -> bool:
    """Whether the content of a JSON file is in SQuAD format.

    :param content: The parsed content of the file.
    """
    return isinstance(content, dict) and isinstance(content.get("data"), list)


def read_squad_passages(path: str | Path) -> Iterator[Passage]:
    """Read the passages of a SQuAD file, one for each paragraph.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :returns: Passages with ``file`` and ``paragraph`` (from 1, within its article) in meta; their ids are hashes.
    :raises DataError: If it is not a SQuAD file.
    """
    yield from squad_passages(parse_json(read_text(path), path), path)


def squad_passages(content: Any, path: str | Path) -> Iterator[Passage]:
    """The passages of parsed content; see :func:`read_squad_passages`.

    :param content: The parsed content of the file.
    :param path: The file, for metadata and messages.
    :raises DataError: If the content is not in SQuAD format.
    """
    return (passage for passage, _ in squad_paragraphs(content, path))


def squad_questions(content: Any, path: str | Path) -> Iterator[Question]:
    """The questions of parsed content, each with its distinct answers and the id of its passage.

    A question without an answer (SQuAD 2.0) has neither answers nor passage ids.

    :param content: The parsed content of the file.
    :param path: The file, for messages.
    :raises DataError: If the content is not in SQuAD format.
    """
    number = 0
    for passage, paragraph in squad_paragraphs(content, path):
        for entry in paragraph.get("qas", []):
            number += 1
            try:
                answers = tuple(dict.fromkeys(answer["text"] for answer in entry["answers"]))
                impossible = entry.get("is_impossible", False) or not answers
                yield Question(
                    entry["question"],
                    () if impossible else answers,
                    () if impossible else (passage.id,),
                    str(entry.get("id", number)),
                    is_numbered="id" not in entry,
                    contexts=() if impossible else (passage,),
                    marked={} if impossible else _marked(passage, entry["answers"]),
                )
            except (KeyError, TypeError, AttributeError) as error:
                raise DataError(path, f"question {number} lacks its text or answers ({error!r})") from error


def _marked(passage: Passage, answers: Iterable[dict[str, Any]]) -> dict[str, tuple[CharacterRange, ...]]:
    """The marked places; a question can also be asked if its answers have no positions."""
    places, _ = marked_places([each for each in answers if type(each.get("answer_start")) is int], passage.text)
    return {passage.id: places} if places else {}


def write_squad(path: str | Path, passages: Iterable[Passage], questions: Iterable[Question]) -> int:
    """Write passages and questions as SQuAD: version 1.1, or 2.0 if a question has no answer.

    Passages with the same title become one article. Each question is written with its first gold passage among the
    passages, each answer with its first verbatim occurrence in that passage.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :param passages: The passages.
    :param questions: The questions, each with a gold passage among the passages.
    :returns: The number of questions.
    :raises InputError: If a question has no gold passage among the passages, or its passage lacks an answer.
    :raises DataError: If the file cannot be written.
    """
    articles: dict[str, list[dict[str, Any]]] = {}
    paragraphs: dict[str, dict[str, Any]] = {}
    for passage in passages:
        paragraphs[passage.id] = {"context": passage.text, "qas": []}
        articles.setdefault(passage.title, []).append(paragraphs[passage.id])
    count = unanswered = 0
    for count, question in enumerate(questions, 1):
        gold = next((id_ for id_ in question.passage_ids if id_ in paragraphs), None)
        if gold is None:
            msg = f"question {count}, {question.question!r}, has no gold passage among the {len(paragraphs)} passages"
            raise InputError(msg)
        paragraphs[gold]["qas"].append(_qas_entry(question, paragraphs[gold]["context"], count))
        unanswered += not question.answers
    data = [{"title": title, "paragraphs": members} for title, members in articles.items()]
    with atomic_writer(path) as file:
        json.dump({"version": "v2.0" if unanswered else "1.1", "data": data}, file, ensure_ascii=False)
    return count


def _qas_entry(question: Question, context: str, number: int) -> dict[str, Any]:
    starts = {answer: context.find(answer) for answer in question.answers}
    missing = [answer for answer, start in starts.items() if start < 0]
    if missing:
        msg = f"question {number}, {question.question!r}: its passage does not contain {missing[0]!r} verbatim"
        raise InputError(msg)
    entry = {
        "id": question.id or str(number),
        "question": question.question,
        "answers": [{"text": answer, "answer_start": start} for answer, start in starts.items()],
    }
    return entry if question.answers else {**entry, "is_impossible": True}


def squad_paragraphs(content: Any, path: str | Path) -> Iterator[tuple[Passage, dict[str, Any]]]:
    """The passages of parsed content, each with the object of its paragraph.

    :param content: The parsed content of the file.
    :param path: The file, for metadata and messages.
    :raises DataError: If the content is not in SQuAD format.
    """
    if not is_squad(content):
        raise DataError(path, 'is not a SQuAD file: it has no list of articles under "data"')
    for position, article in enumerate(content["data"], 1):
        try:
            title, paragraphs = article.get("title") or "", article["paragraphs"]
            for number, paragraph in enumerate(paragraphs, 1):
                meta = {"file": str(path), "paragraph": number}
                if not paragraph["context"].strip():
                    raise DataError(path, f"article {position}: the context of paragraph {number} is empty")
                yield make_passage(title, paragraph["context"], meta), paragraph
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(path, f"article {position} lacks a title, paragraphs or a context ({error!r})") from error
