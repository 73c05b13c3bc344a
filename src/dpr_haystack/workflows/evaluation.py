# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Top-k accuracy of BM25, DPR and hybrid search over a store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dpr_haystack.components.document_store import FAISSDocumentStore
from dpr_haystack.components.retrievers.hybrid import DPRHybridRetriever
from dpr_haystack.core.answers import AnswerMatcher
from dpr_haystack.core.metrics import KS, first_gold, first_hit, top_k_accuracy
from dpr_haystack.errors import InputError
from dpr_haystack.formats.question import Question

SYSTEMS = ("bm25", "dpr", "hybrid")
_AT_ONCE = 256

Progress = Callable[[int], None]


@dataclass
class SystemReport:
    """Top-k accuracy of one system in percent, by k: gold passage found, and passage with an answer found.

    Empty where the questions name no gold passages, or no answers.
    """

    gold: dict[int, float] = field(default_factory=dict)
    answer: dict[int, float] = field(default_factory=dict)


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
            "systems": {
                name: {
                    "gold": {str(k): value for k, value in report.gold.items()},
                    "answer": {str(k): value for k, value in report.answer.items()},
                }
                for name, report in self.systems.items()
            },
        }


@dataclass
class _Ranks:
    """For every question the rank, from 1, at which it was answered; None where it was not."""

    gold: list[int | None] = field(default_factory=list)
    answer: list[int | None] = field(default_factory=list)


def evaluate(
    store: FAISSDocumentStore,
    questions: Sequence[Question],
    retriever: DPRHybridRetriever | None,
    *,
    ks: Sequence[int] = KS,
    match: str = "string",
    progress: Progress | None = None,
) -> EvaluationReport:
    """Measure top-k accuracy: the share of questions with a right passage among the first k (paper, section 5).

    :param store: The passages.
    :param questions: With gold passages' ids, answers, or both.
    :param retriever: Gives the question tower and says how to fuse; None for BM25 alone.
    :param ks: Which k.
    :param match: ``"string"``: a passage answers if it contains an answer's words in a row; ``"regex"``: if it matches.
    :param progress: Called with the number of questions done since the last call.
    :raises InputError: If there are no questions, or a k below 1.
    """
    if not questions:
        msg = "there are no questions to evaluate"
        raise InputError(msg)
    if not ks or min(ks) < 1:
        msg = f"k must be at least 1, got {list(ks)}"
        raise InputError(msg)
    depth = max(ks)
    judge = _Judge(store, match)
    ranks = {name: _Ranks() for name in (SYSTEMS if retriever is not None else ("bm25",))}
    for batch in _batches(questions):
        for question, runs in zip(batch, _runs(store, batch, retriever, depth), strict=True):
            for name, run in runs.items():
                judge.add(ranks[name], question, run)
        if progress is not None:
            progress(len(batch))
    return EvaluationReport(len(questions), {name: _report(each, ks) for name, each in ranks.items()})


def _report(ranks: _Ranks, ks: Sequence[int]) -> SystemReport:
    gold = top_k_accuracy(ranks.gold, ks) if ranks.gold else {}
    answer = top_k_accuracy(ranks.answer, ks) if ranks.answer else {}
    return SystemReport(gold, answer)


class _Judge:
    """Says at which rank a question was answered; reads every passage once."""

    def __init__(self, store: FAISSDocumentStore, match: str) -> None:
        self._search = store.searching()
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
            kept = self._search.kept(missing)
            self._texts.update((name, (kept[name].content or "") if name in kept else "") for name in missing)


def _runs(
    store: FAISSDocumentStore, batch: Sequence[Question], retriever: DPRHybridRetriever | None, depth: int
) -> Iterator[Mapping[str, Sequence[str]]]:
    texts = [question.question for question in batch]
    if retriever is None:
        search = store.searching()
        for text in texts:
            yield {"bm25": search.keyword_hits(text, depth, None).ids}
        return
    for found in retriever.all_hits(texts, top_k=depth):
        yield {"bm25": found.bm25.ids, "dpr": found.dpr.ids, "hybrid": [hit.id for hit in found.hybrid]}


def _batches(questions: Sequence[Question]) -> Iterator[Sequence[Question]]:
    for start in range(0, len(questions), _AT_ONCE):
        yield questions[start : start + _AT_ONCE]
