# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Batch sizes follow the measured speed within limits."""

from __future__ import annotations

import pytest

from dpr_haystack.workflows.batch_sizes import next_size


@pytest.mark.parametrize(
    ("size", "embedded", "seconds", "expected"),
    [
        (64, 0, 1.0, 64),  # nothing was embedded: the speed is unknown
        (64, 64, 4.0, 80),  # 16 per second for 5 seconds
        (64, 64, 0.1, 128),  # at most twice the last size
        (4096, 4096, 0.5, 4096),
        (64, 64, 100.0, 32),
        (64, 64, 0.0, 128),
    ],
)
def test_the_next_batch_takes_about_five_seconds(size: int, embedded: int, seconds: float, expected: int) -> None:
    assert next_size(size, embedded, seconds) == expected
