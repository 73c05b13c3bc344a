# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Passages, the units of retrieval: their ids, their titles, and splitting texts into them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dpr_haystack.core.segmentation import counted_words
from dpr_haystack.errors import InputError


@dataclass(frozen=True)
class Passage:
    """A passage.

    :param id: The id given by its source, else :func:`passage_id` of title and text.
    :param title: The title, or ``""``.
    :param text: The text.
    :param meta: Its origin (``file`` and, where applicable, ``page``, ``paragraph`` and ``offset`` in characters) and
        any further metadata of its source.
    """

    id: str
    title: str
    text: str
    meta: dict[str, Any] = field(default_factory=dict)


def passage_id(title: str, text: str) -> str:
    """The id of a passage without an id of its own: a hash of title and text.

    :param title: The title as returned by :func:`clean_title`.
    :param text: The text.
    :returns: 32 hexadecimal digits: the first half of the SHA-256 of the title's length, a colon, title and text.
    """
    # The length distinguishes ("a b", "c") from ("a", "b c").
    return hashlib.sha256(f"{len(title)}:{title}{text}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def clean_title(title: str) -> str:
    """Replace underscores in a title by spaces and remove extra whitespace.

    :param title: A title, e.g. of a Wikipedia article.
    """
    return " ".join(title.replace("_", " ").split())


def make_passage(title: str, text: str, meta: Mapping[str, Any], id_: str | None = None) -> Passage:
    """Make a passage with a clean title; its id defaults to :func:`passage_id`.

    :param title: The title, or ``""``.
    :param text: The text.
    :param meta: The metadata; copied.
    :param id_: The id given by its source, if any.
    """
    title = clean_title(title)
    return Passage(id_ or passage_id(title, text), title, text, dict(meta))


def split_words(text: str, words: int = 100, overlap: int = 0) -> list[tuple[int, int]]:
    """Split a text into blocks of words, as the DPR paper does (section 4.1: disjoint blocks of 100 words).

    Words are counted as :func:`~dpr_haystack.core.segmentation.counted_words` does. The last block may be shorter.

    :param text: The text.
    :param words: Words in a block.
    :param overlap: How many words a block shares with the previous one.
    :returns: Start and end of each block in characters: ``text[start:end]`` starts and ends with a word.
    :raises InputError: If ``words`` is below 1 or ``overlap`` is not from 0 to ``words - 1``.
    """
    if words < 1:
        msg = f"words must be 1 or more: got {words}"
        raise InputError(msg)
    if not 0 <= overlap < words:
        msg = f"overlap must be from 0 to words - 1 = {words - 1}: got {overlap}"
        raise InputError(msg)
    spans = counted_words(text)
    # No block starts within the last overlap words: the previous block contains them.
    starts = range(0, max(len(spans) - overlap, min(len(spans), 1)), words - overlap)
    return [(spans[first][0], spans[min(first + words, len(spans)) - 1][1]) for first in starts]


def split_passages(
    title: str, text: str, meta: Mapping[str, Any], *, words: int = 100, overlap: int = 0, offset: int = 0
) -> Iterator[Passage]:
    """Split a text into passages, each with the same title; none if the text is empty.

    :param title: The title of the text.
    :param text: The text.
    :param meta: The metadata of the text; each passage gets a copy with its own ``offset``.
    :param words: Words in a passage.
    :param overlap: How many words a passage shares with the previous one.
    :param offset: The position of the text in its source, in characters.
    :raises InputError: As for :func:`split_words`.
    """
    for start, end in split_words(text, words, overlap):
        yield make_passage(title, text[start:end], {**meta, "offset": offset + start})
