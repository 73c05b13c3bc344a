# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A reader: questions and passages in, answer spans with scores out, for any kind of checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from dpr_haystack.core.spans import PassageReading, SpanChoice, WindowLogits, read_passage
from dpr_haystack.core.text import PassageText, token_batches
from dpr_haystack.core.windows import Window
from dpr_haystack.engines.reader.inputs import InputBuilder, ReaderInput, WindowSize
from dpr_haystack.engines.reader.network import Logits
from dpr_haystack.errors import InputError, ModelError

# tokens per batch: larger batches do not help on a CPU, but on a GPU
_CPU_BUDGET = 4096
_GPU_BUDGET = 65536
# a question and a passage, to see whether a model can read
_TRIAL: tuple[str, PassageText] = ("a b", (None, "a b c d"))
# shorter inputs have no room for a question and a few words of a passage
SHORTEST_INPUT = 16


@dataclass(frozen=True)
class ReadingOptions:
    """How passages are read.

    :param choice: Which spans to return.
    :param max_length: Longest input in tokens; ``None`` for the model's own.
    :param stride: Least overlap of the windows of a long passage in tokens.
    :param batch_size: Most windows per batch; ``None`` for no limit but the number of tokens.
    :param chunk_passages: Passages are tokenized and sorted by length in chunks of at most this many, so that memory
        does not grow with their number.
    :param chunk_characters: Most characters per chunk.
    """

    choice: SpanChoice
    max_length: int | None = None
    stride: int = 128
    batch_size: int | None = None
    chunk_passages: int = 2048
    chunk_characters: int = 2_000_000


class ReadingNetwork(Protocol):
    """What a reader needs of its model: :class:`~dpr_haystack.engines.reader.network.Network`, or one in training."""

    @property
    def scores_passages(self) -> bool:
        """Whether it also scores how likely a passage is to contain the answer."""

    @property
    def ignores_padding(self) -> bool:
        """Whether padding after an input does not change its scores."""

    @property
    def device(self) -> torch.device:
        """Where it computes."""

    @property
    def dtype(self) -> str:
        """The number format that it computes in."""

    def forward(
        self, ids: Sequence[Sequence[int]], types: Sequence[Sequence[int]] | None, first: Sequence[int] | None = None
    ) -> Logits:
        """Read a batch.

        :param ids: Token ids of every input.
        :param types: Token types of every input; ``None`` for a model without token types.
        :param first: Index of the token of every input that stands for the passage; ``None`` for the first one.
        :returns: The logits.
        """


class Reader:
    """A reader with its tokenizer, ready to read. Thread-safe.

    :param network: The model.
    :param builder: Converts questions and passages to token ids.
    :param folder: The folder that it was loaded from, for messages.
    :param max_length: Longest input in tokens by default.
    :param limit: Longest input in tokens that the model supports.
    """

    def __init__(
        self, network: ReadingNetwork, builder: InputBuilder, *, folder: Path, max_length: int, limit: int
    ) -> None:
        self.max_length = max_length
        self._network = network
        self._builder = builder
        self.folder = folder
        self._limit = limit
        self._budget = _CPU_BUDGET if network.device.type == "cpu" else _GPU_BUDGET

    @property
    def scores_passages(self) -> bool:
        """Whether it also scores how likely a passage is to contain the answer."""
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
        """Read passages, each for its question. Batches combine windows of several passages.

        :param pairs: Questions and passages (a title or ``None``, and a text).
        :param options: How to read them.
        :param progress: Called after every chunk with the number of passages in it.
        :returns: One reading per pair, in the order of the pairs.
        :raises InputError: If the input length is too short, or longer than the model can read.
        """
        size = self._window_size(options)
        readings: list[PassageReading] = []
        for chunk in _chunks(pairs, options):
            readings += self._read_chunk(self._builder.build(chunk, size), options)
            if progress is not None:
                progress(len(chunk))
        return readings

    def obstacle(self) -> str | None:
        """Why it cannot read passages, found by reading one; ``None`` if it can."""
        try:
            self.read([_TRIAL], ReadingOptions(SpanChoice(count=1)))
        except ModelError as error:
            return str(error).rstrip(".")
        except Exception as error:  # a model of a family that does not fit raises anything
            return f"{type(error).__name__}: {str(error).strip()[:300]}"
        return None

    def _window_size(self, options: ReadingOptions) -> WindowSize:
        length = check_length(self.folder, options.max_length, self.max_length, self._limit)
        return WindowSize(length, options.stride, options.choice.longest)

    def _read_chunk(self, inputs: Sequence[ReaderInput], options: ReadingOptions) -> list[PassageReading]:
        windows = [(item, window) for item in inputs for window in item.windows]
        owners = [index for index, item in enumerate(inputs) for _ in item.windows]
        lengths = [len(item.head) + len(window) + len(item.tail) for item, window in windows]
        logits_of: list[list[WindowLogits]] = [[] for _ in inputs]
        same_length = not self._network.ignores_padding
        for batch in token_batches(lengths, self._budget, options.batch_size, same_length=same_length):
            chosen = [windows[index] for index in batch]
            types = [item.token_types(window) for item, window in chosen]
            logits = self._network.forward(
                [item.ids(window) for item, window in chosen],
                types if types[0] else None,
                [item.first for item, _ in chosen],
            )
            for row, index in enumerate(batch):
                logits_of[owners[index]].append(_of_window(logits, row, *windows[index]))
        return [
            read_passage(item.starts, item.ends, logits, options.choice)
            for item, logits in zip(inputs, logits_of, strict=True)
        ]


def check_length(folder: Path, requested: int | None, default: int, limit: int) -> int:
    """The longest input in tokens.

    :param folder: The model's folder, for messages.
    :param requested: The requested length, if any.
    :param default: The length otherwise.
    :param limit: The longest input that the model can read.
    :returns: The length.
    :raises InputError: If the requested length is above the limit or below :data:`SHORTEST_INPUT`.
    """
    if requested is None:
        return default
    if requested > limit:
        msg = f"max_seq_length must be at most {limit}, the limit of {folder}: got {requested}"
        raise InputError(msg)
    if requested < SHORTEST_INPUT:
        msg = f"max_seq_length must be {SHORTEST_INPUT} or more: got {requested}"
        raise InputError(msg)
    return requested


def _of_window(logits: Logits, row: int, item: ReaderInput, window: Window) -> WindowLogits:
    text = slice(len(item.head), len(item.head) + len(window))
    return WindowLogits(
        window,
        logits.start[row, text].astype(np.float64),
        logits.end[row, text].astype(np.float64),
        null=float(logits.start[row, item.first]) + float(logits.end[row, item.first]),
        relevance=None if logits.relevance is None else float(logits.relevance[row]),
    )


def _chunks(
    pairs: Sequence[tuple[str, PassageText]], options: ReadingOptions
) -> Iterator[Sequence[tuple[str, PassageText]]]:
    start = characters = 0
    for stop, (_, (_, text)) in enumerate(pairs):
        is_full = characters + len(text) > options.chunk_characters or stop - start == options.chunk_passages
        if stop > start and is_full:
            yield pairs[start:stop]
            start, characters = stop, 0
        characters += len(text)
    if start < len(pairs):
        yield pairs[start:]
