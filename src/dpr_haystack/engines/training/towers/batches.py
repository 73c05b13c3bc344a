# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Batches of questions and passages as token ids, in a reproducible order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dpr_haystack.core.text import PassageText, normalize_question, with_prompt
from dpr_haystack.core.training_set import DrawRules, TrainingSet, draw_passages
from dpr_haystack.engines.checkpoints.tokenization import padded
from dpr_haystack.engines.training.epoch_sampler import EpochSampler
from dpr_haystack.engines.training.towers.trainable import ROUTES, TrainableTower

NO_PASSAGE = -1
"""Pads the negatives of a question that has fewer than another one of its batch."""


class Collator:
    """Converts numbers of questions to the inputs of both towers.

    A passage of several questions of a batch is included once. Texts are sorted by length, so that the chunks in which
    they are encoded have little padding.

    :param training_set: The questions and passages.
    :param rules: Which passages a question is trained with.
    :param question: The question tower, for its tokenizer.
    :param passage: The passage tower, for its tokenizer.
    :param sampler: The sampler, for the number of the epoch.
    """

    valid_label_columns: tuple[str, ...] = ()

    def __init__(
        self,
        training_set: TrainingSet,
        rules: DrawRules,
        question: TrainableTower,
        passage: TrainableTower,
        sampler: EpochSampler,
    ) -> None:
        self._set = training_set
        self._rules = rules
        self._question = question
        self._passage = passage
        self._sampler = sampler

    def __call__(self, items: Sequence[dict[str, int]]) -> dict[str, Any]:
        """Build a batch.

        :param items: ``{"question": number}`` for every question.
        :returns: For both towers ``*_input_ids``, ``*_attention_mask`` and ``*_row`` (numbers of questions and of
            passages); for the questions also ``positive``, (questions,), and ``negatives``, (questions, most negatives
            of one), padded with :data:`NO_PASSAGE`: numbers of passages.
        """
        numbers = [item["question"] for item in items]
        drawn = {n: draw_passages(self._rules, self._set.rows[n], n, self._sampler.epoch) for n in numbers}
        texts: list[PassageText] = [(None, normalize_question(self._set.rows[n].question)) for n in numbers]
        questions = by_length(self._question, texts, numbers)
        passage_numbers = list(dict.fromkeys(p for n in numbers for p in (drawn[n][0], *drawn[n][1])))
        passages = by_length(self._passage, [self._set.passages[p] for p in passage_numbers], passage_numbers)
        order = questions["row"].tolist()
        width = max(len(drawn[n][1]) for n in order)
        negatives = np.full((len(order), width), NO_PASSAGE, dtype=np.int64)
        for row, number in enumerate(order):
            negatives[row, : len(drawn[number][1])] = drawn[number][1]
        return {
            **{f"question_{name}": value for name, value in questions.items()},
            "question_positive": torch.tensor([drawn[n][0] for n in order]),
            "question_negatives": torch.from_numpy(negatives),
            "question_task": ROUTES["question"],
            **{f"passage_{name}": value for name, value in passages.items()},
            "passage_task": ROUTES["passage"],
        }


def by_length(tower: TrainableTower, texts: Sequence[PassageText], numbers: Sequence[int]) -> dict[str, Tensor]:
    """Token ids of texts, the shortest text first.

    :param tower: The tower that will encode them.
    :param texts: Titles (or ``None``) and texts.
    :param numbers: The number of each text.
    :returns: ``input_ids`` and ``attention_mask``, (texts, tokens), and ``row``: the numbers in the new order.
    """
    ids = tower.tokenizer.encode([with_prompt(tower.part.prompt, text) for text in texts])
    order = sorted(range(len(ids)), key=lambda index: len(ids[index]))
    tokens, mask = padded([ids[index] for index in order], tower.tokenizer.pad_id)
    return {
        "input_ids": torch.from_numpy(tokens),
        "attention_mask": torch.from_numpy(mask),
        "row": torch.tensor([numbers[index] for index in order]),
    }
