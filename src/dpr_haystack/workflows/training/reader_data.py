# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Makes training data of readers: questions with the passages that a search finds for them, and the places of answers.

A reader is trained on what the retriever returns, so that it learns to tell passages apart that all look right
(Karpukhin et al. 2020, section 6.1).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dpr_haystack.backends.passage_search import PassageSearch
from dpr_haystack.components.retrievers.hybrid_search import HybridSearch, runs_of, systems_of
from dpr_haystack.core.answer_places import AnswerFinder
from dpr_haystack.core.batching import batched
from dpr_haystack.core.hits import Hits
from dpr_haystack.core.passages import Passage
from dpr_haystack.core.progress import Progress
from dpr_haystack.errors import InputError
from dpr_haystack.formats.question import Question
from dpr_haystack.formats.reader_examples import ReaderExample, ReaderPassage
from dpr_haystack.workflows.evaluation.retrieval_judge import PassageCache

# Questions per batch.
_AT_ONCE = 64


@dataclass(frozen=True)
class ReaderDataOptions:
    """Which passages a question gets.

    :param by: The search: ``"bm25"``, ``"dpr"`` or ``"hybrid"``.
    :param top_k: How many passages it returns.
    :param max_positives: How many of those that contain an answer are kept, the best first (20 in the original code),
        beside those with marked answers; None for all.
    :param max_negatives: How many of the others are kept (50 in the original code); None for all.
    :param add_gold: Whether a gold passage that the search does not return is put before the others.
    :param keep_unanswered: Whether questions are kept of which no passage contains an answer, marked as impossible.
    :raises InputError: If a number is below 1, or below 0 for ``max_negatives``.
    """

    by: str = "hybrid"
    top_k: int = 100
    max_positives: int | None = None
    max_negatives: int | None = None
    add_gold: bool = True
    keep_unanswered: bool = False

    def __post_init__(self) -> None:
        for name, least in (("top_k", 1), ("max_positives", 1), ("max_negatives", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                msg = f"{name} must be {least} or more: got {value}"
                raise InputError(msg)


@dataclass
class ReaderDataReport:
    """Counts.

    :param questions: Questions read.
    :param written: Questions with passages.
    :param positives: Passages of them that contain an answer.
    :param negatives: Passages of them that do not.
    :param gold_added: Questions whose gold passage the search did not return.
    :param unanswered: Questions of which no passage contains an answer.
    :param without_answers: Questions that have no answers; they are left out.
    """

    questions: int = 0
    written: int = 0
    positives: int = 0
    negatives: int = 0
    gold_added: int = 0
    unanswered: int = 0
    without_answers: int = 0


def build_reader_examples(
    questions: Iterable[Question],
    search: PassageSearch,
    hybrid: HybridSearch | None,
    options: ReaderDataOptions | None = None,
    *,
    report: ReaderDataReport | None = None,
    progress: Progress | None = None,
) -> Iterator[ReaderExample]:
    """Retrieve passages for questions, and find the places of the answers in them.

    :param questions: Questions with answers; read as needed.
    :param search: Searches the passages.
    :param hybrid: Both searches over it; None for BM25 only.
    :param options: Which passages a question gets.
    :param report: Counts questions and passages.
    :param progress: Called with the number of questions done since the last call.
    :returns: The questions in their order, with their passages in the order of the search.
    :raises InputError: If the search is unknown or needs vectors that are not there; at the end, if no question has a
        passage that contains an answer.
    """
    options = options or ReaderDataOptions()
    systems_of(hybrid, [options.by])
    return _built(questions, search, hybrid, options, report or ReaderDataReport(), progress)


def _built(
    questions: Iterable[Question],
    search: PassageSearch,
    hybrid: HybridSearch | None,
    options: ReaderDataOptions,
    report: ReaderDataReport,
    progress: Progress | None,
) -> Iterator[ReaderExample]:
    builder = _Builder(PassageCache(search), options, report)
    for batch in batched(questions, _AT_ONCE):
        asked = [question for question in batch if question.answers]
        runs = runs_of(search, hybrid, [each.question for each in asked], options.top_k, [options.by]) if asked else []
        report.questions += len(batch)
        report.without_answers += len(batch) - len(asked)
        yield from builder.built(asked, [run[options.by].first(options.top_k) for run in runs])
        if progress is not None:
            progress(len(batch))
    if report.unanswered == report.questions - report.without_answers:
        msg = (
            f"no passage of {search.location} contains an answer to any of the {report.questions} questions "
            f"({report.without_answers} have no answers); do the questions belong to these passages?"
        )
        raise InputError(msg)


class _Builder:
    """Finds answers in the passages of batches of questions.

    :param cache: Reads passages.
    :param options: Which passages a question gets.
    :param report: Counts questions and passages.
    """

    def __init__(self, cache: PassageCache, options: ReaderDataOptions, report: ReaderDataReport) -> None:
        self._cache = cache
        self._options = options
        self._report = report
        self._finder = AnswerFinder()

    def built(self, questions: Sequence[Question], results: Sequence[Hits]) -> Iterator[ReaderExample]:
        """The examples of a batch.

        :param questions: Questions with answers.
        :param results: What the search found for each.
        """
        ids = [name for hits in results for name in hits.ids]
        ids += [name for question in questions for name in question.passage_ids if not question.contexts]
        passages = {name: passage for name, passage in self._cache.read(ids).items() if passage.text.strip()}
        for question, hits in zip(questions, results, strict=True):
            example = self._example(question, hits, passages)
            if example.is_impossible:
                self._report.unanswered += 1
            if not example.is_impossible or (self._options.keep_unanswered and example.passages):
                self._count(example)
                yield example

    def _example(self, question: Question, hits: Hits, passages: Mapping[str, Passage]) -> ReaderExample:
        found = [
            self._passage(question, passages[name], score)
            for name, score in zip(*hits, strict=True)
            if name in passages
        ]
        if self._options.add_gold:
            gold = self._missing_gold(question, found, passages)
            self._report.gold_added += bool(gold)
            found = [*gold, *found]
        kept = tuple(self._limited(found))
        id_ = "" if question.is_numbered else question.id
        is_impossible = not any(each.has_answer for each in kept)
        return ReaderExample(question.question, question.answers, kept, id_, is_impossible)

    def _passage(self, question: Question, passage: Passage, score: float | None) -> ReaderPassage:
        """A passage with the places of the answers, those that were marked in this text among them."""
        same = [context.id for context in question.contexts if context.text == passage.text]
        marked = question.marked.get(same[0], ()) if same else ()
        spans = tuple(sorted({*self._finder.places(question.answers, passage.text), *marked}))
        return ReaderPassage(passage, score, bool(spans), spans, marked)

    def _missing_gold(
        self, question: Question, found: Sequence[ReaderPassage], passages: Mapping[str, Passage]
    ) -> list[ReaderPassage]:
        """Gold passages that contain an answer and were not found; only those with marked answers if there are any."""
        known = {each.passage.id for each in found} | {(each.passage.title, each.passage.text) for each in found}
        golds = question.contexts or [passages[name] for name in question.passage_ids if name in passages]
        missing = [each for each in golds if each.id not in known and (each.title, each.text) not in known]
        answering = [each for gold in missing if (each := self._passage(question, gold, None)).has_answer]
        return [each for each in answering if each.annotated] or answering

    def _limited(self, found: Iterable[ReaderPassage]) -> Iterator[ReaderPassage]:
        """The first passages of either kind, and all with marked answers."""
        limits = {True: self._options.max_positives, False: self._options.max_negatives}
        counts = {True: 0, False: 0}
        for each in found:
            kind = bool(each.has_answer)
            limit = limits[kind]
            if limit is None or counts[kind] < limit or each.annotated:
                yield each
                counts[kind] += 1

    def _count(self, example: ReaderExample) -> None:
        positives = sum(bool(each.has_answer) for each in example.passages)
        self._report.written += 1
        self._report.positives += positives
        self._report.negatives += len(example.passages) - positives
