# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Judges a reader's answers and attributes the wrong ones to retrieval, passage selection or span."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from haystack.dataclasses import Document

from dpr_haystack.backends.passage_search import PassageSearch
from dpr_haystack.components._answers import Readings
from dpr_haystack.components.reader import DPRReader
from dpr_haystack.components.retrievers.hybrid_search import Runs
from dpr_haystack.core.answers import AnswerMatcher, exact_match, f1, pattern_match
from dpr_haystack.core.intervals import Interval, bootstrap_interval
from dpr_haystack.errors import InputError
from dpr_haystack.formats.question import Question

LOSSES = ("retrieval", "selection", "span")
"""Why an answer is wrong. ``"retrieval"``: no passage that was read contains a gold answer; ``"selection"``: one does,
but the prediction came from a passage without one; ``"span"``: the prediction's passage contains one, but another span
was chosen."""


@dataclass(frozen=True)
class JudgedAnswer:
    """One answer, read from the first passages of one system.

    :param id: The id of the question.
    :param question: The question.
    :param system: The system that retrieved the passages.
    :param passages: How many passages were read.
    :param answers: The gold answers.
    :param prediction: The predicted answer; empty for no answer.
    :param score: The probability of the prediction.
    :param document_id: The passage of the prediction.
    :param exact_match: 100 or 0.
    :param f1: 0 to 100.
    :param lost_to: One of :data:`LOSSES`; None for an exact match.
    """

    id: str
    question: str
    system: str
    passages: int
    answers: tuple[str, ...]
    prediction: str
    score: float | None
    document_id: str | None
    exact_match: float
    f1: float
    lost_to: str | None


@dataclass(frozen=True)
class ReaderReport:
    """Accuracy of the answers read from one system's passages, in percent.

    :param questions: Number of questions.
    :param exact_match: Mean exact match (SQuAD).
    :param exact_match_interval: Its 95% bootstrap interval.
    :param f1: Mean F1 (SQuAD).
    :param f1_interval: Its 95% bootstrap interval.
    :param lost_to: Share of the questions lost to each of :data:`LOSSES`; with the exact matches they add up to 100.
    """

    questions: int
    exact_match: float
    exact_match_interval: Interval
    f1: float
    f1_interval: Interval
    lost_to: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The JSON that ``evaluate --json`` prints."""
        return asdict(self)


class ReadingJudge:
    """Reads the passages of several systems, each passage once, and judges the answers.

    :param search: Searches the passages.
    :param reader: The reader.
    :param passages: How many passages to read per question; with several numbers, an answer is judged for each.
    :param systems: The systems whose passages are read.
    :param match: ``"string"``, or ``"regex"`` if the gold answers are patterns (CuratedTREC).
    :param record: Called with every judged answer.
    :raises InputError: If there is no number of passages, or one below 1.
    """

    def __init__(
        self,
        search: PassageSearch,
        reader: DPRReader,
        passages: Sequence[int],
        systems: Sequence[str],
        *,
        match: str = "string",
        record: Callable[[JudgedAnswer], None] | None = None,
    ) -> None:
        if not passages or min(passages) < 1:
            msg = f"the number of passages to read must be at least 1: got {list(passages)}"
            raise InputError(msg)
        self.depth = max(passages)
        self._search = search
        self._reader = reader
        self._passages = sorted(set(passages))
        self._systems = systems
        self._matcher = AnswerMatcher(match)
        self._record = record
        self._judged: dict[tuple[str, int], list[JudgedAnswer]] = {}

    def add(self, questions: Sequence[Question], runs: Sequence[Runs]) -> None:
        """Answer some questions and judge the answers; questions without gold answers are skipped.

        :param questions: The questions.
        :param runs: The results of each question.
        """
        pairs = [(question, run) for question, run in zip(questions, runs, strict=True) if question.answers]
        passages = [self._documents(run) for _, run in pairs]
        readings = self._reader.readings(
            [question.question for question, _ in pairs], [list(documents.values()) for documents in passages], top_k=1
        )
        for (question, run), documents, read in zip(pairs, passages, readings, strict=True):
            self._judge(question, run, documents, dict(zip(documents, read, strict=True)))

    def reports(self) -> dict[str, dict[int, ReaderReport]]:
        """The accuracy by system and number of passages.

        :raises InputError: If no question has gold answers.
        """
        if not self._judged:
            msg = "a reader can only be judged on questions with answers: no question has any"
            raise InputError(msg)
        return {
            system: {count: _report(self._judged[system, count]) for count in self._passages}
            for system in self._systems
        }

    def _documents(self, run: Runs) -> dict[str, Document]:
        """The passages of one question by id, without duplicates."""
        ids = dict.fromkeys(name for system in self._systems for name in run[system].ids[: self.depth])
        documents = self._search.documents(list(ids))
        return {name: documents[name] for name in ids if name in documents}

    def _judge(
        self, question: Question, run: Runs, documents: Mapping[str, Document], readings: Mapping[str, Any]
    ) -> None:
        texts = [document.content or "" for document in documents.values()]
        has_answer = dict(zip(documents, self._matcher.find(question.answers, texts), strict=True))
        for system in self._systems:
            hits = [hit for hit in zip(*run[system], strict=True) if hit[0] in documents]
            for count in self._passages:
                first = [_with_score(documents[name], score) for name, score in hits[:count]]
                read: Readings = [readings[document.id] for document in first]
                judged = self._judged_answer(question, system, count, first, read, has_answer)
                self._judged.setdefault((system, count), []).append(judged)
                if self._record is not None:
                    self._record(judged)

    def _judged_answer(
        self,
        question: Question,
        system: str,
        count: int,
        documents: Sequence[Document],
        readings: Readings,
        has_answer: Mapping[str, bool],
    ) -> JudgedAnswer:
        answers = self._reader.answers(question.question, documents, readings, top_k=1)
        best = answers[0] if answers else None
        prediction = (best.data or "") if best is not None else ""
        source = best.document.id if best is not None and best.document is not None else None
        matched, overlap = self._agreement(prediction, question.answers)
        return JudgedAnswer(
            id=question.id,
            question=question.question,
            system=system,
            passages=count,
            answers=tuple(question.answers),
            prediction=prediction,
            score=best.score if best is not None else None,
            document_id=source,
            exact_match=matched,
            f1=overlap,
            lost_to=None if matched else _loss([document.id for document in documents], source, has_answer),
        )

    def _agreement(self, prediction: str, answers: Sequence[str]) -> tuple[float, float]:
        """Exact match and F1 in percent; for patterns both are whether one matches."""
        if self._matcher.match == "regex":
            return (100.0 * pattern_match(prediction, answers),) * 2
        return 100.0 * exact_match(prediction, answers), 100.0 * f1(prediction, answers)


def _with_score(document: Document, score: float) -> Document:
    return replace(document, score=score)


def _loss(read: Sequence[str], source: str | None, has_answer: Mapping[str, bool]) -> str:
    if not any(has_answer[name] for name in read):
        return "retrieval"
    return "span" if source is not None and has_answer[source] else "selection"


def _report(judged: Sequence[JudgedAnswer]) -> ReaderReport:
    matches = [answer.exact_match for answer in judged]
    overlaps = [answer.f1 for answer in judged]
    return ReaderReport(
        questions=len(judged),
        exact_match=sum(matches) / len(matches),
        exact_match_interval=bootstrap_interval(matches),
        f1=sum(overlaps) / len(overlaps),
        f1_interval=bootstrap_interval(overlaps),
        lost_to={loss: 100.0 * sum(answer.lost_to == loss for answer in judged) / len(judged) for loss in LOSSES},
    )
