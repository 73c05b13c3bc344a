# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A question of a test or training set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dpr_haystack.core.passages import Passage
from dpr_haystack.core.reader_training_set import CharacterRange
from dpr_haystack.core.text import is_blank


@dataclass(frozen=True)
class Question:
    """A question with its gold answers and gold passages.

    :param question: The text of the question.
    :param answers: The gold answers, or patterns (CuratedTREC); may be empty. An answer without any visible character
        is left out.
    :param passage_ids: The ids of its gold passages, if known.
    :param id: The id of the question, or its number in its file, from 1.
    :param grades: The grades of judged passages by passage id, if known (qrels); a grade above 0 means relevant.
    :param is_numbered: Whether the id is only its number in its file.
    :param contexts: Its gold passages, if they are in the file of questions.
    :param marked: Where people marked its answers in them: start and end of each place in characters, by passage id.
    """

    question: str
    answers: tuple[str, ...] = ()
    passage_ids: tuple[str, ...] = ()
    id: str = ""
    grades: Mapping[str, float] = field(default_factory=dict, hash=False)
    is_numbered: bool = field(default=False, compare=False)
    contexts: tuple[Passage, ...] = field(default=(), compare=False, repr=False)
    marked: Mapping[str, tuple[CharacterRange, ...]] = field(
        default_factory=dict, compare=False, hash=False, repr=False
    )

    def __post_init__(self) -> None:
        if any(map(is_blank, self.answers)):
            object.__setattr__(self, "answers", tuple(answer for answer in self.answers if not is_blank(answer)))
