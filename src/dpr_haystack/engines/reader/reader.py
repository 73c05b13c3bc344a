# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A reader: questions and passages in, readings out. It knows nothing of where a checkpoint came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dpr_haystack.core.spans import PassageReading, SpanChoice, WindowLogits, read_passage
from dpr_haystack.core.text import PassageText, token_batches
from dpr_haystack.core.windows import Window
from dpr_haystack.engines.reader.inputs import InputBuilder, ReaderInput, WindowSize
from dpr_haystack.engines.reader.network import Logits, Network
from dpr_haystack.errors import InputError

# Passages are tokenized and sorted by length in chunks: memory does not grow with their number.
_CHUNK_CHARACTERS = 2_000_000
_CHUNK_PASSAGES = 2048
# Tokens a batch. More gains nothing on a CPU; a GPU wants many.
_CPU_BUDGET = 4096
_GPU_BUDGET = 65536
# Below that there is hardly room for a question and some words of a passage.
SHORTEST_INPUT = 16


@dataclass(frozen=True)
class ReadingOptions:
    """How passages are read.

    :param choice: Which spans are wanted.
    :param max_length: Longest input in tokens; ``None`` for the model's own.
    :param stride: By how many tokens the windows of a long passage overlap at least.
    :param batch_size: At most this many windows a batch; ``None`` leaves it to the number of tokens.
    """

    choice: SpanChoice
    max_length: int | None = None
    stride: int = 128
    batch_size: int | None = None


class Reader:
    """A reader with its tokenizer, ready to read. Safe to call from several threads.

    :param network: The model.
    :param builder: Questions and passages to ids.
    :param name: Which model it is, for messages.
    :param max_length: Longest input in tokens that it reads by default.
    :param limit: Longest input in tokens that it can read.
    """

    def __init__(self, network: Network, builder: InputBuilder, *, name: str, max_length: int, limit: int) -> None:
        self.max_length = max_length
        self._network = network
        self._builder = builder
        self._name = name
        self._limit = limit
        self._budget = _CPU_BUDGET if network.device.type == "cpu" else _GPU_BUDGET

    @property
    def scores_passages(self) -> bool:
        """Whether it also says how likely a passage is to hold the answer."""
        return self._network.scores_passages

    @property
    def dtype(self) -> str:
        """The number format that the transformer computes in, e.g. ``"bfloat16"``."""
        return self._network.dtype

    def read(
        self,
        pairs: Sequence[tuple[str, PassageText]],
        options: ReadingOptions,
        progress: Callable[[int], object] | None = None,
    ) -> list[PassageReading]:
        """Read passages, each for its question. Windows of all of them share batches.

        :param pairs: Questions and passages (a title or ``None``, and a text).
        :param options: How to read them.
        :param progress: Called now and then with the number of passages read since the last time.
        :returns: One reading for each pair, in their order.
        :raises InputError: If inputs are to be longer than the model can read, or too short.
        """
        size = self._window_size(options)
        readings: list[PassageReading] = []
        for chunk in _chunks(pairs):
            readings += self._read_chunk(self._builder.build(chunk, size), options)
            if progress is not None:
                progress(len(chunk))
        return readings

    def _window_size(self, options: ReadingOptions) -> WindowSize:
        length = check_length(self._name, options.max_length, self.max_length, self._limit)
        return WindowSize(length, options.stride, options.choice.longest)

    def _read_chunk(self, inputs: Sequence[ReaderInput], options: ReadingOptions) -> list[PassageReading]:
        windows = [(place, window) for place, item in enumerate(inputs) for window in item.windows]
        lengths = [len(inputs[place].head) + len(window) + len(inputs[place].tail) for place, window in windows]
        found: list[list[WindowLogits]] = [[] for _ in inputs]
        for batch in token_batches(lengths, self._budget, options.batch_size):
            chosen = [windows[index] for index in batch]
            types = [inputs[place].token_types(window) for place, window in chosen]
            logits = self._network.forward(
                [inputs[place].ids(window) for place, window in chosen], types if types[0] else None
            )
            for row, (place, window) in enumerate(chosen):
                found[place].append(_of_window(logits, row, inputs[place], window))
        return [
            read_passage(item.starts, item.ends, logits, options.choice)
            for item, logits in zip(inputs, found, strict=True)
        ]


def check_length(name: str, asked: int | None, own: int, limit: int) -> int:
    """The longest input in tokens.

    :param name: Which model it is for.
    :param asked: The length that is asked for, if any.
    :param own: The length otherwise.
    :param limit: The longest that the model can read.
    :raises InputError: If it is longer than that, or too short to hold anything.
    """
    if asked is None:
        return own
    if asked > limit:
        msg = f"max_seq_length is {asked}, but {name} reads at most {limit} tokens."
        raise InputError(msg)
    if asked < SHORTEST_INPUT:
        msg = f"max_seq_length must be {SHORTEST_INPUT} or more: got {asked}"
        raise InputError(msg)
    return asked


def _of_window(logits: Logits, row: int, item: ReaderInput, window: Window) -> WindowLogits:
    text = slice(len(item.head), len(item.head) + len(window))
    return WindowLogits(
        window,
        logits.start[row, text].astype(np.float64),
        logits.end[row, text].astype(np.float64),
        null=float(logits.start[row, item.first]) + float(logits.end[row, item.first]),
        relevance=None if logits.relevance is None else float(logits.relevance[row]),
    )


def _chunks(pairs: Sequence[tuple[str, PassageText]]) -> Iterator[Sequence[tuple[str, PassageText]]]:
    start = characters = 0
    for stop, (_, (_, text)) in enumerate(pairs):
        if stop > start and (characters + len(text) > _CHUNK_CHARACTERS or stop - start == _CHUNK_PASSAGES):
            yield pairs[start:stop]
            start, characters = stop, 0
        characters += len(text)
    if start < len(pairs):
        yield pairs[start:]
