# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""From ranked spans to Haystack's answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from haystack import logging
from haystack.dataclasses import Document, ExtractedAnswer

from dpr_haystack.components._reading import ReaderSettings
from dpr_haystack.core.answer_ranking import RankedAnswers, RankedSpan, min_max_scale, rank_answers
from dpr_haystack.core.spans import PassageReading
from dpr_haystack.core.text import as_title
from dpr_haystack.errors import InputError

logger = logging.getLogger(__name__)

_SHOWN = 10


def check_input(questions: Sequence[str], documents: Sequence[Sequence[Document]]) -> None:
    """Refuse what cannot be read, and say which documents have no text.

    :param questions: The questions.
    :param documents: A list of documents for each.
    :raises InputError: If it is not that, or a question is blank.
    """
    if isinstance(questions, str) or len(questions) != len(documents):
        msg = "Every question has its own list of documents: "
        msg += "got a string" if isinstance(questions, str) else f"got {len(questions)} and {len(documents)}"
        raise InputError(f"{msg}. For one question there is run(query=..., documents=...).")
    if not all(isinstance(each, (list, tuple)) for each in documents):
        msg = "The documents of a question are a list of Haystack documents, also where there is one."
        raise InputError(msg)
    for question in questions:
        if not isinstance(question, str) or not question.strip():
            msg = f"A question is a string that is not blank: got {question!r}."
            raise InputError(msg)
    for document in (document for each in documents for document in each):
        if not isinstance(document, Document):
            msg = f"DPRReader reads Haystack documents: got {type(document).__name__}."
            raise InputError(msg)
    silent = list(dict.fromkeys(document.id for each in documents for document in each if not has_text(document)))
    if silent:
        shown = ", ".join(silent[:_SHOWN]) + (" and others" if len(silent) > _SHOWN else "")
        logger.warning("{count} documents have no text and are not read: {ids}", count=len(silent), ids=shown)


def has_text(document: Document) -> bool:
    """Whether there is something to read in a document."""
    return document.content is not None and bool(document.content.strip())


def answers_of(
    question: str,
    documents: Sequence[Document],
    readings: Sequence[PassageReading | None],
    settings: ReaderSettings,
    *,
    title_field: str | None,
) -> list[ExtractedAnswer]:
    """The best answers, best first.

    :param question: The question.
    :param documents: Its passages.
    :param readings: What the model made of each; ``None`` for one that was not read.
    :param settings: How many answers there are to be, and in which order.
    :param title_field: Where documents have their title.
    :raises InputError: If there are not as many readings as documents.
    """
    if len(documents) != len(readings):
        msg = f"Every document has one reading: got {len(documents)} documents and {len(readings)} readings."
        raise InputError(msg)
    if not documents:
        return []
    ranking = _rank(documents, _each_once(documents, readings), settings)
    answers = [_answer(question, documents[span.passage], span, title_field) for span in ranking.spans]
    if settings.no_answer:
        place = next((i for i, answer in enumerate(answers) if answer.score < ranking.no_answer), len(answers))
        answers.insert(place, ExtractedAnswer(query=question, score=ranking.no_answer, data=None))
    least = settings.score_threshold
    return [answer for answer in answers if least is None or answer.score >= least]


def _each_once(documents: Sequence[Document], readings: Sequence[PassageReading | None]) -> list[PassageReading | None]:
    """Readings without those of documents that came before: two retrievers may have found the same one."""
    seen: set[str] = set()
    once: list[PassageReading | None] = []
    for document, reading in zip(documents, readings, strict=True):
        once.append(None if document.id in seen else reading)
        seen.add(document.id)
    return once


def _rank(
    documents: Sequence[Document], readings: Sequence[PassageReading | None], settings: ReaderSettings
) -> RankedAnswers:
    by_passage = all(reading is None or reading.relevance is not None for reading in readings)
    return rank_answers(
        readings,
        rank_by=settings.rank_by if by_passage else "span",
        top_k=settings.top_k,
        boosts=[settings.retriever_weight * score for score in min_max_scale([each.score for each in documents])],
        sources=[document.id for document in documents],
        overlap=settings.overlap_threshold,
    )


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
    page = document.meta.get("page_number")
    if isinstance(page, int):
        # a form feed ends a page
        meta["answer_page_number"] = page + (document.content or "").count("\f", 0, ranked.span.start)
    return meta
