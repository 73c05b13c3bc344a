# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Scores as they are written into files."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpr_haystack.core.hits import Hits, distinct_scores
from dpr_haystack.errors import InputError


@given(st.lists(st.floats(-3e38, 1e300) | st.sampled_from([0.0, -0.0, 1.0, 1e-46, 1.0 + 1e-9]), max_size=20))
def test_scores_in_files_decrease_in_float32_too(scores: list[float]) -> None:
    written = np.array(list(distinct_scores(scores)))
    with np.errstate(over="ignore"):
        read = written.astype(np.float32)
    assert all(later < earlier for earlier, later in pairwise(read))


@given(st.lists(st.integers(-1000, 1000), unique=True))
def test_scores_that_differ_are_written_as_they_are(scores: list[int]) -> None:
    best_first = [score / 7 for score in sorted(scores, reverse=True)]
    assert list(distinct_scores(best_first)) == best_first


def test_a_tie_is_lowered_by_as_little_as_possible() -> None:
    assert list(distinct_scores([1.0, 1.0, 0.5])) == [1.0, 1.0 - 2.0**-24, 0.5]


@pytest.mark.parametrize("scores", [[math.nan], [1.0, math.inf], [-3.5e38, -3.5e38]])
def test_scores_that_cannot_be_written(scores: list[float]) -> None:
    with pytest.raises(InputError, match="must be finite numbers"):
        list(distinct_scores(scores))


def test_the_first_hits() -> None:
    assert Hits(["a", "b"], [2.0, 1.0]).first(1) == Hits(["a"], [2.0])
    assert Hits(["a", "b"], [2.0, 1.0]).by_id() == {"a": 2.0, "b": 1.0}
