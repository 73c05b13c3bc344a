# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A question in, answers out: search, read, and say what was thought of each passage on the way."""

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
from dpr_haystack.core.sentences import sentence_around
from dpr_haystack.core.text import replace_surrogates
from dpr_haystack.errors import InputError
from dpr_haystack.workflows.recorded_models import found_model

GET_A_READER = (
    "e.g. with access to the hub: hf download deepset/minilm-uncased-squad2 --local-dir my-reader, "
    "and then --reader my-reader"
)


@dataclass(frozen=True)
class Thought:
    """What one search thought of a passage.

    :param rank: From 1; None where it is not among those that were read.
    :param score: Its own score; None without a rank.
    """

    rank: int | None
    score: float | None


@dataclass(frozen=True)
class FoundAnswer:
    """An answer and where it is from.

    :param answer: Its text.
    :param score: The probability that it is right.
    :param document: Its passage.
    :param start: Where it begins in the passage's content, in characters.
    :param end: Where it ends.
    :param thoughts: For each search what it thought of the passage.
    """

    answer: str
    score: float
    document: Document
    start: int
    end: int
    thoughts: dict[str, Thought] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The passage's title, or an empty string."""
        return str(self.document.meta.get("title", ""))

    def sentence(self) -> tuple[str, str, str]:
        """Its sentence: what is before the answer, the answer, and what is behind it."""
        content = self.document.content or ""
        first, last = sentence_around(content, self.start, self.end)
        return content[first : self.start], content[self.start : self.end], content[self.end : last]

    def to_json(self) -> dict[str, Any]:
        """As ``ask --json`` prints it."""
        return {
            "answer": self.answer,
            "score": self.score,
            "document_id": self.document.id,
            "start": self.start,
            "end": self.end,
            "title": self.title,
        }


@dataclass(frozen=True)
class Reply:
    """What came of a question.

    :param question: The question.
    :param answers: Best first.
    :param no_answer: The probability that none of the passages has the answer.
    :param passages: How many were read.
    :param least: The probability below which an answer is none to rely on.
    """

    question: str
    answers: list[FoundAnswer]
    no_answer: float
    passages: int
    least: float = 0.1

    @property
    def is_good(self) -> bool:
        """Whether the best answer is probable, and more so than that there is none."""
        return bool(self.answers) and self.answers[0].score >= max(self.no_answer, self.least)

    def to_json(self) -> dict[str, Any]:
        """As ``ask --json`` prints it."""
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
    least: float = 0.1,
) -> Reply:
    """Find passages and read answers out of them.

    :param question: The question.
    :param search: Where the passages are.
    :param hybrid: Both searches over it; None for ``mode="bm25"``.
    :param reader: The reader.
    :param mode: Whose passages are read: ``"bm25"``, ``"dpr"`` or ``"hybrid"``.
    :param passages: How many are read.
    :param top_k: How many answers to give.
    :param least: The probability below which an answer is none to rely on.
    :raises InputError: If the question is blank.
    """
    question = replace_surrogates(question)
    if not question.strip():
        msg = "the question is empty"
        raise InputError(msg)
    (run,) = runs_of(search, hybrid, [question], passages, [mode])
    ids, scores = run[mode]
    hits = dict(zip(ids[:passages], scores, strict=False))
    documents = in_order(search.documents(list(hits)), hits)
    (readings,) = reader.readings([question], [documents], top_k)
    found = reader.answers(question, documents, readings, top_k)
    shown = ("bm25", "dpr") if mode == "hybrid" else (mode,)
    return Reply(
        question=question,
        answers=[_found_answer(answer, run, shown) for answer in found if answer.data is not None],
        no_answer=next((answer.score for answer in found if answer.data is None), 0.0 if found else 1.0),
        passages=len(documents),
        least=least,
    )


def _found_answer(answer: ExtractedAnswer, run: Runs, systems: Sequence[str]) -> FoundAnswer:
    document, place = answer.document, answer.document_offset
    if document is None or place is None:
        msg = f"the answer {answer.data!r} does not say where it is from"
        raise InputError(msg)
    thoughts = {system: _thought(run, system, document.id) for system in systems}
    return FoundAnswer(answer.data or "", answer.score, document, place.start, place.end, thoughts)


def _thought(run: Runs, system: str, name: str) -> Thought:
    ids, scores = run[system]
    return Thought(ids.index(name) + 1, scores[ids.index(name)]) if name in ids else Thought(None, None)


def reader_model_of(search: PassageSearch) -> str:
    """The reader that belongs to some passages: that of the model directory that made its vectors.

    :raises InputError: If it has none, with how to get one.
    """
    recorded = (search.recorded_encoder or {}).get("model")
    if recorded is not None:
        directory = Path(str(recorded))
        beside = [] if search.directory is None else [search.directory.resolve().parent / directory.name]
        for place in (directory, *beside):
            if is_model_directory(place) and READER in read_manifest(place).parts:
                return str(place)
        found_model(str(recorded), search.directory, "--reader R --question-model")
    msg = (
        f"there is no reader, which answers need: --reader M names one, {GET_A_READER}. "
        "dpr-haystack search shows the passages without one"
    )
    raise InputError(msg)
