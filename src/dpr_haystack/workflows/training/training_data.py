# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""From questions with answers to training examples, the paper's way (Karpukhin et al. 2020, section 4.2).

A question's positive is its gold passage, if that is known and found among the passages; or else the best passage by
BM25, for the question and its answer together, that holds the answer; or else the question is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dpr_haystack.backends.passage_search import PassageSearch
from dpr_haystack.backends.registry import search_over
from dpr_haystack.core.answers import AnswerMatcher
from dpr_haystack.core.batching import batched
from dpr_haystack.core.passages import Passage
from dpr_haystack.formats.question import Question
from dpr_haystack.formats.training import TrainingExample
from dpr_haystack.workflows.training.mining import as_passage

if TYPE_CHECKING:
    from dpr_haystack.components.retrievers.common import AnyStore

PROVENANCES = ("gold", "mapped", "found")
"""Where a positive is from: the gold passage itself; the part of it that holds the answer, where the index has it in
other pieces; the best passage by BM25 that holds the answer."""

_AT_ONCE = 64


@dataclass
class BuildReport:
    """What became of the questions.

    :param questions: How many were read.
    :param positives: For how many a positive is of each of :data:`PROVENANCES`.
    :param left_out: How many have none.
    """

    questions: int = 0
    positives: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PROVENANCES, 0))
    left_out: int = 0


def build_examples(
    questions: Iterable[Question],
    document_store: AnyStore,
    *,
    gold_passages: Mapping[str, Passage] | None = None,
    match: str = "string",
    depth: int = 100,
    report: BuildReport | None = None,
    progress: Callable[[int], None] | None = None,
) -> Iterator[TrainingExample]:
    """Give questions a positive passage out of an index; hard negatives come by mining.

    :param questions: With answers, gold passages' ids, or both; read as they are needed.
    :param document_store: The passages.
    :param gold_passages: Gold passages by id, where they are known and the index may have them in other pieces.
    :param match: ``"string"``, or ``"regex"`` where answers are patterns.
    :param depth: How many passages by BM25 are looked at (the paper: 100).
    :param report: Counts what became of the questions.
    :param progress: Called with the number of questions done since the last call.
    :returns: Examples in the order of the questions, each with ``provenance`` in ``meta``.
    """
    search = search_over(document_store, purpose="building training data")
    told = report or BuildReport()
    builder = _Builder(search, gold_passages or {}, AnswerMatcher(match), depth, told)
    try:
        for batch in batched(questions, _AT_ONCE):
            yield from builder.built(batch)
            if progress is not None:
                progress(len(batch))
    finally:
        search.close()


class _Builder:
    """Finds positives for one batch of questions after the other."""

    def __init__(
        self,
        search: PassageSearch,
        gold: Mapping[str, Passage],
        matcher: AnswerMatcher,
        depth: int,
        report: BuildReport,
    ) -> None:
        self._search = search
        self._gold = gold
        self._matcher = matcher
        self._depth = depth
        self._report = report

    def built(self, batch: Sequence[Question]) -> Iterator[TrainingExample]:
        there = self._read(name for question in batch for name in question.passage_ids)
        others = [question for question in batch if not any(name in there for name in question.passage_ids)]
        found = dict(zip(map(id, others), self._found_by_words(others), strict=True))
        for question in batch:
            positives, provenance = self._gold_of(question, there), "gold"
            if not positives:
                positives, provenance = found[id(question)]
            self._report.questions += 1
            if not positives:
                self._report.left_out += 1
                continue
            self._report.positives[provenance] += 1
            yield TrainingExample(
                question=question.question,
                positives=tuple(positives),
                answers=question.answers,
                id=question.id,
                meta={"provenance": provenance},
            )

    def _gold_of(self, question: Question, there: Mapping[str, Passage]) -> list[Passage]:
        return [there[name] for name in question.passage_ids if name in there]

    def _found_by_words(self, questions: Sequence[Question]) -> list[tuple[list[Passage], str]]:
        asked = [question for question in questions if question.answers]
        texts = [f"{question.question} {' '.join(question.answers[:1])}" for question in asked]
        hits = self._search.keyword_hits(texts, self._depth, None) if asked else []
        passages = self._read(name for each in hits for name in each.ids)
        ranked = {
            id(question): [passages[name] for name in each.ids if name in passages]
            for question, each in zip(asked, hits, strict=True)
        }
        return [self._best(question, ranked.get(id(question), [])) for question in questions]

    def _best(self, question: Question, ranked: Sequence[Passage]) -> tuple[list[Passage], str]:
        holding = [
            (rank, passage)
            for rank, (passage, holds) in enumerate(
                zip(ranked, self._matcher.find(question.answers, [each.text for each in ranked]), strict=True), 1
            )
            if holds
        ]
        golds = [_words(self._gold[name].text) for name in question.passage_ids if name in self._gold]
        for rank, passage in holding:
            if any(f" {_words(passage.text)} " in f" {gold} " for gold in golds):
                return [_ranked(passage, rank)], "mapped"
        return ([_ranked(holding[0][1], holding[0][0])], "found") if holding else ([], "found")

    def _read(self, ids: Iterable[str]) -> dict[str, Passage]:
        found = self._search.documents(list(dict.fromkeys(ids)))
        return {name: as_passage(document) for name, document in found.items()}


def _ranked(passage: Passage, rank: int) -> Passage:
    return replace(passage, meta={"rank": rank})


def _words(text: str) -> str:
    return " ".join(text.split())
