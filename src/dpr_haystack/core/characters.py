# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Which characters of a text its tokens stand for, so that an answer is never cut inside what a reader sees as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import regex

Ints = np.ndarray[Any, np.dtype[np.int64]]

_CLUSTER = regex.compile(r"\X")
# Where none of these is, every character is a cluster of its own.
_JOINING = regex.compile(r"[\p{M}\p{Cf}\p{Emoji_Modifier}\p{Regional_Indicator}\u1100-\u11ff\r]")


def character_ranges(
    text: str, offsets: Sequence[tuple[int, int]], words: Sequence[int | None] | None = None
) -> tuple[Ints, Ints]:
    """Where each token begins and ends in its text.

    Tokenizers drop combining marks, cut an emoji into bytes and count the space before a word as part of it. Here a
    token begins and ends with a character that is no space, and never inside a letter with its marks or an emoji.

    :param text: The text.
    :param offsets: Where the tokenizer says that each token begins and ends, in characters.
    :param words: The word that each token is a piece of; tokens are widened to their words. ``None`` to leave them.
    :returns: Begins and ends of all tokens. A token of nothing but space ends before or where it begins.
    """
    places = np.asarray(offsets, dtype=np.int64).reshape(-1, 2)
    starts, ends = places[:, 0].copy(), places[:, 1].copy()
    if words is not None and len(starts):
        starts, ends = _whole_words(starts, ends, words)
    starts, ends = _without_space(text, starts, ends)
    if text.isascii() or not _JOINING.search(text):
        return starts, ends
    return _whole_clusters(text, starts, ends)


def _whole_words(starts: Ints, ends: Ints, words: Sequence[int | None]) -> tuple[Ints, Ints]:
    # a token of no word is one for itself
    ids = np.array([-1 - place if word is None else word for place, word in enumerate(words)], dtype=np.int64)
    firsts = np.flatnonzero(np.diff(ids, prepend=ids[0] - 1))
    lengths = np.diff(firsts, append=len(ids))
    return np.repeat(np.minimum.reduceat(starts, firsts), lengths), np.repeat(
        np.maximum.reduceat(ends, firsts), lengths
    )


def _without_space(text: str, starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    ink = np.flatnonzero(np.fromiter((not character.isspace() for character in text), dtype=bool, count=len(text)))
    if not len(ink):
        return starts, starts.copy()
    after = np.searchsorted(ink, starts)  # the first visible character from there on
    before = np.searchsorted(ink, ends) - 1  # the last one before
    return np.append(ink, len(text))[after], np.where(before < 0, 0, ink[before] + 1)


def _whole_clusters(text: str, starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    borders = np.array([0, *(match.end() for match in _CLUSTER.finditer(text))], dtype=np.int64)
    empty = ends <= starts
    wide_starts = borders[np.searchsorted(borders, starts, side="right") - 1]
    wide_ends = borders[np.searchsorted(borders, ends)]
    return np.where(empty, starts, wide_starts), np.where(empty, ends, wide_ends)
