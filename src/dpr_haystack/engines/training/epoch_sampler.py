# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The order of the questions, batch by batch, that a resumed training continues."""

from __future__ import annotations

from collections.abc import Iterator

from sentence_transformers.base.sampler import DefaultBatchSampler

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

    def __len__(self) -> int:
        whole, rest = divmod(self._count, int(self.batch_size))
        batches = whole + int(rest >= max(1, self._min_size))
        return batches - batches % self._processes
