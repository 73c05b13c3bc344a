# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Scores of a cross-encoder as the teacher in distillation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from sentence_transformers import CrossEncoder
from torch import Tensor

from dpr_haystack.core.text import PassageText
from dpr_haystack.core.training_set import TrainingSet
from dpr_haystack.engines.checkpoints.runtime import quiet
from dpr_haystack.errors import ModelError


def load_cross_encoder(model: str, *, device: str | None = None, token: str | None = None) -> CrossEncoder:
    """Load a cross-encoder.

    :param model: A name on the hub or a path.
    :param device: A torch device; None for the default of sentence-transformers.
    :param token: A hub token.
    :returns: The cross-encoder.
    :raises ModelError: If it cannot be loaded, or returns more than one score per pair.
    """
    try:
        with quiet():
            loaded = CrossEncoder(model, device=device, token=token)
    except Exception as error:  # a missing or broken model makes sentence-transformers raise anything
        msg = f"the cross-encoder {model} cannot be loaded: {error}"
        raise ModelError(msg) from error
    if loaded.num_labels != 1:
        msg = f"the cross-encoder {model} must return one score per pair: got {loaded.num_labels}"
        raise ModelError(msg)
    return loaded


def relevance_scores(model: CrossEncoder, pairs: Sequence[tuple[str, PassageText]]) -> list[float]:
    """The relevance scores of passages for questions, before any sigmoid.

    :param model: The cross-encoder.
    :param pairs: Questions, each with the title (or ``None``) and the text of a passage; the title is put before the
        text.
    :returns: One score per pair.
    """
    if not pairs:
        return []
    texts = [(question, text if title is None else f"{title} {text}") for question, (title, text) in pairs]
    scores = model.predict(texts, activation_fn=torch.nn.Identity(), show_progress_bar=False, convert_to_numpy=True)
    return [float(score) for score in scores]


class CrossEncoderTeacher:
    """Scores the positive and negatives of questions, each pair once.

    :param model: The cross-encoder.
    :param training_set: The questions and passages.
    """

    def __init__(self, model: CrossEncoder, training_set: TrainingSet) -> None:
        self._model = model
        self._set = training_set
        self._cache: dict[tuple[int, int], float] = {}

    def __call__(self, questions: Sequence[int], passages: Sequence[Sequence[int]]) -> Tensor:
        """Score passages.

        :param questions: Numbers of questions.
        :param passages: For each of them numbers of passages; below 0 for padding.
        :returns: The scores, 0 for padding, (questions, passages).
        """
        pairs = [(q, p) for q, row in zip(questions, passages, strict=True) for p in row if p >= 0]
        missing = [pair for pair in dict.fromkeys(pairs) if pair not in self._cache]
        if missing:
            texts = [(self._set.rows[q].question, self._set.passages[p]) for q, p in missing]
            self._cache.update(zip(missing, relevance_scores(self._model, texts), strict=True))
        return torch.tensor(
            [[self._cache[q, p] if p >= 0 else 0.0 for p in row] for q, row in zip(questions, passages, strict=True)]
        )
