# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Validation during training: every question ranks one pool of passages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.evaluation import BaseEvaluator
from torch import Tensor

from dpr_haystack.core.metrics import average_rank, mean_reciprocal_rank, top_k_accuracy
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.core.text import PassageText, normalize_question
from dpr_haystack.core.training_set import TrainingSet
from dpr_haystack.engines.training.towers.batches import by_length
from dpr_haystack.engines.training.towers.losses import similarities
from dpr_haystack.engines.training.towers.trainable import TrainableTower, tower_of

_QUESTIONS_AT_ONCE = 256
_KS = (1, 5, 20)


class PoolEvaluator(BaseEvaluator):  # type: ignore[misc]
    """Average rank and top-k accuracy over a fixed pool (the validation of the original code).

    The pool is the positives and negatives of all questions together, whatever the number of devices.

    :param validation: The questions and passages.
    :param hard_negatives: Number of hard negatives of each question in the pool.
    :param other_negatives: Number of other negatives of each question in the pool.
    :param similarity: How vectors are compared.
    :param bfloat16: Whether matrices are multiplied in bfloat16.
    :param chunk_tokens: Most tokens per chunk in which texts are encoded.
    """

    def __init__(
        self,
        validation: TrainingSet,
        *,
        hard_negatives: int = 30,
        other_negatives: int = 30,
        similarity: Similarity = Similarity.DOT_PRODUCT,
        bfloat16: bool = False,
        chunk_tokens: int = 4096,
    ) -> None:
        super().__init__()
        self._questions = [row.question for row in validation.rows]
        candidates = [
            (*row.positives, *row.hard_negatives[:hard_negatives], *row.negatives[:other_negatives])
            for row in validation.rows
        ]
        pool = list(dict.fromkeys(number for numbers in candidates for number in numbers))
        self._pool = [validation.passages[number] for number in pool]
        columns = {number: column for column, number in enumerate(pool)}
        self._positives = [[columns[number] for number in row.gold if number in columns] for row in validation.rows]
        self._similarity = similarity
        self._bfloat16 = bfloat16
        self._chunk_tokens = chunk_tokens

    def __call__(
        self,
        model: SentenceTransformer,
        output_path: str | None = None,
        epoch: float = -1,
        steps: int = -1,
    ) -> dict[str, float]:
        """Validate the towers.

        :param model: Both towers.
        :param output_path: Ignored.
        :param epoch: Ignored.
        :param steps: Ignored.
        :returns: ``average_rank`` (1 is best), ``top_1``, ``top_5``, ``top_20`` in percent, ``mrr`` from 0 to 1.
        """
        texts: list[PassageText] = [(None, normalize_question(question)) for question in self._questions]
        device = next(model.parameters()).device.type
        with torch.no_grad(), torch.autocast(device, dtype=torch.bfloat16, enabled=self._bfloat16):
            questions = encode(tower_of(model, "question"), texts, self._chunk_tokens)
            pool = encode(tower_of(model, "passage"), self._pool, self._chunk_tokens)
        ranks = [
            rank
            for start in range(0, len(questions), _QUESTIONS_AT_ONCE)
            for rank in self._ranks(questions[start : start + _QUESTIONS_AT_ONCE], pool, start)
        ]
        accuracy = top_k_accuracy(ranks, _KS)
        return {
            "average_rank": average_rank(ranks),
            **{f"top_{k}": value for k, value in accuracy.items()},
            "mrr": mean_reciprocal_rank(ranks),
        }

    def _ranks(self, questions: Tensor, pool: Tensor, start: int) -> list[int]:
        scores = similarities(questions, pool, self._similarity).cpu().numpy()
        ranks = []
        for row, positives in zip(scores, self._positives[start : start + len(scores)], strict=True):
            best = max(row[column] for column in positives)
            # ties and NaN count as better than the positive: a tower with equal vectors for all texts must rank low
            ahead = ~(row < best)
            ahead[positives] = False
            ranks.append(1 + int(np.count_nonzero(ahead)))
        return ranks


def encode(tower: TrainableTower, texts: Sequence[PassageText], chunk_tokens: int) -> Tensor:
    """Encode texts without dropout, in float32.

    :param tower: The tower; its training mode is restored.
    :param texts: Titles (or ``None``) and texts.
    :param chunk_tokens: Most tokens per chunk.
    :returns: The vectors in the order of the texts, (texts, dimension).
    """
    device = next(tower.backbone.parameters()).device
    training = tower.training
    tower.eval()
    vectors = torch.empty(len(texts), tower.part.dimension, device=device)
    try:
        features = by_length(tower, texts, range(len(texts)))
        rows = features["row"].to(device)
        lengths = features["attention_mask"].sum(dim=1).tolist()
        start = 0
        while start < len(texts):
            stop = _end_of_chunk(lengths, start, chunk_tokens)
            width = lengths[stop - 1]
            chunk = (features[name][start:stop, :width].to(device) for name in ("input_ids", "attention_mask"))
            vectors[rows[start:stop]] = tower.vectors(*chunk)
            start = stop
    finally:
        tower.train(training)
    return vectors


def _end_of_chunk(lengths: Sequence[int], start: int, chunk_tokens: int) -> int:
    stop = start + 1
    while stop < len(lengths) and (stop + 1 - start) * lengths[stop] <= chunk_tokens:
        stop += 1
    return stop
