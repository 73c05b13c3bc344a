# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Passages: what is retrieved. Their ids, their titles, and how a longer text becomes several."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dpr_haystack.errors import InputError

_WORD = re.compile(r"\S+")


@dataclass(frozen=True)
class Passage:
    """A passage.

    :param id: Its source's own id, else :func:`passage_id` of title and text.
    :param title: Its title, with spaces, or ``""``.
    :param text: Its text.
    :param meta: Where it is from: ``file``, and where they apply ``page``, ``paragraph`` and ``offset``
        (in characters); and what else its source says of it.
    """

    id: str
    title: str
    text: str
    meta: dict[str, Any] = field(default_factory=dict)


def passage_id(title: str, text: str) -> str:
    """The id of a passage that has none of its own: the same title and text have the same id wherever they are from.

    :param title: The title as :func:`clean_title` gives it.
    :param text: The text.
    :returns: 32 hexadecimal digits: the first half of the SHA-256 of the title's length, a colon, title and text.
    """
    # The length keeps apart ("a b", "c") and ("a", "b c").
    return hashlib.sha256(f"{len(title)}:{title}{text}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def clean_title(title: str) -> str:
    """A title with spaces in place of underscores, and no needless space.

    :param title: A title, e.g. of a Wikipedia article.
    """
    return " ".join(title.replace("_", " ").split())


def make_passage(title: str, text: str, meta: Mapping[str, Any], id_: str | None = None) -> Passage:
    """A passage with a clean title, and with the hash of title and text for an id if it has no other.

    :param title: The title, or ``""``.
    :param text: The text.
    :param meta: Where it is from; copied.
    :param id_: Its source's own id.
    """
    title = clean_title(title)
    return Passage(id_ or passage_id(title, text), title, text, dict(meta))


def split_words(text: str, words: int = 100, overlap: int = 0) -> list[tuple[int, int]]:
    """Cut a text into blocks of words, as the DPR paper does (section 4.1: disjoint blocks of 100 words).

    Words are what space separates. The last block has what is left over, be it one word.

    :param text: The text.
    :param words: Words in a block.
    :param overlap: How many words a block shares with the one before.
    :returns: Start and end of each block in characters: ``text[start:end]`` begins and ends with a word.
    :raises InputError: If ``words`` is not positive or ``overlap`` not from 0 to ``words - 1``.
    """
    if words < 1:
        msg = f"words must be 1 or more, got {words}"
        raise InputError(msg)
    if not 0 <= overlap < words:
        msg = f"overlap must be from 0 to words - 1 = {words - 1}, got {overlap}"
        raise InputError(msg)
    spans = [match.span() for match in _WORD.finditer(text)]
    # Nothing starts within the last overlap words: a block before has them already.
    starts = range(0, max(len(spans) - overlap, min(len(spans), 1)), words - overlap)
    return [(spans[first][0], spans[min(first + words, len(spans)) - 1][1]) for first in starts]


def passages_of(
    title: str, text: str, meta: Mapping[str, Any], *, words: int = 100, overlap: int = 0, offset: int = 0
) -> Iterator[Passage]:
    """The passages of a text, each with the title; none if the text is empty.

    :param title: The title of the text.
    :param text: The text.
    :param meta: Where it is from; each passage gets a copy with its own ``offset``.
    :param words: Words in a passage.
    :param overlap: How many words a passage shares with the one before.
    :param offset: Where the text itself begins in its source, in characters.
    :raises InputError: If ``words`` or ``overlap`` cannot be.
    """
    for start, end in split_words(text, words, overlap):
        yield make_passage(title, text[start:end], {**meta, "offset": offset + start})
