# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The part of a passage that fits a question, with the words that both have. For people to read, not for ranking."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dpr_haystack.core.segmentation import word_spans

_COMMON = frozenset((
    "a", "an", "and", "are", "as", "at", "be", "by", "did", "do", "does", "for", "from", "had", "has", "have", "how",
    "in", "is", "it", "its", "of", "on", "or", "that", "the", "this", "to", "was", "were", "what", "when", "where",
    "which", "who", "whom", "whose", "why", "will", "with",
))  # fmt: skip
# Forms of one word differ in up to three last characters, e.g. "write" and "writes", "Germany" and "German".
_STEM, _ENDING = 4, 3
_ELLIPSIS = "…"

Range = tuple[int, int]


@dataclass(frozen=True)
class Snippet:
    """A part of a passage.

    :param text: The text, with an ellipsis where something was left out.
    :param matches: Start and end of the matching words in it, in characters.
    """

    text: str
    matches: list[Range]


def snippet(content: str, question: str, width: int = 240) -> Snippet:
    """The part of a passage with the most words of a question; the beginning if it has none.

    :param content: The passage.
    :param question: The question.
    :param width: The longest part in characters, without ellipses.
    """
    text = " ".join(content.split())
    matches = matching_words(text, question)
    start, end = _best_part(text, matches, width)
    before, after = (_ELLIPSIS if start else ""), (_ELLIPSIS if end < len(text) else "")
    shift = len(before) - start
    inside = [(first + shift, last + shift) for first, last in matches if start <= first and last <= end]
    return Snippet(before + text[start:end] + after, inside)


def matching_words(text: str, question: str) -> list[Range]:
    """Where a text has words of a question, in any case, with or without accents, and with other endings.

    Common English words are left out, unless the question has no others.

    :param text: The text.
    :param question: The question.
    :returns: Start and end of each word in characters.
    """
    words = {_plain(question[slice(*span)]) for span in word_spans(question)}
    wanted = words - _COMMON or words
    matches: list[Range] = []
    for start, end in word_spans(text):
        if not _is_among(_plain(text[start:end]), wanted):
            continue
        if matches and start < matches[-1][1]:  # pairs of characters overlap
            matches[-1] = (matches[-1][0], end)
        else:
            matches.append((start, end))
    return matches


def _plain(word: str) -> str:
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _is_among(word: str, wanted: set[str]) -> bool:
    return word in wanted or any(_is_form_of(word, other) for other in wanted)


def _is_form_of(word: str, other: str) -> bool:
    short, long = sorted((word, other), key=len)
    return len(short) >= _STEM and len(long) - len(short) <= _ENDING and long.startswith(short)


def _best_part(text: str, matches: Sequence[Range], width: int) -> Range:
    """The part of at most `width` characters with the most different matching words, cut between words."""
    if len(text) <= width:
        return 0, len(text)
    best, best_weight = (0, 0), 0
    words = [_plain(text[slice(*span)]) for span in matches]
    inside: Counter[str] = Counter()
    weight = stop = 0
    for number, (first, _) in enumerate(matches):
        while stop < len(matches) and matches[stop][1] <= first + width:
            weight += 0 if inside[words[stop]] else len(words[stop])
            inside[words[stop]] += 1
            stop += 1
        if weight > best_weight:
            best, best_weight = (first, matches[stop - 1][1]), weight
        if stop == number:  # it is longer than the part
            stop += 1
            continue
        inside[words[number]] -= 1
        weight -= 0 if inside[words[number]] else len(words[number])
    middle = (best[0] + best[1]) // 2
    start = max(0, min(middle - width // 2, len(text) - width))
    return _between_words(text, start, start + width)


def _between_words(text: str, start: int, end: int) -> Range:
    """The range without words that it cuts; unchanged if it is a part of one word."""
    first = start if start == 0 or text[start - 1].isspace() else text.find(" ", start, end) + 1 or start
    last = end if end == len(text) or text[end].isspace() else text.rfind(" ", first, end)
    return first, end if last <= first else last
