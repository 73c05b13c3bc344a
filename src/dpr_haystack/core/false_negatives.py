# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Mask false negatives: passages of a batch that answer the question and must not count as its negatives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dpr_haystack.core.answers import AnswerMatcher
from dpr_haystack.core.training_set import TrainingSet

Mask = np.ndarray[tuple[int, int], np.dtype[np.bool_]]


class FalseNegatives:
    """Finds false negatives among the questions and passages of a training set.

    A passage is a false negative if it is one of the question's positives, in any row of that question, or, optionally,
    if it contains one of the question's answers, as found by :class:`~dpr_haystack.core.answers.AnswerMatcher`. A
    passage that the training file lists only as a negative of that question remains a negative.

    :param training_set: The questions and passages.
    :param same_answer: Whether to mask passages that contain an answer of the question.
    :param match: ``"string"`` or ``"regex"``.
    """

    def __init__(self, training_set: TrainingSet, *, same_answer: bool = True, match: str = "string") -> None:
        self._set = training_set
        self._matcher = AnswerMatcher(match) if same_answer else None

    def mask(self, questions: Sequence[int], passages: Sequence[int]) -> Mask:
        """Which passages must not count as negatives of which questions.

        :param questions: Numbers of questions.
        :param passages: Numbers of passages; below 0 for padding, which is masked for every question.
        :returns: True where the passage must not count as a negative, shape (questions, passages).
        """
        numbers = np.asarray(passages, dtype=np.int64)
        texts = [self._set.passages[number][1] if number >= 0 else "" for number in passages]
        mask = np.tile(numbers < 0, (len(questions), 1))
        for index, question in enumerate(questions):
            row = self._set.rows[question]
            if self._matcher is not None and row.answers:
                listed = [*row.hard_negatives, *row.negatives]
                mask[index] |= np.array(self._matcher.find(row.answers, texts), dtype=bool) & ~np.isin(numbers, listed)
            mask[index] |= np.isin(numbers, row.gold)
        return mask
