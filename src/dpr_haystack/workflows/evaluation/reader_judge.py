# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""How good a reader's answers are, and where the wrong ones were lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from haystack.dataclasses import Document

from dpr_haystack.backends.passage_search import PassageSearch
from dpr_haystack.components.reader import DPRReader, Readings
from dpr_haystack.components.retrievers.hybrid_search import Runs
from dpr_haystack.core.answers import AnswerMatcher, exact_match, f1, pattern_match
from dpr_haystack.core.intervals import Interval, bootstrap_interval
from dpr_haystack.errors import InputError
from dpr_haystack.formats.question import Question

LOSSES = ("retrieval", "selection", "span")
"""Where a question is lost: no passage that was read has an answer; one has, but the answer came out of another that
has none; the passage of the answer has one, but that is not what was read out of it."""


@dataclass(frozen=True)
class Judged:
    """One question, answered from the first passages of one system.

    :param question: The question.
    :param system: What found the passages.
    :param passages: How many were read.
    :param answers: The gold answers.
    :param prediction: What the reader says; empty for no answer.
    :param score: Its probability.
    :param document_id: Where it is from.
    :param exact_match: 100 or 0.
    :param f1: 0 to 100.
    :param lost_to: One of :data:`LOSSES`; None for an exact match.
    """

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
    """How good the answers from one system's passages are, in percent.

    :param questions: How many were answered.
    :param exact_match: Mean exact match (SQuAD).
    :param exact_match_interval: Its 95% bootstrap interval.
    :param f1: Mean F1 (SQuAD).
    :param f1_interval: Its 95% bootstrap interval.
    :param lost_to: Share of the questions that were lost at each of :data:`LOSSES`; with the exact match it makes 100.
    """

    questions: int
    exact_match: float
    exact_match_interval: Interval
    f1: float
    f1_interval: Interval
    lost_to: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As ``evaluate --json`` prints it."""
        return asdict(self)


class ReadingJudge:
    """Reads the passages of several systems, each passage once, and judges the answers from the first of them.

    :param search: Where the passages are.
    :param reader: The reader.
    :param passages: How many of the first passages to answer from; several numbers for a curve.
    :param systems: Whose passages.
    :param match: ``"string"``, or ``"regex"`` where the gold answers are patterns (CuratedTREC).
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
        record: Callable[[Judged], None] | None = None,
    ) -> None:
        if not passages or min(passages) < 1:
            msg = f"a reader needs at least 1 passage, got {list(passages)}"
            raise InputError(msg)
        self.depth = max(passages)
        self._search = search
        self._reader = reader
        self._passages = sorted(set(passages))
        self._systems = systems
        self._matcher = AnswerMatcher(match)
        self._record = record
        self._judged: dict[tuple[str, int], list[Judged]] = {}

    def add(self, questions: Sequence[Question], runs: Sequence[Runs]) -> None:
        """Answer some questions; those without gold answers are passed over."""
        asked = [(question, run) for question, run in zip(questions, runs, strict=True) if question.answers]
        found = [self._documents(run) for _, run in asked]
        readings = self._reader.readings(
            [question.question for question, _ in asked], [list(documents.values()) for documents in found], top_k=1
        )
        for (question, run), documents, read in zip(asked, found, readings, strict=True):
            self._judge(question, run, documents, dict(zip(documents, read, strict=True)))

    def reports(self) -> dict[str, dict[int, ReaderReport]]:
        """For each system and number of passages how good the answers were.

        :raises InputError: If no question had answers to compare with.
        """
        if not self._judged:
            msg = "no question has answers to compare a reader's with"
            raise InputError(msg)
        return {
            system: {count: _report(self._judged[system, count]) for count in self._passages}
            for system in self._systems
        }

    def _documents(self, run: Runs) -> dict[str, Document]:
        """All passages of one question by id, each once."""
        ids = dict.fromkeys(name for system in self._systems for name in run[system].ids[: self.depth])
        found = self._search.documents(list(ids))
        return {name: found[name] for name in ids if name in found}

    def _judge(
        self, question: Question, run: Runs, documents: Mapping[str, Document], readings: Mapping[str, Any]
    ) -> None:
        texts = [document.content or "" for document in documents.values()]
        holds = dict(zip(documents, self._matcher.find(question.answers, texts), strict=True))
        for system in self._systems:
            hits = [hit for hit in zip(*run[system], strict=True) if hit[0] in documents]
            for count in self._passages:
                given = [_with_score(documents[name], score) for name, score in hits[:count]]
                read: Readings = [readings[document.id] for document in given]
                judged = self._judged_answer(question, system, count, given, read, holds)
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
        holds: Mapping[str, bool],
    ) -> Judged:
        found = self._reader.answers(question.question, documents, readings, top_k=1)
        best = found[0] if found else None
        prediction = (best.data or "") if best is not None else ""
        source = best.document.id if best is not None and best.document is not None else None
        matched, overlap = self._agreement(prediction, question.answers)
        return Judged(
            question=question.question,
            system=system,
            passages=count,
            answers=tuple(question.answers),
            prediction=prediction,
            score=best.score if best is not None else None,
            document_id=source,
            exact_match=matched,
            f1=overlap,
            lost_to=None if matched else _loss([document.id for document in documents], source, holds),
        )

    def _agreement(self, prediction: str, answers: Sequence[str]) -> tuple[float, float]:
        """Exact match and F1 in percent; patterns have no words of their own, so there both are the same."""
        if self._matcher.match == "regex":
            return (100.0 * pattern_match(prediction, answers),) * 2
        return 100.0 * exact_match(prediction, answers), 100.0 * f1(prediction, answers)


def _with_score(document: Document, score: float) -> Document:
    return replace(document, score=score)


def _loss(read: Sequence[str], source: str | None, holds: Mapping[str, bool]) -> str:
    if not any(holds[name] for name in read):
        return "retrieval"
    return "span" if source is not None and holds[source] else "selection"


def _report(judged: Sequence[Judged]) -> ReaderReport:
    matches = [each.exact_match for each in judged]
    overlaps = [each.f1 for each in judged]
    return ReaderReport(
        questions=len(judged),
        exact_match=sum(matches) / len(matches),
        exact_match_interval=bootstrap_interval(matches),
        f1=sum(overlaps) / len(overlaps),
        f1_interval=bootstrap_interval(overlaps),
        lost_to={loss: 100.0 * sum(each.lost_to == loss for each in judged) / len(judged) for loss in LOSSES},
    )
