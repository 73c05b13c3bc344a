# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What a retriever is trained with, by numbers: a passage that many questions name is there once."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from dpr_haystack.core.passages import Passage
from dpr_haystack.core.text import PassageText, as_title
from dpr_haystack.errors import InputError

Pick = Literal["first", "random"]


@dataclass(frozen=True)
class TrainingRow:
    """A question and the numbers of its passages.

    :param question: The question.
    :param positives: Passages that answer it, the best first; at least one.
    :param hard_negatives: Passages that look like it, the hardest first.
    :param negatives: Other passages that do not answer it.
    :param answers: Its answers, if they are known.
    """

    question: str
    positives: tuple[int, ...]
    hard_negatives: tuple[int, ...] = ()
    negatives: tuple[int, ...] = ()
    answers: tuple[str, ...] = ()


@dataclass
class TrainingSet:
    """Questions, and the passages that they name, each once.

    :param rows: The questions.
    :param passages: Title and text of every passage.
    """

    rows: list[TrainingRow] = field(default_factory=list)
    passages: list[PassageText] = field(default_factory=list)
    _numbers: dict[PassageText, int] = field(default_factory=dict, repr=False)

    def add(
        self,
        question: str,
        positives: Sequence[Passage],
        hard_negatives: Sequence[Passage] = (),
        negatives: Sequence[Passage] = (),
        answers: Sequence[str] = (),
    ) -> None:
        """Add a question with its passages.

        A passage that is listed as a positive and as a negative is a positive.
        """
        chosen = self._numbered(positives)
        known = set(chosen)
        hard = tuple(number for number in self._numbered(hard_negatives) if number not in known)
        other = tuple(number for number in self._numbered(negatives) if number not in known)
        self.rows.append(TrainingRow(question, chosen, hard, other, tuple(answers)))

    def fingerprint(self) -> str:
        """What tells this set from another: 32 hexadecimal digits."""
        digest = hashlib.sha256()
        for row in self.rows:
            digest.update(repr((row.question, row.positives, row.hard_negatives, row.negatives)).encode())
        for passage in self.passages:
            digest.update(repr(passage).encode())
        return digest.hexdigest()[:32]

    def _numbered(self, passages: Iterable[Passage]) -> tuple[int, ...]:
        return tuple(dict.fromkeys(self._number((as_title(each.title), each.text)) for each in passages))

    def _number(self, passage: PassageText) -> int:
        number = self._numbers.setdefault(passage, len(self.passages))
        if number == len(self.passages):
            self.passages.append(passage)
        return number


@dataclass(frozen=True)
class DrawRules:
    """Which of its passages a question is trained with in an epoch.

    :param hard_negatives: How many hard negatives; a question that has fewer is trained with those.
    :param other_negatives: How many of the other negatives.
    :param positive: ``"first"``: the best positive in every epoch, as in the paper; ``"random"``: any of them.
    :param negative: ``"first"``: the hardest in every epoch; ``"random"``: any of them, others in every epoch.
    :param fallback: Whether other negatives stand in for hard ones that are missing.
    :param seed: Of what is drawn at random.
    :raises InputError: If one of them cannot be.
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
                msg = f"{name} must be 0 or more, got {getattr(self, name)}"
                raise InputError(msg)
        for name in ("positive", "negative"):
            if getattr(self, name) not in get_args(Pick):
                msg = f"{name} must be one of {', '.join(get_args(Pick))}, got {getattr(self, name)!r}"
                raise InputError(msg)


def draw(rules: DrawRules, row: TrainingRow, number: int, epoch: int) -> tuple[int, tuple[int, ...]]:
    """The positive and the negatives of a question in an epoch; the same whatever was drawn before.

    :param rules: How many, and which.
    :param row: The question.
    :param number: Its number in the training set.
    :param epoch: The epoch, from 0.
    :returns: The number of the positive, and those of the negatives, hard ones first.
    """
    chance = random.Random(f"{rules.seed}/{epoch}/{number}")  # noqa: S311 -- no secret
    positive = row.positives[0] if rules.positive == "first" else chance.choice(row.positives)
    hard = _some(row.hard_negatives, rules.hard_negatives, rules.negative, chance)
    missing = rules.hard_negatives - len(hard) if rules.fallback else 0
    others = _some(row.negatives, rules.other_negatives + missing, "random", chance)
    return positive, (*hard, *(each for each in others if each not in hard))


def brings_negatives(rules: DrawRules, row: TrainingRow) -> bool:
    """Whether :func:`draw` gives a question negatives: in every epoch, or else in none.

    :param rules: How many, and which.
    :param row: The question.
    """
    hard = min(rules.hard_negatives, len(row.hard_negatives))
    others = rules.other_negatives + (rules.hard_negatives - hard if rules.fallback else 0)
    return hard > 0 or (others > 0 and bool(row.negatives))


def _some(passages: Sequence[int], count: int, pick: Pick, chance: random.Random) -> tuple[int, ...]:
    count = min(count, len(passages))
    return tuple(passages[:count]) if pick == "first" else tuple(chance.sample(passages, count))
