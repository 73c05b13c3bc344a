# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Generate pseudo-questions from passages (weak supervision).

They are no substitute for real questions.
"""

from __future__ import annotations

import random
from typing import Literal, NamedTuple

from dpr_haystack.core.sentences import sentences

PseudoKind = Literal["inverse-cloze", "title", "crop"]

KEPT = 0.1
"""The probability that the sentence stays in its passage, so that the model learns word overlap (arXiv 1906.00300)."""

_MIN_WORDS = 4
_MIN_CROP, _MAX_CROP = 0.1, 0.5


class PseudoQuestion(NamedTuple):
    """A question generated from a passage.

    :param question: The question.
    :param text: The text of its positive passage.
    :param kept: Whether the text still contains the question.
    """

    question: str
    text: str
    kept: bool


def pseudo_question(
    kind: PseudoKind, title: str, heading: str, text: str, chance: random.Random
) -> PseudoQuestion | None:
    """Generate a question from a passage.

    :param kind: ``"inverse-cloze"``: a sentence of the passage, which is left in the passage one time in ten
        (arXiv 1906.00300); ``"title"``: title and heading; ``"crop"``: two random crops of the passage, one as the
        question and one as the passage (arXiv 2112.09118).
    :param title: The title of the passage, or ``""``.
    :param heading: The heading above the passage, or ``""``.
    :param text: The text of the passage.
    :param chance: The random generator.
    :returns: The question; None if the passage is too short, or has neither title nor heading.
    """
    if kind == "title":
        question = " ".join(part for part in (title.strip(), heading.strip()) if part)
        return PseudoQuestion(question, text, kept=True) if question else None
    return _inverse_cloze(text, chance) if kind == "inverse-cloze" else _crops(text, chance)


def _inverse_cloze(text: str, chance: random.Random) -> PseudoQuestion | None:
    spans = list(sentences(text))
    candidates = [span for span in spans if len(text[slice(*span)].split()) >= _MIN_WORDS]
    if len(spans) < 2 or not candidates:
        return None
    start, end = chance.choice(candidates)
    if chance.random() < KEPT:
        return PseudoQuestion(text[start:end], text, kept=True)
    rest = " ".join(part for part in (text[:start].strip(), text[end:].strip()) if part)
    return PseudoQuestion(text[start:end], rest, kept=False)


def _crops(text: str, chance: random.Random) -> PseudoQuestion | None:
    words = text.split()
    if len(words) < 2 * _MIN_WORDS:
        return None
    return PseudoQuestion(_crop(words, chance), _crop(words, chance), kept=True)


def _crop(words: list[str], chance: random.Random) -> str:
    length = max(_MIN_WORDS, round(len(words) * chance.uniform(_MIN_CROP, _MAX_CROP)))
    start = chance.randint(0, len(words) - length)
    return " ".join(words[start : start + length])
