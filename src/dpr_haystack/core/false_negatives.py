# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Which passages of a batch are no negatives of a question: what answers it too must not be pushed away."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dpr_haystack.core.answers import AnswerMatcher
from dpr_haystack.core.training_set import TrainingSet

Mask = np.ndarray[tuple[int, int], np.dtype[np.bool_]]


class FalseNegatives:
    """Knows, for questions and passages of a training set, which passages are wrongly taken for negatives.

    A passage is none if it is one of the question's own positives. If asked for, it is none either if it holds one of
    the question's answers, as :class:`~dpr_haystack.core.answers.AnswerMatcher` finds them; a passage that the training
    file lists as a negative of this very question stays one.

    :param training_set: The questions and passages.
    :param same_answer: Whether passages with an answer of the question are left out.
    :param match: ``"string"`` or ``"regex"``.
    """

    def __init__(self, training_set: TrainingSet, *, same_answer: bool = True, match: str = "string") -> None:
        self._set = training_set
        self._matcher = AnswerMatcher(match) if same_answer else None

    def mask(self, questions: Sequence[int], passages: Sequence[int]) -> Mask:
        """Which passages are no negatives of which questions.

        :param questions: Numbers of questions.
        :param passages: Numbers of passages; below 0 for a place without a passage, which is nobody's negative.
        :returns: True where the passage must not count as a negative, (questions, passages).
        """
        numbers = np.asarray(passages, dtype=np.int64)
        texts = [self._set.passages[number][1] if number >= 0 else "" for number in passages]
        out = np.tile(numbers < 0, (len(questions), 1))
        for place, question in enumerate(questions):
            row = self._set.rows[question]
            if self._matcher is not None and row.answers:
                own = [*row.hard_negatives, *row.negatives]
                out[place] |= np.array(self._matcher.find(row.answers, texts), dtype=bool) & ~np.isin(numbers, own)
            out[place] |= np.isin(numbers, row.positives)
        return out
