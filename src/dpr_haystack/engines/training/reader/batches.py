# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Batches of questions with their passages as token ids, and where the answers are in them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dpr_haystack.core.reader_training_set import (
    CharacterRange,
    DrawnPassage,
    ReaderDrawRules,
    ReaderTrainingSet,
    draw_reader_passages,
)
from dpr_haystack.core.windows import Window
from dpr_haystack.engines.checkpoints.tokenization import padded
from dpr_haystack.engines.reader.inputs import InputBuilder, ReaderInput, WindowSize
from dpr_haystack.engines.training.epoch_sampler import EpochSampler

NO_ROW = -1
"""Pads the passages of a question that has fewer than another one of its batch."""

TokenSpan = tuple[int, int]
"""The first and the last token of an answer, counted from the start of the input."""


class ReaderCollator:
    """Converts numbers of questions to the inputs of a reader.

    The inputs are those that the trained reader is given. Of a passage that is too long, one window is read: one that
    contains an answer if there is one, chosen at random for each epoch.

    :param training_set: The questions and passages.
    :param rules: Which passages a question is trained with.
    :param builder: Builds the inputs.
    :param size: How long inputs may be.
    :param pad_id: The id of the padding token.
    :param sampler: The sampler, for the number of the epoch.
    :param no_answer: Whether passages without an answer are to select the token before the question.
    """

    def __init__(
        self,
        training_set: ReaderTrainingSet,
        rules: ReaderDrawRules,
        builder: InputBuilder,
        size: WindowSize,
        pad_id: int,
        sampler: EpochSampler,
        *,
        no_answer: bool = False,
    ) -> None:
        self._set = training_set
        self._rules = rules
        self._builder = builder
        self._size = size
        self._pad_id = pad_id
        self._sampler = sampler
        self._no_answer = no_answer

    def __call__(self, numbers: Sequence[int]) -> dict[str, Tensor]:
        """Build a batch.

        :param numbers: The numbers of the questions.
        :returns: ``input_ids``, ``attention_mask``, perhaps ``token_type_ids``, and ``allowed`` (the tokens of the
            passage, and the first one for "no answer"), all (inputs, tokens); ``first``, (inputs,); ``span_starts``,
            ``span_ends`` and ``span_mask``, (inputs, most answers of one): the tokens of the answers; ``rows``,
            (questions, most passages of one), padded with :data:`NO_ROW`: the inputs of each question; ``positive``,
            (questions,): whether the first of them contains an answer.
        """
        epoch = self._sampler.epoch
        drawn = [draw_reader_passages(self._rules, self._set.rows[number], number, epoch) for number in numbers]
        pairs = [
            (self._set.rows[number].question, self._set.passages[each.passage])
            for number, passages in zip(numbers, drawn, strict=True)
            for each in passages
        ]
        inputs = self._builder.build(pairs, self._size)
        generator = random.Random(f"{self._rules.seed}/{epoch}/{numbers[0]}")  # noqa: S311 -- not for cryptography
        flat = [each for passages in drawn for each in passages]
        chosen = [self._window(item, each, generator) for item, each in zip(inputs, flat, strict=True)]
        return {
            **self._tokens(inputs, [window for window, _ in chosen]),
            **_padded_spans([spans for _, spans in chosen]),
            "rows": _rows([len(passages) for passages in drawn]),
            "positive": torch.tensor([bool(passages) and bool(passages[0].spans) for passages in drawn]),
        }

    def _window(
        self, item: ReaderInput, drawn: DrawnPassage, generator: random.Random
    ) -> tuple[Window, list[TokenSpan]]:
        """A window of a passage, and the answers in it."""
        options = [(window, answers_in(item, window, drawn.spans)) for window in item.windows]
        with_answers = [option for option in options if option[1]]
        window, spans = generator.choice(with_answers or options)
        if not drawn.spans and self._no_answer:
            spans = [(item.first, item.first)]
        return window, spans

    def _tokens(self, inputs: Sequence[ReaderInput], windows: Sequence[Window]) -> dict[str, Tensor]:
        both = list(zip(inputs, windows, strict=True))
        ids, mask = padded([item.ids(window) for item, window in both], self._pad_id)
        allowed = np.zeros(ids.shape, dtype=bool)
        for row, (item, window) in enumerate(both):
            allowed[row, len(item.head) : len(item.head) + len(window)] = True
            allowed[row, item.first] = True
        batch = {"input_ids": ids, "attention_mask": mask, "allowed": allowed}
        types = [item.token_types(window) for item, window in both]
        if types[0]:
            batch["token_type_ids"] = padded(types, 0)[0]
        first = torch.tensor([item.first for item in inputs])
        return {**{name: torch.from_numpy(values) for name, values in batch.items()}, "first": first}


def answers_in(item: ReaderInput, window: Window, spans: Sequence[CharacterRange]) -> list[TokenSpan]:
    """The answers that a window contains completely.

    :param item: The input.
    :param window: A window of its passage.
    :param spans: The answers as characters of the passage.
    :returns: Their first and last tokens, each once.
    """
    found = []
    for start, end in spans:
        # the tokens of a word that is extended to whole words share its characters
        first = int(np.searchsorted(item.ends, start, side="right"))
        last = int(np.searchsorted(item.starts, end, side="left")) - 1
        if window.start <= first <= last < window.stop:
            offset = len(item.head) - window.start
            found.append((first + offset, last + offset))
    return list(dict.fromkeys(found))


def _padded_spans(spans: Sequence[Sequence[TokenSpan]]) -> dict[str, Tensor]:
    width = max([1, *map(len, spans)])
    places = np.zeros((2, len(spans), width), dtype=np.int64)
    mask = np.zeros((len(spans), width), dtype=bool)
    for row, each in enumerate(spans):
        for column, (first, last) in enumerate(each):
            places[:, row, column] = first, last
            mask[row, column] = True
    starts, ends = map(torch.from_numpy, places)
    return {"span_starts": starts, "span_ends": ends, "span_mask": torch.from_numpy(mask)}


def _rows(counts: Sequence[int]) -> Tensor:
    rows: Any = np.full((len(counts), max(counts)), NO_ROW, dtype=np.int64)
    start = 0
    for number, count in enumerate(counts):
        rows[number, :count] = range(start, start + count)
        start += count
    return torch.from_numpy(rows)
