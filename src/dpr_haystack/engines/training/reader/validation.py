# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Validation during reader training: answers to held-out questions from a fixed set of passages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import torch

from dpr_haystack.core.answer_ranking import RankBy, RankedAnswers, rank_answers
from dpr_haystack.core.answers import exact_match, f1
from dpr_haystack.core.reader_training_set import ReaderTrainingSet
from dpr_haystack.core.spans import PassageReading, SpanChoice
from dpr_haystack.core.text import PassageText
from dpr_haystack.engines.checkpoints.families import ignores_padding
from dpr_haystack.engines.checkpoints.tokenization import padded
from dpr_haystack.engines.reader.network import Logits
from dpr_haystack.engines.reader.reader import Reader, ReadingOptions
from dpr_haystack.engines.training.reader.trainable import TrainableReader


@dataclass(frozen=True)
class AnswerOptions:
    """How held-out questions are answered.

    :param passages: Passages that are read for each question.
    :param max_length: Longest input in tokens.
    :param max_answer_length: Longest answer in tokens.
    :param rank_by: How the answers of several passages are ranked.
    :param no_answer: Whether "no answer" is an answer.
    :param bfloat16: Whether matrices are multiplied in bfloat16.
    """

    passages: int
    max_length: int
    max_answer_length: int
    rank_by: RankBy
    no_answer: bool = False
    bfloat16: bool = False


class AnswerEvaluator:
    """Exact match and F1 of the best answers, in percent.

    :param validation: The questions and passages.
    :param options: How they are answered.
    """

    def __init__(self, validation: ReaderTrainingSet, options: AnswerOptions) -> None:
        self._options = options
        self._golds = [row.answers for row in validation.rows]
        self._owners: list[int] = []
        self._pairs: list[tuple[str, PassageText]] = []
        for number, row in enumerate(validation.rows):
            for passage in row.passages[: options.passages]:
                self._owners.append(number)
                self._pairs.append((row.question, validation.passages[passage]))

    def __call__(self, model: TrainableReader) -> dict[str, float]:
        """Validate a reader.

        :param model: The reader; its training mode is restored.
        :returns: ``em`` and ``f1``, in percent of the questions; one without passages has no answer.
        """
        predictions = self.predictions(model)
        scores = [
            (exact_match(said, golds), f1(said, golds)) for said, golds in zip(predictions, self._golds, strict=True)
        ]
        return {
            name: 100 * sum(score[column] for score in scores) / max(1, len(scores))
            for column, name in enumerate(("em", "f1"))
        }

    def predictions(self, model: TrainableReader) -> list[str]:
        """The best answer to each question; "" for "no answer".

        :param model: The reader; its training mode is restored.
        """
        training = model.training
        model.eval()
        try:
            readings = self._read(model)
        finally:
            model.train(training)
        predictions = [""] * len(self._golds)
        for number, group in groupby(range(len(readings)), key=self._owners.__getitem__):
            predictions[number] = self._best(readings, list(group))
        return predictions

    def _read(self, model: TrainableReader) -> list[PassageReading]:
        options = self._options
        network = _TrainingNetwork(model, bfloat16=options.bfloat16)
        length = options.max_length
        reader = Reader(network, model.builder, folder=Path("model"), max_length=length, limit=length)
        choice = SpanChoice(count=1, longest=options.max_answer_length)
        return reader.read(self._pairs, ReadingOptions(choice))

    def _best(self, readings: Sequence[PassageReading], indices: Sequence[int]) -> str:
        ranked: RankedAnswers = rank_answers(
            [readings[index] for index in indices], rank_by=self._options.rank_by, top_k=1
        )
        if not ranked.spans or (self._options.no_answer and ranked.no_answer > ranked.spans[0].probability):
            return ""
        best = ranked.spans[0]
        text = self._pairs[indices[best.passage]][1][1]
        return text[best.span.start : best.span.end]


class _TrainingNetwork:
    """A reader in training, in the place of one that was loaded to read.

    :param model: The reader.
    :param bfloat16: Whether matrices are multiplied in bfloat16.
    """

    scores_passages = True

    def __init__(self, model: TrainableReader, *, bfloat16: bool) -> None:
        self._model = model
        self._bfloat16 = bfloat16
        self.dtype = "bfloat16" if bfloat16 else "float32"
        self.device = next(model.parameters()).device
        self.ignores_padding = ignores_padding(model.backbone.config)

    def forward(
        self, ids: Sequence[Sequence[int]], types: Sequence[Sequence[int]] | None, first: Sequence[int] | None = None
    ) -> Logits:
        """Read a batch.

        :param ids: Token ids of every input.
        :param types: Token types of every input; ``None`` for a model without token types.
        :param first: Index of the token of every input that stands for the passage; ``None`` for the first one.
        :returns: The logits.
        """
        tokens, mask = (torch.from_numpy(each).to(self.device) for each in padded(ids, self._model.pad_id))
        places = torch.tensor(first or [0] * len(ids), device=self.device)
        kinds = None if types is None else torch.from_numpy(padded(types, 0)[0]).to(self.device)
        with torch.no_grad(), torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self._bfloat16):
            start, end, relevance = self._model(tokens, mask, places, kinds)
        return Logits(*(each.float().cpu().numpy() for each in (start, end, relevance)))
