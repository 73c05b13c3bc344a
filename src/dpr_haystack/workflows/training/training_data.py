# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Makes training examples from questions with answers, as in the paper (Karpukhin et al. 2020, section 4.2).

A question's positive is its gold passage, if that is known and among the passages; otherwise the best BM25 result for
question and answer that contains the answer; otherwise the question is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dpr_haystack.backends.passage_search import PassageSearch
from dpr_haystack.backends.registry import search_over
from dpr_haystack.core.answers import AnswerMatcher
from dpr_haystack.core.batching import batched
from dpr_haystack.core.passages import Passage
from dpr_haystack.core.progress import Progress
from dpr_haystack.formats.question import Question
from dpr_haystack.formats.training import TrainingExample
from dpr_haystack.workflows.opening import as_passage

if TYPE_CHECKING:
    from dpr_haystack.components.retrievers.common import AnyStore

PROVENANCES = ("gold", "mapped", "found")
"""Source of a positive: the gold passage itself; the part of it that contains the answer, if the index has it in other
pieces; the best BM25 result that contains the answer."""

_AT_ONCE = 64


@dataclass
class BuildReport:
    """Counts of questions.

    :param questions: Questions read.
    :param positives: Questions whose positive is of each of :data:`PROVENANCES`.
    :param left_out: Questions without a positive.
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
    progress: Progress | None = None,
) -> Iterator[TrainingExample]:
    """Find a positive passage for each question; hard negatives are mined separately.

    :param questions: Questions with answers, gold passage ids, or both; read as needed.
    :param document_store: The passages.
    :param gold_passages: Gold passages by id, if they are known and the index may have them in other pieces.
    :param match: ``"string"``, or ``"regex"`` if answers are patterns.
    :param depth: How many BM25 results are checked for an answer (100 in the paper).
    :param report: Counts questions and positives.
    :param progress: Called with the number of questions done since the last call.
    :returns: Examples in the order of the questions, each with ``provenance`` in ``meta``.
    """
    search = search_over(document_store, purpose="building training data")
    builder = _Builder(search, gold_passages or {}, AnswerMatcher(match), depth, report or BuildReport())
    try:
        for batch in batched(questions, _AT_ONCE):
            yield from builder.built(batch)
            if progress is not None:
                progress(len(batch))
    finally:
        search.close()


class _Builder:
    """Finds positives for batches of questions.

    :param search: Searches the passages.
    :param gold: Gold passages by id.
    :param matcher: Finds answers in texts.
    :param depth: How many BM25 results are checked.
    :param report: Counts questions and positives.
    """

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
        stored = self._read(name for question in batch for name in question.passage_ids)
        others = [question for question in batch if not any(name in stored for name in question.passage_ids)]
        by_bm25 = dict(zip(map(id, others), self._found_by_bm25(others), strict=True))
        for question in batch:
            positives, provenance = self._gold_of(question, stored), "gold"
            if not positives:
                positives, provenance = by_bm25[id(question)]
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

    def _gold_of(self, question: Question, stored: Mapping[str, Passage]) -> list[Passage]:
        return [stored[name] for name in question.passage_ids if name in stored]

    def _found_by_bm25(self, questions: Sequence[Question]) -> list[tuple[list[Passage], str]]:
        with_answers = [question for question in questions if question.answers]
        texts = [f"{question.question} {' '.join(question.answers[:1])}" for question in with_answers]
        results = self._search.keyword_hits(texts, self._depth, None) if with_answers else []
        passages = self._read(name for hits in results for name in hits.ids)
        ranked = {
            id(question): [passages[name] for name in hits.ids if name in passages]
            for question, hits in zip(with_answers, results, strict=True)
        }
        return [self._best(question, ranked.get(id(question), [])) for question in questions]

    def _best(self, question: Question, ranked: Sequence[Passage]) -> tuple[list[Passage], str]:
        has_answer = self._matcher.find(question.answers, [passage.text for passage in ranked])
        answering = [
            (rank, passage)
            for rank, (passage, is_right) in enumerate(zip(ranked, has_answer, strict=True), 1)
            if is_right
        ]
        golds = [_words(self._gold[name].text) for name in question.passage_ids if name in self._gold]
        for rank, passage in answering:
            if any(f" {_words(passage.text)} " in f" {gold} " for gold in golds):
                return [_ranked(passage, rank)], "mapped"
        return ([_ranked(answering[0][1], answering[0][0])], "found") if answering else ([], "found")

    def _read(self, ids: Iterable[str]) -> dict[str, Passage]:
        documents = self._search.documents(list(dict.fromkeys(ids)))
        return {name: as_passage(document) for name, document in documents.items()}


def _ranked(passage: Passage, rank: int) -> Passage:
    return replace(passage, meta={"rank": rank})


def _words(text: str) -> str:
    return " ".join(text.split())
