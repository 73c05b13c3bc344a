# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The training set of a retriever: questions that refer to their passages by number, and each passage once."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from dpr_haystack.core.passages import Passage
from dpr_haystack.core.text import PassageText, as_title, question_key
from dpr_haystack.errors import InputError

Pick = Literal["first", "random"]


@dataclass(frozen=True)
class TrainingRow:
    """A question and the numbers of its passages.

    :param question: The question.
    :param positives: Passages that answer the question, best first; at least one.
    :param hard_negatives: Passages that are similar and do not answer it, hardest first.
    :param negatives: Other passages that do not answer it.
    :param answers: The gold answers, if known.
    :param gold: All passages that answer the question: its positives, and those of other rows of the same question.
    """

    question: str
    positives: tuple[int, ...]
    hard_negatives: tuple[int, ...] = ()
    negatives: tuple[int, ...] = ()
    answers: tuple[str, ...] = ()
    gold: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.gold:
            object.__setattr__(self, "gold", self.positives)


class TrainingSet:
    """Questions and the distinct passages that they refer to.

    Rows with the same question (see :func:`~dpr_haystack.core.text.question_key`) are trained one by one, each with its
    own positives, but know of each other: a positive of one is a negative of none, and they have the same answers.

    :param rows: The questions.
    :param passages: Title and text of every passage.
    """

    def __init__(self, rows: Sequence[TrainingRow] = (), passages: Sequence[PassageText] = ()) -> None:
        self.passages = list(passages)
        self._rows = list(rows)
        self._are_joined = False
        self._numbers: dict[PassageText, int] = {}

    @property
    def rows(self) -> list[TrainingRow]:
        """The questions."""
        if not self._are_joined:
            self._rows, self._are_joined = _joined(self._rows), True
        return self._rows

    def add(
        self,
        question: str,
        positives: Sequence[Passage],
        hard_negatives: Sequence[Passage] = (),
        negatives: Sequence[Passage] = (),
        answers: Sequence[str] = (),
    ) -> None:
        """Add a question with its passages.

        A passage that is listed both as a positive and as a negative counts as a positive.

        :param question: The question.
        :param positives: Passages that answer it, best first; at least one.
        :param hard_negatives: Passages that are similar and do not answer it, hardest first.
        :param negatives: Other passages that do not answer it.
        :param answers: The gold answers, if known.
        """
        positive_numbers = self._numbered(positives)
        hard = tuple(number for number in self._numbered(hard_negatives) if number not in positive_numbers)
        other = tuple(number for number in self._numbered(negatives) if number not in positive_numbers)
        self._rows.append(TrainingRow(question, positive_numbers, hard, other, tuple(answers)))
        self._are_joined = False

    def fingerprint(self) -> str:
        """A hash of questions and passages: 32 hexadecimal digits."""
        digest = hashlib.sha256()
        for row in self.rows:
            digest.update(repr((row.question, row.positives, row.hard_negatives, row.negatives)).encode())
            if row.gold != row.positives:
                digest.update(repr(row.gold).encode())
        for passage in self.passages:
            digest.update(repr(passage).encode())
        return digest.hexdigest()[:32]

    def _numbered(self, passages: Iterable[Passage]) -> tuple[int, ...]:
        return tuple(dict.fromkeys(self._number((as_title(passage.title), passage.text)) for passage in passages))

    def _number(self, passage: PassageText) -> int:
        if len(self._numbers) < len(self.passages):
            self._numbers = {known: number for number, known in enumerate(self.passages)}
        number = self._numbers.setdefault(passage, len(self.passages))
        if number == len(self.passages):
            self.passages.append(passage)
        return number


def _joined(rows: Sequence[TrainingRow]) -> list[TrainingRow]:
    """The rows; those of the same question know each other's positives and answers."""
    groups: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        groups.setdefault(question_key(row.question), []).append(number)
    joined = list(rows)
    for numbers in groups.values():
        if len(numbers) > 1:
            gold = tuple(dict.fromkeys(passage for number in numbers for passage in rows[number].gold))
            answers = tuple(dict.fromkeys(answer for number in numbers for answer in rows[number].answers))
            known = frozenset(gold)
            for number in numbers:
                joined[number] = replace(
                    rows[number],
                    gold=gold,
                    answers=answers,
                    hard_negatives=tuple(n for n in rows[number].hard_negatives if n not in known),
                    negatives=tuple(n for n in rows[number].negatives if n not in known),
                )
    return joined


@dataclass(frozen=True)
class DrawRules:
    """How the passages of a question are drawn in each epoch.

    :param hard_negatives: How many hard negatives; all of them if the question has fewer.
    :param other_negatives: How many of the other negatives.
    :param positive: ``"first"``: the best positive in every epoch, as in the paper; ``"random"``: a random one.
    :param negative: ``"first"``: the hardest ones in every epoch; ``"random"``: random ones, drawn for each epoch.
    :param fallback: Whether other negatives replace missing hard negatives.
    :param seed: The random seed.
    :raises InputError: If a value is not allowed.
    """

    hard_negatives: int = 1
    other_negatives: int = 0
    positive: Pick = "first"
    negative: Pick = "first"
    fallback: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("hard_negatives", "other_negatives"):
            if getattr(self, name) < 0:
                msg = f"{name} must be 0 or more: got {getattr(self, name)}"
                raise InputError(msg)
        for name in ("positive", "negative"):
            if getattr(self, name) not in get_args(Pick):
                msg = f"{name} must be one of {', '.join(get_args(Pick))}: got {getattr(self, name)!r}"
                raise InputError(msg)


def draw_passages(rules: DrawRules, row: TrainingRow, number: int, epoch: int) -> tuple[int, tuple[int, ...]]:
    """Draw the positive and the negatives of a question for an epoch; independent of earlier draws.

    :param rules: How many passages, and which.
    :param row: The question.
    :param number: Its number in the training set.
    :param epoch: The epoch, from 0.
    :returns: The number of the positive, and the numbers of the negatives, hard ones first.
    """
    generator = random.Random(f"{rules.seed}/{epoch}/{number}")  # noqa: S311 -- not for cryptography
    positive = row.positives[0] if rules.positive == "first" else generator.choice(row.positives)
    hard = _draw(row.hard_negatives, rules.hard_negatives, rules.negative, generator)
    missing = rules.hard_negatives - len(hard) if rules.fallback else 0
    others = _draw(row.negatives, rules.other_negatives + missing, "random", generator)
    return positive, (*hard, *(passage for passage in others if passage not in hard))


def has_negatives(rules: DrawRules, row: TrainingRow) -> bool:
    """Whether :func:`draw_passages` returns negatives for a question; the same for all epochs.

    :param rules: How many passages, and which.
    :param row: The question.
    """
    hard = min(rules.hard_negatives, len(row.hard_negatives))
    others = rules.other_negatives + (rules.hard_negatives - hard if rules.fallback else 0)
    return hard > 0 or (others > 0 and bool(row.negatives))


def _draw(passages: Sequence[int], count: int, pick: Pick, generator: random.Random) -> tuple[int, ...]:
    count = min(count, len(passages))
    return tuple(passages[:count]) if pick == "first" else tuple(generator.sample(passages, count))
