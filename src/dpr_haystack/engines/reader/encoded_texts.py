# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Token ids of texts and the characters of each token. The most recently used texts are tokenized once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from tokenizers import Encoding, Tokenizer

from dpr_haystack.core.characters import Ints, character_ranges

# characters of the texts that are kept: some 40,000 passages of 100 words, which take about 150 MB as tokens
_KEPT_CHARACTERS = 24_000_000

Ids = np.ndarray[Any, np.dtype[np.int32]]


@dataclass(frozen=True)
class EncodedText:
    """A text as tokens.

    :param ids: The token ids.
    :param starts: Offset of the first character of every token.
    :param ends: Offset after the last character of every token.
    """

    ids: Ids
    starts: Ints
    ends: Ints


class TextEncoder:
    """Tokenizes texts; those that were used last are kept, because a passage is read for many questions. Thread-safe.

    :param tokenizer: The tokenizer, without padding and truncation.
    :param whole_words: Whether tokens are extended to whole words.
    :param kept_characters: Most characters of the texts that are kept.
    """

    def __init__(self, tokenizer: Tokenizer, *, whole_words: bool, kept_characters: int = _KEPT_CHARACTERS) -> None:
        self._tokenizer = tokenizer
        self._whole_words = whole_words
        self._limit = kept_characters
        self._kept: OrderedDict[str, EncodedText] = OrderedDict()
        self._characters = 0
        self._lock = Lock()

    def encode(self, texts: Iterable[str]) -> dict[str, EncodedText]:
        """Tokenize texts.

        :param texts: The texts; equal ones are tokenized once.
        :returns: Each text with its tokens.
        """
        wanted = dict.fromkeys(texts)
        with self._lock:
            found = {text: self._kept[text] for text in wanted if text in self._kept}
            for text in found:
                self._kept.move_to_end(text)
        missing = [text for text in wanted if text not in found]
        encodings = self._tokenizer.encode_batch(missing, add_special_tokens=False) if missing else []
        new = {text: self._encoded(text, each) for text, each in zip(missing, encodings, strict=True)}
        self._keep(new)
        return {**found, **new}

    def ids(self, texts: Iterable[str]) -> dict[str, list[int]]:
        """Token ids of texts that are not kept, such as questions.

        :param texts: The texts.
        :returns: Each text with its token ids.
        """
        wanted = list(dict.fromkeys(texts))
        encodings = self._tokenizer.encode_batch(wanted, add_special_tokens=False) if wanted else []
        return {text: encoding.ids for text, encoding in zip(wanted, encodings, strict=True)}

    def _encoded(self, text: str, encoding: Encoding) -> EncodedText:
        words = encoding.word_ids if self._whole_words else None
        starts, ends = character_ranges(text, encoding.offsets, words)
        return EncodedText(np.array(encoding.ids, dtype=np.int32), starts, ends)

    def _keep(self, new: dict[str, EncodedText]) -> None:
        with self._lock:
            for text, encoded in new.items():
                if text not in self._kept and len(text) <= self._limit:
                    self._kept[text] = encoded
                    self._characters += len(text)
            while self._characters > self._limit:
                text, _ = self._kept.popitem(last=False)
                self._characters -= len(text)
