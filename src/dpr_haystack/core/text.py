# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The text input of encoders: questions, passages, prompts and length-sorted batches."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dpr_haystack.errors import InputError

PassageText = tuple[str | None, str]
"""The title of a passage, or ``None``, and its text."""


_SURROGATE = re.compile("[\ud800-\udfff]")


def replace_surrogates(text: str) -> str:
    """Replace lone surrogates, which tokenizers reject, by U+FFFD.

    :param text: Any string.
    :returns: A string of the same length.
    """
    return _SURROGATE.sub("\ufffd", text)


def replace_passage_surrogates(passage: PassageText) -> PassageText:
    """Apply :func:`replace_surrogates` to the title and text of a passage.

    :param passage: The title or ``None``, and the text.
    """
    title, text = passage
    return None if title is None else replace_surrogates(title), replace_surrogates(text)


def normalize_question(question: str) -> str:
    """Replace typographic apostrophes by plain ones.

    DPR was trained on questions without typographic apostrophes, and its tokenizer splits them differently.

    :param question: The question.
    :returns: The question with ``'`` instead of ``\u2019``.
    """
    return question.replace("\u2019", "'")


def is_blank(text: str) -> bool:
    """Whether a text has no visible character: only separators, control and format characters, or nothing.

    :param text: The text.
    """
    return all(unicodedata.category(character)[0] in "ZC" for character in text)


def question_key(question: str) -> str:
    """What rows of the same question have in common.

    :param question: The question.
    :returns: The question in Unicode NFKC, with plain apostrophes, without upper case and extra whitespace.
    """
    return " ".join(normalize_question(unicodedata.normalize("NFKC", question)).casefold().split())


def with_prompt(prompt: str, text: PassageText, suffix: str = "") -> PassageText:
    """Put a prompt before a text, and a suffix after it.

    :param prompt: The prompt of the encoder; often empty.
    :param text: The title or ``None``, and the text.
    :param suffix: The suffix; mostly empty.
    """
    title, body = text
    return (None, prompt + body + suffix) if title is None else (prompt + title, body + suffix)


def passage_text(
    content: str, meta: Mapping[str, Any], *, title_field: str | None = "title", fields: Iterable[str] = ()
) -> PassageText:
    """The title and the text that the passage tower encodes.

    :param content: The text of the passage.
    :param meta: Its metadata.
    :param title_field: The key of the title in ``meta``. A missing or blank title becomes ``None``.
    :param fields: Further keys of ``meta`` whose values are put before the content, one per line; missing values and
        that of the title are skipped.
    :returns: The title or ``None``, and the text.
    """
    title = meta.get(title_field) if title_field is not None else None
    extra = [str(meta[field]) for field in fields if meta.get(field) is not None and field != title_field]
    return as_title(title), "\n".join([*extra, content])


def as_title(title: object) -> str | None:
    """Convert a metadata value to a title.

    :param title: The value.
    :returns: The title as a string; ``None`` if it is missing or blank.
    """
    if title is None:
        return None
    text = str(title)
    return text if text.strip() else None


def token_batches(
    lengths: Sequence[int], token_budget: int, max_batch: int | None = None, *, same_length: bool = False
) -> list[list[int]]:
    """Group texts of similar length into batches to minimise padding.

    :param lengths: The length of every text in tokens.
    :param token_budget: The maximum number of tokens in a padded batch. A longer text becomes a batch of its own.
    :param max_batch: The maximum number of texts in a batch; ``None`` for no limit but the token budget.
    :param same_length: Whether all texts of a batch must have the same length, so that there is no padding.
    :returns: Indices into ``lengths``, each exactly once; the batches with the longest texts come first, so that an
        out-of-memory error occurs at the start or not at all.
    :raises InputError: If a limit is below 1.
    """
    if token_budget < 1 or (max_batch is not None and max_batch < 1):
        msg = f"token_budget and max_batch must be 1 or more: got {token_budget} and {max_batch}"
        raise InputError(msg)
    batches: list[list[int]] = []
    free = 0
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if free == 0 or (same_length and lengths[index] != lengths[batches[-1][0]]):
            batches.append([])
            # The first text of a batch is the longest, so it determines how many texts fit.
            free = max(1, token_budget // max(1, lengths[index]))
            free = free if max_batch is None else min(free, max_batch)
        batches[-1].append(index)
        free -= 1
    return batches
