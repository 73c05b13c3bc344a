# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What is in the training set of a reader, in numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dpr_haystack.core.reader_training_set import ReaderTrainingSet


@dataclass(frozen=True)
class ReaderSetFacts:
    """What is in a training set.

    :param questions: Questions.
    :param passages: Distinct passages.
    :param answered: Questions with a positive passage.
    :param annotated: Those of them with a marked answer.
    :param unanswered: Questions without a positive passage.
    :param positives: Positive passages per question, on average.
    :param negatives: Negative passages per question, on average.
    """

    questions: int
    passages: int
    answered: int
    annotated: int
    unanswered: int
    positives: float
    negatives: float

    def __str__(self) -> str:
        """One line, for people."""
        return (
            f"{self.questions} questions with {self.passages} passages: {self.answered} with an answer "
            f"({self.annotated} of them marked), {self.unanswered} without; per question {self.positives:.1f} passages "
            f"with an answer and {self.negatives:.1f} without"
        )


def reader_set_facts(training_set: ReaderTrainingSet) -> ReaderSetFacts:
    """Count what is in a training set.

    :param training_set: The training set.
    """
    rows = training_set.rows
    answered = [row for row in rows if row.positives]
    return ReaderSetFacts(
        questions=len(rows),
        passages=len(training_set.passages),
        answered=len(answered),
        annotated=sum(any(each.annotated for each in row.positives) for row in answered),
        unanswered=len(rows) - len(answered),
        positives=_mean(len(row.positives) for row in rows),
        negatives=_mean(len(row.negatives) for row in rows),
    )


def _mean(counts: Iterable[int]) -> float:
    listed = list(counts)
    return sum(listed) / len(listed) if listed else 0.0
