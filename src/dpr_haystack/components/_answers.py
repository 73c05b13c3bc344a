# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Checks of a reader's input, and the conversion of ranked spans to Haystack's answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from haystack import logging
from haystack.dataclasses import Document, ExtractedAnswer

from dpr_haystack.components._reading import ReaderSettings
from dpr_haystack.core.answer_ranking import RankedAnswers, RankedSpan, independent, min_max_scale, rank_answers
from dpr_haystack.core.origins import page_of
from dpr_haystack.core.spans import PassageReading
from dpr_haystack.core.text import PassageText, as_title, passage_text
from dpr_haystack.errors import InputError

logger = logging.getLogger(__name__)

_SHOWN = 10

Readings = list[PassageReading | None]


def check_input(questions: Sequence[str], documents: Sequence[Sequence[Document]]) -> None:
    """Check questions and documents, and warn about documents without text.

    :param questions: The questions.
    :param documents: A list of documents for each question.
    :raises InputError: If there is not one list of Documents per question, or a question is not a non-blank string.
    """
    if isinstance(questions, str):
        msg = "questions must be a list: got a string. For one question call run(query=..., documents=...)"
        raise InputError(msg)
    if len(questions) != len(documents):
        msg = (
            "there must be one list of documents per question: "
            f"got {len(questions)} questions and {len(documents)} lists"
        )
        raise InputError(msg)
    for question in questions:
        if not isinstance(question, str) or not question.strip():
            msg = f"a question must be a non-blank string: got {question!r}"
            raise InputError(msg)
    for passages in documents:
        _check_documents(passages)
    without_text = [document.id for passages in documents for document in passages if not has_text(document)]
    unique = list(dict.fromkeys(without_text))
    if unique:
        shown = ", ".join(unique[:_SHOWN]) + (" and others" if len(unique) > _SHOWN else "")
        logger.warning("Documents without text are skipped ({count}): {ids}", count=len(unique), ids=shown)


def _check_documents(documents: object) -> None:
    if not isinstance(documents, (list, tuple)):
        msg = f"the documents of a question must be a list of Haystack Documents: got {type(documents).__name__}"
        raise InputError(msg)
    for document in documents:
        if not isinstance(document, Document):
            msg = (
                "the documents of a question must be a list of Haystack Documents: "
                f"got a list with {type(document).__name__}"
            )
            raise InputError(msg)


def has_text(document: Document) -> bool:
    """Return whether a document has text that can be read.

    :param document: The document.
    """
    return document.content is not None and bool(document.content.strip())


def read_documents(
    questions: Sequence[str],
    documents: Sequence[Sequence[Document]],
    title_field: str | None,
    read: Callable[[Sequence[tuple[str, PassageText]]], Sequence[PassageReading]],
) -> list[Readings]:
    """Read the documents that have text.

    :param questions: The questions.
    :param documents: A list of documents for each question.
    :param title_field: The key of the title in ``meta``; ``None`` to ignore titles.
    :param read: Reads pairs of a question and a passage.
    :returns: For each question one reading per document; ``None`` for a document without text.
    :raises InputError: If there is not one list of documents per question, or one is not a Document.
    """
    check_input(questions, documents)
    readings: list[Readings] = [[None] * len(passages) for passages in documents]
    positions = [
        (i, j) for i, passages in enumerate(documents) for j, document in enumerate(passages) if has_text(document)
    ]
    chosen = [(questions[i], documents[i][j]) for i, j in positions]
    pairs = [
        (question, passage_text(document.content or "", document.meta, title_field=title_field))
        for question, document in chosen
    ]
    for (i, j), reading in zip(positions, read(pairs) if pairs else (), strict=True):
        readings[i][j] = reading
    return readings


def answers_of(
    question: str,
    documents: Sequence[Document],
    readings: Sequence[PassageReading | None],
    settings: ReaderSettings,
) -> list[ExtractedAnswer]:
    """Return the best answers, best first.

    :param question: The question.
    :param documents: Its passages.
    :param readings: The reading of each passage; ``None`` for one that was not read.
    :param settings: How many answers to return, and how to rank them.
    :raises InputError: If the numbers of documents and readings differ.
    """
    if len(documents) != len(readings):
        msg = f"there must be one reading per document: got {len(documents)} documents and {len(readings)} readings"
        raise InputError(msg)
    if not documents:
        return []
    ranking = _rank(documents, _without_duplicates(documents, readings), settings)
    answers = [_answer(question, documents[span.passage], span, settings.title_field) for span in ranking.spans]
    if settings.no_answer:
        position = next((i for i, answer in enumerate(answers) if answer.score < ranking.no_answer), len(answers))
        answers.insert(position, ExtractedAnswer(query=question, score=ranking.no_answer, data=None))
    threshold = settings.score_threshold
    return [answer for answer in answers if threshold is None or answer.score >= threshold]


def _without_duplicates(
    documents: Sequence[Document], readings: Sequence[PassageReading | None]
) -> list[PassageReading | None]:
    """Replace the readings of repeated documents by None: two retrievers may return the same document."""
    seen: set[str] = set()
    unique: list[PassageReading | None] = []
    for document, reading in zip(documents, readings, strict=True):
        unique.append(None if document.id in seen else reading)
        seen.add(document.id)
    return unique


def _rank(
    documents: Sequence[Document], readings: Sequence[PassageReading | None], settings: ReaderSettings
) -> RankedAnswers:
    scores_passages = all(reading is None or reading.relevance is not None for reading in readings)
    is_independent = settings.probabilities == "sigmoid"
    retriever_scores = min_max_scale([document.score for document in documents])
    boosts = [settings.retriever_weight * score for score in retriever_scores]
    ranking = rank_answers(
        readings,
        rank_by=settings.rank_by if scores_passages and not is_independent else "span",
        top_k=settings.top_k,
        boosts=boosts,
        sources=[document.id for document in documents],
        overlap=settings.overlap_threshold,
    )
    return independent(ranking, settings.calibration_factor, boosts) if is_independent else ranking


def _answer(question: str, document: Document, ranked: RankedSpan, title_field: str | None) -> ExtractedAnswer:
    text = document.content or ""
    start, end = ranked.span.start, ranked.span.end
    return ExtractedAnswer(
        query=question,
        score=ranked.probability,
        data=text[start:end],
        document=document,
        context=text,
        document_offset=ExtractedAnswer.Span(start, end),
        context_offset=ExtractedAnswer.Span(start, end),
        meta=_meta(document, ranked, title_field),
    )


def _meta(document: Document, ranked: RankedSpan, title_field: str | None) -> dict[str, Any]:
    meta: dict[str, Any] = {}
    title = as_title(document.meta.get(title_field)) if title_field is not None else None
    if title is not None:
        meta["title"] = title
    if ranked.passage_probability is not None:
        meta["passage_score"] = ranked.passage_probability
    page = page_of(document.meta)
    if isinstance(page, int):
        # pages are separated by form feeds
        meta["answer_page_number"] = page + (document.content or "").count("\f", 0, ranked.span.start)
    return meta
