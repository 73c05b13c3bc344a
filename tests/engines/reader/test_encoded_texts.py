# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Texts are tokenized as the tokenizer does it, and those that were used last only once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import Whitespace

from dpr_haystack.engines.reader.encoded_texts import TextEncoder

WORDS = ["[UNK]", "darwin", "beagle", "book", "the", "##s", "of", "origin"]
TEXTS = ["the book of darwin", "beagles", "", "the origin  of the book", "unknown words"]


class Counting:
    """A tokenizer that remembers what it was given."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.given: list[str] = []

    def encode_batch(self, texts: Sequence[str], **options: Any) -> Any:
        self.given += texts
        return self.tokenizer.encode_batch(texts, **options)


@pytest.fixture
def tokenizer() -> Any:
    made = Tokenizer(WordPiece({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    made.pre_tokenizer = Whitespace()
    return Counting(made)


def test_tokens_and_characters_are_those_of_the_tokenizer(tokenizer: Any) -> None:
    encoded = TextEncoder(tokenizer, whole_words=False).encode(TEXTS)
    for text in TEXTS:
        own = tokenizer.tokenizer.encode(text)
        assert encoded[text].ids.tolist() == own.ids
        offsets = list(zip(encoded[text].starts.tolist(), encoded[text].ends.tolist(), strict=True))
        assert offsets == own.offsets
    whole = TextEncoder(tokenizer, whole_words=True).encode(["beagles"])["beagles"]
    assert (whole.starts.tolist(), whole.ends.tolist()) == ([0, 0], [7, 7])


def test_a_text_is_tokenized_once(tokenizer: Any) -> None:
    encoder = TextEncoder(tokenizer, whole_words=False)
    first = encoder.encode([*TEXTS, TEXTS[0]])
    assert tokenizer.given == TEXTS
    again = encoder.encode(reversed(TEXTS))
    assert tokenizer.given == TEXTS
    assert all(again[text] is first[text] for text in TEXTS)


def test_the_texts_that_were_used_last_are_kept(tokenizer: Any) -> None:
    encoder = TextEncoder(tokenizer, whole_words=False, kept_characters=12)
    for text in ("book", "the", "darwin", "book"):  # 4 + 3 + 6 characters are too many: "book" goes for "darwin"
        encoder.encode([text])
    assert tokenizer.given == ["book", "the", "darwin", "book"]
    encoder.encode(["darwin", "book"])
    assert tokenizer.given == ["book", "the", "darwin", "book"]
    assert encoder.encode(["the book of darwin"])["the book of darwin"].ids.tolist() == [4, 3, 6, 1]
    encoder.encode(["darwin", "book"])
    assert tokenizer.given[4:] == ["the book of darwin"]  # longer than all that is kept


def test_questions_are_not_kept(tokenizer: Any) -> None:
    encoder = TextEncoder(tokenizer, whole_words=False)
    assert encoder.ids(["darwin", "darwin"]) == {"darwin": [1]}
    encoder.ids(["darwin"])
    assert tokenizer.given == ["darwin", "darwin"]


def test_threads_share_it(tokenizer: Any) -> None:
    encoder = TextEncoder(tokenizer, whole_words=False, kept_characters=40)

    def read(number: int) -> bool:
        text = f"the book of darwin {'beagle ' * (number % 7)}"
        return bool(encoder.encode([text])[text].ids.tolist() == tokenizer.tokenizer.encode(text).ids)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(400)))
