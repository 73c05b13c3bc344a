# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Rows of a file that ask the same question: what is right for one of them is right for all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from dpr_haystack.core.passages import Passage
from dpr_haystack.core.text import question_key


@dataclass
class Known:
    """The positives and answers of one question.

    :param ids: The ids of its positives.
    :param answers: Its answers, each once.
    """

    ids: set[str] = field(default_factory=set)
    answers: dict[str, None] = field(default_factory=dict)
    _texts: set[bytes] = field(default_factory=set, repr=False)

    def add(self, positives: Iterable[Passage], answers: Iterable[str]) -> None:
        """Add the positives and answers of a row.

        :param positives: Its positives.
        :param answers: Its answers.
        """
        for passage in positives:
            self.ids.add(passage.id)
            self._texts |= _texts_of(passage)
        self.answers.update(dict.fromkeys(answers))

    def includes(self, passage: Passage) -> bool:
        """Whether a passage is one of the positives: by its id, or by its text with or without the title.

        :param passage: The passage.
        """
        return passage.id in self.ids or not self._texts.isdisjoint(_texts_of(passage))


class KnownPositives:
    """The positives and answers of each question over all rows of a file.

    Rows ask the same question if :func:`~dpr_haystack.core.text.question_key` of their questions is the same.
    """

    def __init__(self) -> None:
        self._questions: dict[str, Known] = {}

    def add(self, question: str, positives: Iterable[Passage], answers: Iterable[str] = ()) -> None:
        """Add a row.

        :param question: The question.
        :param positives: Passages that answer it.
        :param answers: Its answers.
        """
        self._questions.setdefault(question_key(question), Known()).add(positives, answers)

    def of(self, question: str) -> Known:
        """What is known about a question; empty if it is in no row.

        :param question: The question.
        """
        return self._questions.get(question_key(question)) or Known()


def _texts_of(passage: Passage) -> set[bytes]:
    """Digests of the text, alone and with the title before it, as columns have it."""
    return {_digest(passage.text), _digest(f"{passage.title} {passage.text}")}


def _digest(text: str) -> bytes:
    normalised = " ".join(text.split())
    return hashlib.blake2b(normalised.encode("utf-8", "surrogatepass"), digest_size=12).digest()
