# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The training set of a reader: questions that refer to their passages by number, and where the answers are."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field
from typing import Literal, get_args

from dpr_haystack.core.text import PassageText
from dpr_haystack.errors import InputError

Spans = Literal["all", "annotated"]
CharacterRange = tuple[int, int]
"""The first character of an answer in the text of its passage, and the character after its last one."""


@dataclass(frozen=True)
class AnswerPassage:
    """A passage that contains an answer.

    :param passage: Its number.
    :param spans: Every place in its text that matches an answer; at least one.
    :param annotated: The places that a person marked; empty if the passage was found by matching answers.
    """

    passage: int
    spans: tuple[CharacterRange, ...]
    annotated: tuple[CharacterRange, ...] = ()


@dataclass(frozen=True)
class ReaderRow:
    """A question and its passages.

    :param question: The question.
    :param answers: The gold answers; empty for a question that its passages do not answer (SQuAD 2.0). One that was
        kept although no passage contains an answer has answers and no positives.
    :param positives: Passages that contain an answer, best first: annotated ones, then in the retriever's order.
    :param negatives: The numbers of passages without an answer, in the retriever's order.
    :param passages: The numbers of all its passages in the retriever's order, for validation.
    :param id: The id of the question; "" if it has none.
    """

    question: str
    answers: tuple[str, ...]
    positives: tuple[AnswerPassage, ...]
    negatives: tuple[int, ...]
    passages: tuple[int, ...] = ()
    id: str = ""


@dataclass
class ReaderTrainingSet:
    """Questions and the distinct passages that they refer to.

    :param rows: The questions.
    :param passages: Title and text of every passage.
    """

    rows: list[ReaderRow] = field(default_factory=list)
    passages: list[PassageText] = field(default_factory=list)

    def fingerprint(self) -> str:
        """A hash of questions and passages: 32 hexadecimal digits."""
        digest = hashlib.sha256()
        for part in (self.rows, self.passages):
            for each in part:
                digest.update(repr(each).encode())
        return digest.hexdigest()[:32]


@dataclass(frozen=True)
class ReaderDrawRules:
    """How the passages of a question are drawn in each epoch (Karpukhin et al. 2020, section 6.1).

    :param passages: How many passages per question: one positive, and negatives; fewer if the question has fewer.
    :param spans: ``"all"``: every place that matches an answer is correct; ``"annotated"``: only those that a person
        marked, in passages that have any.
    :param seed: The random seed.
    :raises InputError: If a value is not allowed.
    """

    passages: int
    spans: Spans = "all"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.passages < 1:
            msg = f"passages must be 1 or more: got {self.passages}"
            raise InputError(msg)
        if self.spans not in get_args(Spans):
            msg = f"spans must be one of {', '.join(get_args(Spans))}: got {self.spans!r}"
            raise InputError(msg)


@dataclass(frozen=True)
class DrawnPassage:
    """A passage to read in a training step.

    :param passage: Its number.
    :param spans: Where the answers are; empty for a negative.
    """

    passage: int
    spans: tuple[CharacterRange, ...]


def draw_reader_passages(rules: ReaderDrawRules, row: ReaderRow, number: int, epoch: int) -> list[DrawnPassage]:
    """Draw the passages of a question for an epoch; independent of earlier draws.

    Annotated positives are preferred, as in the paper; among equals, and among negatives, the draw is random.

    :param rules: How many passages.
    :param row: The question.
    :param number: Its number in the training set.
    :param epoch: The epoch, from 0.
    :returns: The positive, if the question has any, then the negatives.
    """
    generator = random.Random(f"{rules.seed}/{epoch}/{number}")  # noqa: S311 -- not for cryptography
    drawn = []
    if row.positives:
        preferred = [each for each in row.positives if each.annotated] or row.positives
        positive = generator.choice(preferred)
        drawn.append(DrawnPassage(positive.passage, spans_of(positive, rules.spans)))
    count = min(rules.passages - len(drawn), len(row.negatives))
    return [*drawn, *(DrawnPassage(each, ()) for each in generator.sample(row.negatives, count))]


def spans_of(positive: AnswerPassage, spans: Spans) -> tuple[CharacterRange, ...]:
    """The places in a passage that count as its answers.

    :param positive: The passage.
    :param spans: See :class:`ReaderDrawRules`.
    """
    return positive.annotated if spans == "annotated" and positive.annotated else positive.spans
