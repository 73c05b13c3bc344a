# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The inputs of a reader: question, title and passage as token ids, in windows, with their offsets in the text."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tokenizers import Tokenizer

from dpr_haystack.core.characters import Ints
from dpr_haystack.core.text import PassageText, normalize_question, replace_passage_surrogates, replace_surrogates
from dpr_haystack.core.windows import Window, plan_windows
from dpr_haystack.engines.checkpoints.tokenization import with_nfc
from dpr_haystack.engines.reader.encoded_texts import EncodedText, TextEncoder

# the question may take up to 1/2 of an input and the title 1/8; longer ones are truncated to leave room for the passage
_QUESTION_SHARE = 2
_TITLE_SHARE = 8


@dataclass(frozen=True)
class WindowSize:
    """How a passage that is too long is split into windows.

    :param max_length: Longest input in tokens, question and special tokens included.
    :param stride: Least overlap of neighbouring windows in tokens.
    :param longest: Longest answer in tokens; ``None`` for any length.
    """

    max_length: int
    stride: int
    longest: int | None


@dataclass(frozen=True)
class ReaderInput:
    """A question and a passage, ready for the model.

    :param head: Token ids before the passage.
    :param tail: Token ids after it.
    :param tokens: Token ids of the passage.
    :param types: Token types of head, passage and tail; ``None`` for a model without token types.
    :param first: Index of the ``[CLS]`` token in the head.
    :param starts: Offset of the first character of every token of the passage.
    :param ends: Offset after the last character of every token.
    :param windows: The token ranges of the passage that are read one at a time.
    """

    head: list[int]
    tail: list[int]
    tokens: list[int]
    types: tuple[list[int], int, list[int]] | None
    first: int
    starts: Ints
    ends: Ints
    windows: list[Window]

    def ids(self, window: Window) -> list[int]:
        """All token ids of a window.

        :param window: A range of the passage's tokens.
        :returns: The ids of head, window and tail.
        """
        return [*self.head, *self.tokens[window.start : window.stop], *self.tail]

    def token_types(self, window: Window) -> list[int]:
        """All token types of a window.

        :param window: A range of the passage's tokens.
        :returns: The types of head, window and tail; empty for a model without token types.
        """
        if self.types is None:
            return []
        head, passage, tail = self.types
        return [*head, *([passage] * len(window)), *tail]


class InputBuilder:
    """Builds inputs in the format that the model was trained on. Thread-safe.

    The input of a DPR reader is ``[CLS] question [SEP] title [SEP] passage`` (Karpukhin et al. 2020, section 6.1), with
    plain apostrophes in the question, and its answers are whole words. The input of any other model is question and
    passage in its own pair format, without the title.

    :param tokenizer: A transformers tokenizer with a fast version.
    :param is_dpr: Whether it is for a DPR reader.
    :param takes_types: Whether the model takes token types.
    """

    def __init__(self, tokenizer: Any, *, is_dpr: bool, takes_types: bool) -> None:
        self._is_dpr = is_dpr
        copied = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        if is_dpr:
            copied.normalizer = with_nfc(copied.normalizer)
        copied.no_padding()
        copied.no_truncation()
        self._texts = TextEncoder(copied, whole_words=is_dpr)
        pair = copied.encode("a", "a")
        parts = pair.sequence_ids
        question = [index for index, part in enumerate(parts) if part == 0]
        passage = [index for index, part in enumerate(parts) if part == 1]
        bounds = (0, question[0], question[-1] + 1, passage[0], passage[-1] + 1, len(parts))
        # special tokens before the question, between question and passage, and after the passage
        self._before, _, self._between, _, self._after = (
            [pair.ids[index] for index in range(start, stop)] for start, stop in pairwise(bounds)
        )
        types = pair.type_ids
        self._types = types if takes_types and any(types) else None
        self._type_bounds = bounds
        self._cls_id = tokenizer.cls_token_id

    def build(self, pairs: Sequence[tuple[str, PassageText]], size: WindowSize) -> list[ReaderInput]:
        """Build the inputs for questions and passages.

        :param pairs: Questions and passages; a title of ``None`` is read as an empty one.
        :param size: How long inputs may be.
        :returns: One input per pair, in the order of the pairs.
        """
        normalize = normalize_question if self._is_dpr else str
        pairs = [
            (normalize(replace_surrogates(question)), replace_passage_surrogates(passage))
            for question, passage in pairs
        ]
        passages = self._texts.encode(body for _, (_, body) in pairs)
        heads = self._texts.ids(text for question, (title, _) in pairs for text in (question, *self._titles(title)))
        return [self._build_one(question, title, heads, passages[body], size) for question, (title, body) in pairs]

    def _titles(self, title: str | None) -> tuple[str, ...]:
        return (title,) if self._is_dpr and title is not None else ()

    def _build_one(
        self, question: str, title: str | None, heads: dict[str, list[int]], text: EncodedText, size: WindowSize
    ) -> ReaderInput:
        question_ids = heads[question][: size.max_length // _QUESTION_SHARE]
        head, tail = [*self._before, *question_ids, *self._between], self._after
        if self._is_dpr:
            title_ids = [token for part in self._titles(title) for token in heads[part]]
            head, tail = [*head, *title_ids[: size.max_length // _TITLE_SHARE], *self._after], []
        room = size.max_length - len(head) - len(tail)
        return ReaderInput(
            head=head,
            tail=tail,
            tokens=text.ids.tolist(),
            types=self._token_types(len(question_ids)),
            first=head.index(self._cls_id) if self._cls_id in head else 0,
            starts=text.starts,
            ends=text.ends,
            windows=plan_windows(len(text.ids), room, size.stride, size.longest),
        )

    def _token_types(self, question_length: int) -> tuple[list[int], int, list[int]] | None:
        if self._types is None or self._is_dpr:
            return None
        _, question, between, passage, after, _ = self._type_bounds
        head = [*self._types[:question], *([self._types[question]] * question_length), *self._types[between:passage]]
        return head, self._types[passage], self._types[after:]


def takes_token_types(tokenizer: Any, model: Any) -> bool:
    """Whether a model takes token types as a tokenizer makes them.

    :param tokenizer: A transformers tokenizer.
    :param model: A transformers model.
    """
    accepted = inspect.signature(model.forward).parameters
    return "token_type_ids" in tokenizer.model_input_names and "token_type_ids" in accepted
