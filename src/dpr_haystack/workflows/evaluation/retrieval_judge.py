# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Ranks of the first right passage of each question."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from dpr_haystack.backends.passage_search import PassageSearch
from dpr_haystack.components.retrievers.hybrid_search import Runs
from dpr_haystack.core.answers import AnswerMatcher
from dpr_haystack.core.metrics import first_gold, first_hit
from dpr_haystack.core.passages import Passage
from dpr_haystack.formats.question import Question
from dpr_haystack.workflows.opening import as_passage


@dataclass
class Ranks:
    """The rank, from 1, of the first right passage of each question; None if none was retrieved.

    :param gold: Ranks of the first gold passage, for questions that name gold passages.
    :param answer: Ranks of the first passage that contains an answer, for questions with answers.
    """

    gold: list[int | None] = field(default_factory=list)
    answer: list[int | None] = field(default_factory=list)


class PassageCache:
    """Reads passages and keeps the latest in memory: many questions retrieve the same ones.

    :param search: Provides the passages.
    :param size: How many to keep.
    """

    def __init__(self, search: PassageSearch, size: int = 50_000) -> None:
        self._search = search
        self._size = size
        self._passages: dict[str, Passage] = {}

    def read(self, ids: Iterable[str]) -> dict[str, Passage]:
        """Passages by id; a passage that no longer exists has empty title and text.

        :param ids: The ids.
        """
        unique = list(dict.fromkeys(ids))
        missing = [name for name in unique if name not in self._passages]
        fetched = self._fetched(missing) if missing else {}
        passages = {name: fetched[name] if name in fetched else self._passages[name] for name in unique}
        self._passages.update(fetched)
        for name in list(islice(self._passages, max(0, len(self._passages) - self._size))):
            del self._passages[name]  # the oldest
        return passages

    def _fetched(self, ids: Sequence[str]) -> dict[str, Passage]:
        documents = self._search.documents(ids)
        return {name: as_passage(documents[name]) if name in documents else Passage(name, "", "") for name in ids}


class JudgedQuestion:
    """A question, the results of each system, and the rank of the first right passage in them.

    :param question: The question.
    :param runs: The results of each system, best first.
    :param cache: Reads passages when they are needed.
    :param matcher: Finds answers in texts.
    """

    def __init__(self, question: Question, runs: Runs, cache: PassageCache, matcher: AnswerMatcher) -> None:
        self.question = question
        self.runs = runs
        self._cache = cache
        self._matcher = matcher
        self._passages: dict[str, Passage] | None = None
        self._has_answer: dict[str, bool] = {}
        self.gold_ranks = (
            {name: first_gold(hits.ids, question.passage_ids) for name, hits in runs.items()}
            if question.passage_ids
            else {}
        )
        self.answer_ranks = (
            {name: first_hit(map(self.has_answer, hits.ids)) for name, hits in runs.items()} if question.answers else {}
        )

    def passage(self, name: str) -> Passage:
        """One of the retrieved passages.

        :param name: Its id.
        """
        if self._passages is None:
            self._passages = self._cache.read(name for hits in self.runs.values() for name in hits.ids)
        return self._passages[name]

    def has_answer(self, name: str) -> bool:
        """Whether a retrieved passage contains an answer.

        :param name: Its id.
        """
        if name not in self._has_answer:
            self._has_answer[name] = self._matcher.has_answer(self.question.answers, self.passage(name).text)
        return self._has_answer[name]


class RetrievalJudge:
    """Judges the results of several systems and collects the ranks of the first right passages.

    :param search: Searches the passages.
    :param systems: The systems.
    :param depth: How many results of each system are judged.
    :param match: How answers are matched in texts: ``"string"`` or ``"regex"``.
    """

    def __init__(self, search: PassageSearch, systems: Sequence[str], depth: int, match: str) -> None:
        self.ranks = {name: Ranks() for name in systems}
        self._depth = depth
        self._cache = PassageCache(search)
        self._matcher = AnswerMatcher(match)

    def judge(self, question: Question, runs: Runs) -> JudgedQuestion:
        """Judge the results for one question.

        :param question: The question.
        :param runs: The results of each system.
        """
        first = {name: runs[name].first(self._depth) for name in self.ranks}
        judged = JudgedQuestion(question, first, self._cache, self._matcher)
        for name, ranks in self.ranks.items():
            if question.passage_ids:
                ranks.gold.append(judged.gold_ranks[name])
            if question.answers:
                ranks.answer.append(judged.answer_ranks[name])
        return judged
