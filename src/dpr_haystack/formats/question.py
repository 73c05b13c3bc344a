# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A question of a test or training set."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """A question with what is known of its answer.

    :param question: Its text.
    :param answers: The gold answers, or patterns (CuratedTREC); there may be none.
    :param passage_ids: The ids of its gold passages, if they are known.
    :param id: Its own id, or its number in its file, from 1.
    """

    question: str
    answers: tuple[str, ...] = ()
    passage_ids: tuple[str, ...] = ()
    id: str = ""
