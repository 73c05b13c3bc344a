# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The order of the questions, batch by batch, that a resumed training continues."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sentence_transformers.base.sampler import DefaultBatchSampler
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from dpr_haystack.core.question_order import QuestionOrder


class EpochSampler(DefaultBatchSampler):  # type: ignore[misc]
    """Numbers of questions, batch by batch. The order depends on the epoch only, so a resumed training continues it.

    :param order: The order of the questions in each epoch.
    :param count: Number of questions.
    :param batch_size: Questions per batch.
    :param min_size: A last batch with fewer questions is dropped.
    :param processes: Number of processes that share the batches. All get the same number and the remainder is dropped:
        a process with one more batch would wait for the others' passages forever.
    """

    def __init__(
        self, order: QuestionOrder, count: int, batch_size: int, min_size: int = 1, processes: int = 1
    ) -> None:
        super().__init__(range(count), batch_size=batch_size, drop_last=False)
        self._order = order
        self._count = count
        self._min_size = min_size
        self._processes = processes

    def __iter__(self) -> Iterator[list[int]]:
        order = self._order(self.epoch)
        for number in range(len(self)):
            yield order[number * self.batch_size : (number + 1) * self.batch_size].tolist()

    @property
    def batches_per_process(self) -> int:
        """Batches of an epoch that each process gets."""
        return len(self) // self._processes

    def __len__(self) -> int:
        whole, rest = divmod(self._count, int(self.batch_size))
        batches = whole + int(rest >= max(1, self._min_size))
        return batches - batches % self._processes


class TellEpoch(TrainerCallback):  # type: ignore[misc]
    """Tells the sampler which epoch begins.

    The trainer does not always reach it: with several processes and within an epoch that is resumed, accelerate has
    wrapped it twice, and the epoch would be trained in the order of the first one.

    :param sampler: The sampler.
    :param accumulate: Batches per step.
    """

    def __init__(self, sampler: EpochSampler, accumulate: int = 1) -> None:
        self._sampler = sampler
        self._steps = -(-sampler.batches_per_process // accumulate)

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._sampler.set_epoch(state.global_step // self._steps)
