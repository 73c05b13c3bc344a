# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Map tokens to character ranges, so that an answer never starts or ends inside a grapheme cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import regex

Ints = np.ndarray[Any, np.dtype[np.int64]]

_CLUSTER = regex.compile(r"\X")
# In a text without any of these, every character is a cluster of its own.
_JOINING = regex.compile(r"[\p{M}\p{Cf}\p{Emoji_Modifier}\p{Regional_Indicator}\u1100-\u11ff\r]")


def character_ranges(
    text: str, offsets: Sequence[tuple[int, int]], words: Sequence[int | None] | None = None
) -> tuple[Ints, Ints]:
    """The start and end of each token in its text.

    Tokenizers drop combining marks, split emoji into bytes and include the space before a word. Here a token starts
    and ends with a non-whitespace character, and never inside a letter with combining marks or an emoji.

    :param text: The text.
    :param offsets: The tokenizer's start and end of each token, in characters.
    :param words: The index of the word that each token is part of; tokens are extended to whole words. ``None`` to
        keep them as they are.
    :returns: Starts and ends of all tokens. For a token of whitespace only, the end is not greater than the start.
    """
    pairs = np.asarray(offsets, dtype=np.int64).reshape(-1, 2)
    starts, ends = pairs[:, 0].copy(), pairs[:, 1].copy()
    if words is not None and len(starts):
        starts, ends = _whole_words(starts, ends, words)
    starts, ends = _without_space(text, starts, ends)
    if text.isascii() or not _JOINING.search(text):
        return starts, ends
    return _whole_clusters(text, starts, ends)


def _whole_words(starts: Ints, ends: Ints, words: Sequence[int | None]) -> tuple[Ints, Ints]:
    # A token without a word index is a word of its own.
    ids = np.array([-1 - index if word is None else word for index, word in enumerate(words)], dtype=np.int64)
    firsts = np.flatnonzero(np.diff(ids, prepend=ids[0] - 1))
    lengths = np.diff(firsts, append=len(ids))
    return np.repeat(np.minimum.reduceat(starts, firsts), lengths), np.repeat(
        np.maximum.reduceat(ends, firsts), lengths
    )


def _without_space(text: str, starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    visible = np.flatnonzero(np.fromiter((not character.isspace() for character in text), dtype=bool, count=len(text)))
    if not len(visible):
        return starts, starts.copy()
    first = np.searchsorted(visible, starts)  # the first visible character from the start on
    last = np.searchsorted(visible, ends) - 1  # the last one before the end
    return np.append(visible, len(text))[first], np.where(last < 0, 0, visible[last] + 1)


def _whole_clusters(text: str, starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    boundaries = np.array([0, *(match.end() for match in _CLUSTER.finditer(text))], dtype=np.int64)
    empty = ends <= starts
    wide_starts = boundaries[np.searchsorted(boundaries, starts, side="right") - 1]
    wide_ends = boundaries[np.searchsorted(boundaries, ends)]
    return np.where(empty, starts, wide_starts), np.where(empty, ends, wide_ends)
