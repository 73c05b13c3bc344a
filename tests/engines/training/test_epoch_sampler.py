# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The order of the questions in training."""

from __future__ import annotations

import pytest

from dpr_haystack.core.question_order import random_order
from dpr_haystack.engines.training.epoch_sampler import EpochSampler


@pytest.mark.parametrize(
    ("count", "min_size", "sizes"), [(10, 1, [4, 4, 2]), (9, 2, [4, 4]), (9, 1, [4, 4, 1]), (8, 2, [4, 4])]
)
def test_the_last_batch_is_left_out_if_it_has_no_negative(count: int, min_size: int, sizes: list[int]) -> None:
    sampler = EpochSampler(random_order(count, 3), count, 4, min_size=min_size)
    first = [list(batch) for batch in sampler]
    assert [len(batch) for batch in first] == sizes
    assert len(sampler) == len(sizes)
    assert first == [list(batch) for batch in sampler]
    sampler.set_epoch(1)
    assert first != [list(batch) for batch in sampler]


def test_every_process_has_as_many_batches() -> None:
    samplers = [EpochSampler(random_order(36, 3), 36, 4, processes=processes) for processes in (1, 2, 4, 5, 10)]
    assert [len(list(sampler)) for sampler in samplers] == [9, 8, 8, 5, 0]
