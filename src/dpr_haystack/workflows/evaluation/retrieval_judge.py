# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""At which rank each system answered a question."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from dpr_haystack.backends.passage_search import PassageSearch
from dpr_haystack.components.retrievers.hybrid_search import Runs
from dpr_haystack.core.answers import AnswerMatcher
from dpr_haystack.core.hits import Hits
from dpr_haystack.core.metrics import first_gold, first_hit
from dpr_haystack.core.passages import Passage
from dpr_haystack.formats.question import Question


@dataclass
class Ranks:
    """The rank, from 1, of the first right passage of each question; None where there is none among those retrieved.

    :param gold: Of the first gold passage; only questions that name gold passages are in it.
    :param answer: Of the first passage with an answer; only questions with answers are in it.
    """

    gold: list[int | None] = field(default_factory=list)
    answer: list[int | None] = field(default_factory=list)


class PassageReader:
    """Reads passages, and keeps those that came last: many questions find the same ones.

    :param search: Where they are.
    :param kept: How many.
    """

    def __init__(self, search: PassageSearch, kept: int = 50_000) -> None:
        self._search = search
        self._kept = kept
        self._passages: dict[str, Passage] = {}

    def read(self, ids: Iterable[str]) -> dict[str, Passage]:
        """Passages by their ids; one that is gone has neither title nor text."""
        wanted = list(dict.fromkeys(ids))
        missing = [name for name in wanted if name not in self._passages]
        fetched = self._fetched(missing) if missing else {}
        found = {name: fetched[name] if name in fetched else self._passages[name] for name in wanted}
        self._passages.update(fetched)
        for name in list(islice(self._passages, max(0, len(self._passages) - self._kept))):
            del self._passages[name]  # the first that came
        return found

    def _fetched(self, ids: Sequence[str]) -> dict[str, Passage]:
        documents = self._search.documents(ids)
        passages = {name: Passage(name, "", "") for name in ids}
        for name, document in documents.items():
            passages[name] = Passage(name, str(document.meta.get("title") or ""), document.content or "")
        return passages


class JudgedQuestion:
    """A question, what each system found for it, and at which rank the first right passage was.

    :param question: The question.
    :param runs: For each system what it found, best first.
    :param reader: Reads the passages, if anybody looks into them.
    :param matcher: Says whether a text holds an answer.
    """

    def __init__(self, question: Question, runs: Runs, reader: PassageReader, matcher: AnswerMatcher) -> None:
        self.question = question
        self.runs = runs
        self._reader = reader
        self._matcher = matcher
        self._passages: dict[str, Passage] | None = None
        self._holds: dict[str, bool] = {}
        self.gold_ranks = (
            {name: first_gold(hits.ids, question.passage_ids) for name, hits in runs.items()}
            if question.passage_ids
            else {}
        )
        self.answer_ranks = (
            {name: first_hit(map(self.has_answer, hits.ids)) for name, hits in runs.items()} if question.answers else {}
        )

    def passage(self, name: str) -> Passage:
        """One of the passages that were found."""
        if self._passages is None:
            self._passages = self._reader.read(name for hits in self.runs.values() for name in hits.ids)
        return self._passages[name]

    def has_answer(self, name: str) -> bool:
        """Whether one of the passages that were found holds an answer."""
        if name not in self._holds:
            self._holds[name] = self._matcher.has_answer(self.question.answers, self.passage(name).text)
        return self._holds[name]


class RetrievalJudge:
    """Judges what systems found, and remembers the ranks.

    :param search: Where the passages are.
    :param systems: Whose runs there will be.
    :param depth: How many passages of each are looked at.
    :param match: How answers are found in texts: ``"string"`` or ``"regex"``.
    """

    def __init__(self, search: PassageSearch, systems: Sequence[str], depth: int, match: str) -> None:
        self.ranks = {name: Ranks() for name in systems}
        self._depth = depth
        self._reader = PassageReader(search)
        self._matcher = AnswerMatcher(match)

    def judge(self, question: Question, runs: Runs) -> JudgedQuestion:
        """Judge one question."""
        first = {name: Hits(runs[name].ids[: self._depth], runs[name].scores[: self._depth]) for name in self.ranks}
        judged = JudgedQuestion(question, first, self._reader, self._matcher)
        for name, ranks in self.ranks.items():
            if question.passage_ids:
                ranks.gold.append(judged.gold_ranks[name])
            if question.answers:
                ranks.answer.append(judged.answer_ranks[name])
        return judged
