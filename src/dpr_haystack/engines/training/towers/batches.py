# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Batches of questions and passages as token ids, in an order that is the same every time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from sentence_transformers.base.sampler import DefaultBatchSampler
from torch import Tensor

from dpr_haystack.core.question_order import QuestionOrder
from dpr_haystack.core.text import PassageText, normalize_question, with_prompt
from dpr_haystack.core.training_set import DrawRules, TrainingSet, draw_passages
from dpr_haystack.engines.checkpoints.tokenization import padded
from dpr_haystack.engines.training.towers.trainable import ROUTES, TrainableTower

NOTHING = -1
"""Stands where a question has fewer negatives than another one of its batch."""


class EpochSampler(DefaultBatchSampler):  # type: ignore[misc]
    """Numbers of questions, batch by batch: each epoch has an order of its own, whatever was drawn before.

    :param order: Of the questions, for every epoch.
    :param count: How many questions there are.
    :param batch_size: Questions in a batch.
    :param least: A last batch with fewer questions than this is left out.
    :param processes: How many take turns with the batches: each gets as many, and what is left over is left out, for
        one that had more would wait for the others' passages for ever.
    """

    def __init__(self, order: QuestionOrder, count: int, batch_size: int, least: int = 1, processes: int = 1) -> None:
        super().__init__(range(count), batch_size=batch_size, drop_last=False)
        self._order = order
        self._count = count
        self._least = least
        self._processes = processes

    def __iter__(self) -> Iterator[list[int]]:
        order = self._order(self.epoch)
        for number in range(len(self)):
            yield order[number * self.batch_size : (number + 1) * self.batch_size].tolist()

    def __len__(self) -> int:
        whole, rest = divmod(self._count, int(self.batch_size))
        batches = whole + int(rest >= max(1, self._least))
        return batches - batches % self._processes


class Collator:
    """Numbers of questions to the inputs of both towers.

    A passage that several questions of a batch name is there once. Texts are in the order of their lengths, so that
    the chunks in which they are encoded have little padding.

    :param training_set: The questions and passages.
    :param rules: Which passages a question is trained with.
    :param question: Its tokenizer is used.
    :param passage: Its tokenizer is used.
    :param sampler: Knows which epoch it is.
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
        """A batch.

        :param items: ``{"question": number}`` for every question.
        :returns: For both towers ``*_input_ids``, ``*_attention_mask`` and ``*_row`` (numbers of questions and of
            passages); for the questions also ``positive``, (questions,), and ``negatives``, (questions, most that one
            has), filled up with :data:`NOTHING`: numbers of passages.
        """
        numbers = [item["question"] for item in items]
        drawn = {n: draw_passages(self._rules, self._set.rows[n], n, self._sampler.epoch) for n in numbers}
        texts: list[PassageText] = [(None, normalize_question(self._set.rows[n].question)) for n in numbers]
        questions = by_length(self._question, texts, numbers)
        wanted = list(dict.fromkeys(p for n in numbers for p in (drawn[n][0], *drawn[n][1])))
        passages = by_length(self._passage, [self._set.passages[p] for p in wanted], wanted)
        order = questions["row"].tolist()
        width = max(len(drawn[n][1]) for n in order)
        negatives = np.full((len(order), width), NOTHING, dtype=np.int64)
        for place, number in enumerate(order):
            negatives[place, : len(drawn[number][1])] = drawn[number][1]
        return {
            **{f"question_{name}": value for name, value in questions.items()},
            "question_positive": torch.tensor([drawn[n][0] for n in order]),
            "question_negatives": torch.from_numpy(negatives),
            "question_task": ROUTES["question"],
            **{f"passage_{name}": value for name, value in passages.items()},
            "passage_task": ROUTES["passage"],
        }


def by_length(tower: TrainableTower, texts: Sequence[PassageText], numbers: Sequence[int]) -> dict[str, Tensor]:
    """Token ids of some texts, the shortest first.

    :param tower: The tower that will read them.
    :param texts: Titles (or ``None``) and texts.
    :param numbers: What to call each.
    :returns: ``input_ids`` and ``attention_mask``, (texts, tokens), and ``row``: their numbers in this order.
    """
    ids = tower.tokenizer.encode([with_prompt(tower.part.prompt, text) for text in texts])
    order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
    tokens, mask = padded([ids[place] for place in order], tower.tokenizer.pad_id)
    return {
        "input_ids": torch.from_numpy(tokens),
        "attention_mask": torch.from_numpy(mask),
        "row": torch.tensor([numbers[place] for place in order]),
    }
