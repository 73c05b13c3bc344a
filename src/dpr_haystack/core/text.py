# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What an encoder reads: questions and passages as text, and which texts share a batch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dpr_haystack.errors import InputError

PassageText = tuple[str | None, str]
"""The title, or ``None`` where there is none, and the text of a passage."""


_HALF_A_CHARACTER = re.compile("[\ud800-\udfff]")


def replace_surrogates(text: str) -> str:
    """A text that tokenizers take: halves of surrogate pairs, which are no characters, become U+FFFD.

    :param text: Any string.
    :returns: A string of the same length.
    """
    return _HALF_A_CHARACTER.sub("\ufffd", text)


def replace_passage_surrogates(passage: PassageText) -> PassageText:
    """Title and text of a passage in :func:`replace_surrogates`.

    :param passage: The title or ``None``, and the text.
    """
    title, text = passage
    return None if title is None else replace_surrogates(title), replace_surrogates(text)


def normalize_question(question: str) -> str:
    """A question with typographic apostrophes made plain.

    DPR's training questions have none, and its vocabulary splits the two kinds differently.

    :param question: The question.
    :returns: The same with ``'`` for ``\u2019``.
    """
    return question.replace("\u2019", "'")


def with_prompt(prompt: str, text: PassageText) -> PassageText:
    """A text with a prompt before it.

    :param prompt: What an encoder wants before every text; mostly nothing.
    :param text: Title or ``None``, and text.
    """
    title, body = text
    return (None, prompt + body) if title is None else (prompt + title, body)


def passage_text(
    content: str, meta: Mapping[str, Any], *, title_field: str | None = "title", fields: Iterable[str] = ()
) -> PassageText:
    """The title and the text that the passage tower reads.

    :param content: The passage itself.
    :param meta: What is known about the passage.
    :param title_field: Where ``meta`` has the title. A missing or blank title is no title.
    :param fields: Further keys of ``meta``. Their values come before the content, one a line; those without a value
        are left out.
    :returns: The title or ``None``, and the text.
    """
    title = meta.get(title_field) if title_field is not None else None
    extra = [str(meta[field]) for field in fields if meta.get(field) is not None]
    return as_title(title), "\n".join([*extra, content])


def as_title(title: object) -> str | None:
    """A title, or ``None`` if there is nothing in it.

    :param title: Whatever the metadata has.
    :returns: The title as a string, or ``None`` for a missing or blank one.
    """
    if title is None:
        return None
    text = str(title)
    return text if text.strip() else None


def token_batches(lengths: Sequence[int], token_budget: int, max_batch: int | None = None) -> list[list[int]]:
    """Group texts of similar length, so that little of a batch is padding.

    :param lengths: Length of every text in tokens.
    :param token_budget: A batch padded to its longest text has at most this many tokens. A text that is longer than
        that makes a batch of its own.
    :param max_batch: At most this many texts a batch; ``None`` leaves it to the token budget.
    :returns: Indices into ``lengths``, every one exactly once; the batches with the longest texts come first, so that
        running out of memory happens at once or not at all.
    :raises InputError: If a limit is below 1.
    """
    if token_budget < 1 or (max_batch is not None and max_batch < 1):
        msg = f"A batch needs room for one token and one text: got token_budget={token_budget}, max_batch={max_batch}."
        raise InputError(msg)
    batches: list[list[int]] = []
    room = 0
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if room == 0:
            batches.append([])
            # the first text of a batch is its longest, so it says how many texts fit
            room = max(1, token_budget // max(1, lengths[index]))
            room = room if max_batch is None else min(room, max_batch)
        batches[-1].append(index)
        room -= 1
    return batches
