# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A question of a test or training set."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """A question with its gold answers and gold passages.

    :param question: The text of the question.
    :param answers: The gold answers, or patterns (CuratedTREC); may be empty.
    :param passage_ids: The ids of its gold passages, if known.
    :param id: The id of the question, or its number in its file, from 1.
    """

    question: str
    answers: tuple[str, ...] = ()
    passage_ids: tuple[str, ...] = ()
    id: str = ""
