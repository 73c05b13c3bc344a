# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Top-k accuracy of BM25, DPR and hybrid search."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from dpr_haystack.components.retrievers.hybrid import DPRHybridRetriever
from dpr_haystack.components.searches.passage_search import PassageSearch
from dpr_haystack.core.answers import AnswerMatcher
from dpr_haystack.core.metrics import KS, first_gold, first_hit, top_k_accuracy
from dpr_haystack.errors import InputError
from dpr_haystack.formats.question import Question
from dpr_haystack.workflows.reading import ReaderReport, ReadingJudge
from dpr_haystack.workflows.runs import runs_of, systems_of

# Questions that are searched together; with a reader few, for their progress is slow.
_AT_ONCE, _READ_AT_ONCE = 256, 8

Progress = Callable[[int], None]


@dataclass
class SystemReport:
    """Top-k accuracy of one system in percent, by k: gold passage found, and passage with an answer found.

    Empty where the questions name no gold passages, or no answers, or where there is no reader.
    """

    gold: dict[int, float] = field(default_factory=dict)
    answer: dict[int, float] = field(default_factory=dict)
    reader: dict[int, ReaderReport] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As ``evaluate --json`` prints it."""
        told: dict[str, Any] = {
            "gold": {str(k): value for k, value in self.gold.items()},
            "answer": {str(k): value for k, value in self.answer.items()},
        }
        if self.reader:
            told["reader"] = {str(count): report.to_json() for count, report in self.reader.items()}
        return told


@dataclass
class EvaluationReport:
    """What an evaluation measured.

    :param questions: How many there were.
    :param systems: A report for each system.
    """

    questions: int
    systems: dict[str, SystemReport]

    def to_json(self) -> dict[str, Any]:
        """As ``evaluate --json`` prints it."""
        return {
            "questions": self.questions,
            "systems": {name: report.to_json() for name, report in self.systems.items()},
        }


@dataclass
class _Ranks:
    """For every question the rank, from 1, at which it was answered; None where it was not."""

    gold: list[int | None] = field(default_factory=list)
    answer: list[int | None] = field(default_factory=list)


def evaluate(
    search: PassageSearch,
    questions: Sequence[Question],
    retriever: DPRHybridRetriever | None,
    *,
    ks: Sequence[int] = KS,
    match: str = "string",
    systems: Sequence[str] | None = None,
    reading: ReadingJudge | None = None,
    progress: Progress | None = None,
) -> EvaluationReport:
    """Measure top-k accuracy: the share of questions with a right passage among the first k (paper, section 5).

    With a reader, also how good its answers are (section 6).

    :param search: Where the passages are.
    :param questions: With gold passages' ids, answers, or both.
    :param retriever: Gives the question tower and says how to fuse; None for BM25 alone.
    :param ks: Which k.
    :param match: ``"string"``: a passage answers if it contains an answer's words in a row; ``"regex"``: if it matches.
    :param systems: Only these of BM25, DPR and hybrid.
    :param reading: A reader and what to judge of it.
    :param progress: Called with the number of questions done since the last call.
    :raises InputError: If there are no questions, a k below 1, or an unknown system.
    """
    if not questions:
        msg = "there are no questions to evaluate"
        raise InputError(msg)
    if not ks or min(ks) < 1:
        msg = f"k must be at least 1, got {list(ks)}"
        raise InputError(msg)
    depth = max([*ks, reading.depth]) if reading is not None else max(ks)
    judge = _Judge(search, match)
    ranks = {name: _Ranks() for name in systems_of(retriever, systems)}
    for batch in _batches(questions, _AT_ONCE if reading is None else _READ_AT_ONCE):
        runs = runs_of(search, retriever, [question.question for question in batch], depth, list(ranks))
        for question, run in zip(batch, runs, strict=True):
            for name, system in ranks.items():
                judge.add(system, question, run[name].ids)
        if reading is not None:
            reading.add(batch, runs)
        if progress is not None:
            progress(len(batch))
    reports = {name: _report(each, ks) for name, each in ranks.items()}
    for name, of_reader in (reading.reports() if reading is not None else {}).items():
        reports[name].reader = of_reader
    return EvaluationReport(len(questions), reports)


def _report(ranks: _Ranks, ks: Sequence[int]) -> SystemReport:
    gold = top_k_accuracy(ranks.gold, ks) if ranks.gold else {}
    answer = top_k_accuracy(ranks.answer, ks) if ranks.answer else {}
    return SystemReport(gold, answer)


class _Judge:
    """Says at which rank a question was answered; reads every passage once."""

    def __init__(self, search: PassageSearch, match: str) -> None:
        self._search = search
        self._matcher = AnswerMatcher(match)
        self._texts: dict[str, str] = {}

    def add(self, ranks: _Ranks, question: Question, run: Sequence[str]) -> None:
        if question.passage_ids:
            ranks.gold.append(first_gold(run, question.passage_ids))
        if question.answers:
            self._read(run)
            texts = (self._texts[name] for name in run)
            ranks.answer.append(first_hit(self._matcher.has_answer(question.answers, text) for text in texts))

    def _read(self, run: Sequence[str]) -> None:
        missing = [name for name in run if name not in self._texts]
        if missing:
            found = self._search.documents(missing)
            self._texts.update((name, (found[name].content or "") if name in found else "") for name in missing)


def _batches(questions: Sequence[Question], size: int) -> Iterator[Sequence[Question]]:
    for start in range(0, len(questions), size):
        yield questions[start : start + size]
