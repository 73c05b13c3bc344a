# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Questions out of passages, where nobody has asked any: weak supervision.

None is as good as a real question, and all are marked by their kind.
"""

from __future__ import annotations

import random
from typing import Literal, NamedTuple

from dpr_haystack.core.sentences import sentences

PseudoKind = Literal["inverse-cloze", "title", "crop"]

#: How often the sentence stays in its passage, so that words in common count for something (arXiv 1906.00300).
KEPT = 0.1
_FEWEST_WORDS = 4
_SHORTEST_CROP, _LONGEST_CROP = 0.1, 0.5


class PseudoQuestion(NamedTuple):
    """A question that was made of a passage.

    :param question: The question.
    :param text: What of the passage's text answers it.
    :param kept: Whether the question's words are still there.
    """

    question: str
    text: str
    kept: bool


def pseudo_question(
    kind: PseudoKind, title: str, heading: str, text: str, chance: random.Random
) -> PseudoQuestion | None:
    """Make a question of a passage.

    :param kind: ``"inverse-cloze"``: a sentence taken out of the passage, which stays in it one time in ten
        (arXiv 1906.00300); ``"title"``: title and heading; ``"crop"``: one piece of the passage for the question and
        another one for the passage (arXiv 2112.09118).
    :param title: The passage's title, or ``""``.
    :param heading: The heading that it stands below, or ``""``.
    :param text: Its text.
    :param chance: What is drawn with.
    :returns: The question; None if the passage is too short for one, or has no title.
    """
    if kind == "title":
        question = " ".join(part for part in (title.strip(), heading.strip()) if part)
        return PseudoQuestion(question, text, kept=True) if question else None
    return _inverse_cloze(text, chance) if kind == "inverse-cloze" else _crops(text, chance)


def _inverse_cloze(text: str, chance: random.Random) -> PseudoQuestion | None:
    spans = list(sentences(text))
    long_enough = [span for span in spans if len(text[slice(*span)].split()) >= _FEWEST_WORDS]
    if len(spans) < 2 or not long_enough:
        return None
    start, end = chance.choice(long_enough)
    if chance.random() < KEPT:
        return PseudoQuestion(text[start:end], text, kept=True)
    rest = " ".join(part for part in (text[:start].strip(), text[end:].strip()) if part)
    return PseudoQuestion(text[start:end], rest, kept=False)


def _crops(text: str, chance: random.Random) -> PseudoQuestion | None:
    words = text.split()
    if len(words) < 2 * _FEWEST_WORDS:
        return None
    return PseudoQuestion(_crop(words, chance), _crop(words, chance), kept=True)


def _crop(words: list[str], chance: random.Random) -> str:
    length = max(_FEWEST_WORDS, round(len(words) * chance.uniform(_SHORTEST_CROP, _LONGEST_CROP)))
    start = chance.randint(0, len(words) - length)
    return " ".join(words[start : start + length])
