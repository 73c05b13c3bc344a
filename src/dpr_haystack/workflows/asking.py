# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Answering a question: search for passages, read answers from them, and keep each passage's rank per search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from haystack.dataclasses import Document, ExtractedAnswer

from dpr_haystack.backends.passage_search import PassageSearch, in_order
from dpr_haystack.components.reader import DPRReader
from dpr_haystack.components.retrievers.hybrid_search import HybridSearch, Runs, runs_of
from dpr_haystack.core.model_directory import READER, is_model_directory, read_manifest
from dpr_haystack.core.origins import file_of, page_of
from dpr_haystack.core.sentences import sentence_around
from dpr_haystack.core.text import replace_surrogates
from dpr_haystack.errors import InputError
from dpr_haystack.workflows.recorded_models import found_model

GET_A_READER = (
    "e.g. from the Hugging Face Hub: hf download deepset/minilm-uncased-squad2 --local-dir my-reader, "
    "then --reader my-reader"
)


@dataclass(frozen=True)
class SearchRank:
    """Rank and score of a passage in the results of one search.

    :param rank: From 1; None if the passage is not among the results.
    :param score: The score in that search; None without a rank.
    """

    rank: int | None
    score: float | None


@dataclass(frozen=True)
class FoundAnswer:
    """An answer and its source.

    :param answer: Its text.
    :param score: The probability that it is correct.
    :param document: The passage that contains it.
    :param start: Where it begins in the passage's content, in characters.
    :param end: Where it ends (exclusive).
    :param ranks: For each search the rank of the passage.
    """

    answer: str
    score: float
    document: Document
    start: int
    end: int
    ranks: dict[str, SearchRank] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The passage's title, or an empty string."""
        return str(self.document.meta.get("title", ""))

    def sentence(self) -> tuple[str, str, str]:
        """The sentence that contains it, as text before the answer, answer, and text after it."""
        content = self.document.content or ""
        first, last = sentence_around(content, self.start, self.end)
        return content[first : self.start], content[self.start : self.end], content[self.end : last]

    def to_json(self) -> dict[str, Any]:
        """The JSON that ``ask --json`` prints."""
        return {
            "answer": self.answer,
            "score": self.score,
            "document_id": self.document.id,
            "start": self.start,
            "end": self.end,
            "title": self.title,
            "file": file_of(self.document.meta),
            "page_number": page_of(self.document.meta),
        }


@dataclass(frozen=True)
class Reply:
    """The answers to a question.

    :param question: The question.
    :param answers: Best first.
    :param no_answer: The probability that none of the passages contains the answer.
    :param passages: How many passages were read.
    :param min_probability: An answer with a lower probability is not good.
    """

    question: str
    answers: list[FoundAnswer]
    no_answer: float
    passages: int
    min_probability: float = 0.1

    @property
    def is_good(self) -> bool:
        """Whether the best answer reaches the minimum probability and is more probable than no answer."""
        return bool(self.answers) and self.answers[0].score >= max(self.no_answer, self.min_probability)

    def to_json(self) -> dict[str, Any]:
        """The JSON that ``ask --json`` prints."""
        return {"question": self.question, "answers": [answer.to_json() for answer in self.answers]}


def ask(
    question: str,
    search: PassageSearch,
    hybrid: HybridSearch | None,
    reader: DPRReader,
    *,
    mode: str = "hybrid",
    passages: int = 20,
    top_k: int = 3,
    min_probability: float = 0.1,
) -> Reply:
    """Find passages and extract answers from them.

    :param question: The question.
    :param search: Searches the passages.
    :param hybrid: Both searches over it; None for ``mode="bm25"``.
    :param reader: The reader.
    :param mode: The search whose passages are read: ``"bm25"``, ``"dpr"`` or ``"hybrid"``.
    :param passages: How many passages to read.
    :param top_k: How many answers to return.
    :param min_probability: An answer with a lower probability is not good.
    :raises InputError: If the question is blank.
    """
    question = replace_surrogates(question)
    if not question.strip():
        msg = "the question is empty"
        raise InputError(msg)
    (run,) = runs_of(search, hybrid, [question], passages, [mode])
    hits = run[mode].first(passages).by_id()
    documents = in_order(search.documents(list(hits)), hits)
    (readings,) = reader.readings([question], [documents], top_k)
    extracted = reader.answers(question, documents, readings, top_k)
    shown = ("bm25", "dpr") if mode == "hybrid" else (mode,)
    return Reply(
        question=question,
        answers=[_found_answer(answer, run, shown) for answer in extracted if answer.data is not None],
        no_answer=next((answer.score for answer in extracted if answer.data is None), 0.0 if extracted else 1.0),
        passages=len(documents),
        min_probability=min_probability,
    )


def _found_answer(answer: ExtractedAnswer, run: Runs, systems: Sequence[str]) -> FoundAnswer:
    document, offset = answer.document, answer.document_offset
    if document is None or offset is None:
        msg = f"the answer {answer.data!r} has no document or no document offset"
        raise InputError(msg)
    ranks = {system: _rank(run, system, document.id) for system in systems}
    return FoundAnswer(answer.data or "", answer.score, document, offset.start, offset.end, ranks)


def _rank(run: Runs, system: str, name: str) -> SearchRank:
    ids, scores = run[system]
    return SearchRank(ids.index(name) + 1, scores[ids.index(name)]) if name in ids else SearchRank(None, None)


def reader_model_of(search: PassageSearch) -> str:
    """The reader that belongs to the passages: that of the model directory that made their vectors.

    :param search: Searches the passages.
    :raises InputError: If there is none; the message says how to get one.
    """
    recorded = (search.recorded_encoder or {}).get("model")
    if recorded is not None:
        directory = Path(str(recorded))
        moved = [] if search.directory is None else [search.directory.resolve().parent / directory.name]
        for candidate in (directory, *moved):
            if is_model_directory(candidate) and READER in read_manifest(candidate).parts:
                return str(candidate)
        found_model(str(recorded), search.directory, "--reader R --question-model")
    msg = (
        f"answering needs a reader: name one with --reader M, {GET_A_READER}. "
        "dpr-haystack search shows passages without a reader"
    )
    raise InputError(msg)
