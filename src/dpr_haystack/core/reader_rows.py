# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Makes the training set of a reader from the rows of its files: each passage once, and rows of one question joined."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from dpr_haystack.core.answer_places import AnswerFinder
from dpr_haystack.core.reader_training_set import AnswerPassage, CharacterRange, ReaderRow, ReaderTrainingSet
from dpr_haystack.core.text import PassageText, question_key


@dataclass(frozen=True)
class FoundPassage:
    """A passage of a question.

    :param passage: Title and text.
    :param spans: Every place in its text that matches an answer.
    :param annotated: The places that a person marked.
    :param is_open: Whether it may contain an answer although no place is known: it is neither positive nor negative.
    """

    passage: PassageText
    spans: Sequence[CharacterRange] = ()
    annotated: Sequence[CharacterRange] = ()
    is_open: bool = False


@dataclass
class _Row:
    """A row that may still get further passages; ``number`` is its number among the rows."""

    number: int
    question: str
    answers: tuple[str, ...]
    id: str
    is_impossible: bool
    positives: dict[int, AnswerPassage] = field(default_factory=dict)
    negatives: list[int] = field(default_factory=list)
    passages: dict[int, None] = field(default_factory=dict)

    def add(self, number: int, found: FoundPassage) -> None:
        self.passages[number] = None
        if found.spans or found.annotated:
            known = self.positives.get(number, AnswerPassage(number, ()))
            spans = {*known.spans, *found.spans, *known.annotated, *found.annotated}
            annotated = {*known.annotated, *found.annotated}
            self.positives[number] = AnswerPassage(number, tuple(sorted(spans)), tuple(sorted(annotated)))
        elif not found.is_open:
            self.negatives.append(number)

    def as_row(self, known: Iterable[int]) -> ReaderRow:
        """The row.

        :param known: Passages that rows of the same question have as positives.
        """
        taken = {*self.positives, *known}
        positives = sorted(self.positives.values(), key=lambda each: not each.annotated)  # stable
        negatives = tuple(number for number in dict.fromkeys(self.negatives) if number not in taken)
        return ReaderRow(self.question, self.answers, tuple(positives), negatives, tuple(self.passages), self.id)


class ReaderRows:
    """The rows of a training set.

    Rows of the same question (see :func:`~dpr_haystack.core.text.question_key`) with the same id, or without ids,
    become one row with all passages and answers. Those with different ids stay, each with its own answers. In both
    cases a positive of one is a negative of none.

    :param finder: Finds answers where joined rows have different ones.
    """

    def __init__(self, finder: AnswerFinder) -> None:
        self._finder = finder
        self._numbers: dict[PassageText, int] = {}
        self._rows: dict[tuple[str, str], _Row] = {}
        self._passages: list[PassageText] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(
        self,
        question: str,
        answers: Sequence[str],
        passages: Sequence[FoundPassage],
        *,
        id_: str = "",
        is_impossible: bool = False,
    ) -> int:
        """Add a row.

        :param question: The question.
        :param answers: Its answers.
        :param passages: Its passages in the retriever's order.
        :param id_: Its id; "" if it has none.
        :param is_impossible: Whether it is known that no passage answers it.
        :returns: The number of its row, which another row may have too.
        """
        key = (question_key(question), id_)
        row = self._rows.setdefault(key, _Row(len(self._rows), question, tuple(answers), id_, is_impossible))
        for found in passages:
            row.add(self._number(found.passage), found)
        if row.answers != tuple(answers):
            row.answers = tuple(dict.fromkeys([*row.answers, *answers]))
            self._find_again(row)
        row.is_impossible &= is_impossible
        return row.number

    def joined(self) -> ReaderTrainingSet:
        """All rows in the order in which they were added first, and the passages."""
        gold: dict[str, set[int]] = {}
        for (key, _), row in self._rows.items():
            gold.setdefault(key, set()).update(row.positives)
        rows = [row.as_row(gold[key]) for (key, _), row in self._rows.items()]
        return ReaderTrainingSet(rows, list(self._passages))

    def impossible(self) -> list[bool]:
        """For each row of :meth:`joined`, whether it is known that no passage answers it."""
        return [row.is_impossible for row in self._rows.values()]

    def _find_again(self, row: _Row) -> None:
        """Find the places of all answers in the passages that came with some of them."""
        for number in tuple(row.passages):
            passage = self._passages[number]
            row.add(number, FoundPassage(passage, self._finder.places(row.answers, passage[1]), is_open=True))

    def _number(self, passage: PassageText) -> int:
        number = self._numbers.setdefault(passage, len(self._passages))
        if number == len(self._passages):
            self._passages.append(passage)
        return number
