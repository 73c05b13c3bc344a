# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A simple sentence splitter, good enough to show an answer in its sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator

_END = re.compile(r"(?P<mark>[.!?…]+[\"'”’)\]]*)\s+|[。！？]+[」』”’)]*|\n\s*\n")  # noqa: RUF001
_WORD_BEFORE = re.compile(r"[\w.]*\w$")
_ABBREVIATIONS = frozenset((
    "mr", "mrs", "ms", "dr", "prof", "st", "jr", "sr", "gen", "col", "lt", "sgt", "capt", "rev", "hon", "gov", "sen",
    "no", "vs", "etc", "e.g", "i.e", "cf", "ca", "approx", "inc", "ltd", "co", "fig", "vol", "ed", "al", "u.s",
))  # fmt: skip


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """The sentences of a text.

    A full stop ends a sentence if whitespace follows it, unless it belongs to an initial or a common English
    abbreviation.

    :param text: The text.
    :returns: Start and end of each sentence in characters, without surrounding whitespace; together the sentences
        hold all words.
    """
    start = 0
    for match in _END.finditer(text):
        if match["mark"] == "." and _is_abbreviation(text[start : match.start()]):
            continue
        yield from _stripped(text, start, match.end())
        start = match.end()
    yield from _stripped(text, start, len(text))


def sentence_around(text: str, start: int, end: int) -> tuple[int, int]:
    """The sentence, or the sentences, that a range of characters overlaps.

    :param text: The text.
    :param start: The start of the range.
    :param end: The end of the range.
    :returns: Start and end in characters; always includes the range itself.
    """
    overlapping = [(first, last) for first, last in sentences(text) if first < end and last > start]
    if not overlapping:
        return start, end
    return min(start, overlapping[0][0]), max(end, overlapping[-1][1])


def _is_abbreviation(before: str) -> bool:
    word = _WORD_BEFORE.search(before)
    if word is None:
        return False
    last = word[0]
    return (len(last) == 1 and last.isupper()) or last.lower() in _ABBREVIATIONS


def _stripped(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    part = text[start:end]
    left = len(part) - len(part.lstrip())
    right = len(part.rstrip())
    if right > left:
        yield start + left, start + right
