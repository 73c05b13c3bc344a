# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from typing import Any

import pytest

from dpr_haystack.core.ranked_lists import Rise, as_listed, by_score, first_rise
from dpr_haystack.errors import InputError

HITS = [("b", 1.0), ("a", 1.0), ("c", None), ("d", 3.0), ("b", 2.0), ("e", math.nan)]


def test_by_score_the_best_is_first_and_equal_ones_are_sorted_by_id() -> None:
    assert by_score("x", HITS) == [("d", 3.0), ("b", 2.0), ("a", 1.0), ("c", -math.inf), ("e", -math.inf)]
    nearest = by_score("x", HITS, lower_is_better=True)
    assert nearest == [("a", -1.0), ("b", -1.0), ("d", -3.0), ("c", -math.inf), ("e", -math.inf)]


def test_as_listed_the_first_place_of_an_id_counts() -> None:
    assert as_listed("x", HITS) == [("b", 1.0), ("a", 1.0), ("c", -math.inf), ("d", 3.0), ("e", -math.inf)]


@pytest.mark.parametrize("function", [by_score, as_listed])
def test_a_score_that_is_no_number_is_refused_by_its_id(function: Any) -> None:
    with pytest.raises(InputError, match="the score of 'a' from 'x' must be a number: got 'high'"):
        function("x", [("a", "high")])


def test_the_first_rise() -> None:
    assert first_rise([3.0, None, 2.0, 2.0, math.nan, 2.5, 9.0]) == Rise(6, 2.0, 2.5)
    assert first_rise([3.0, 2.0, 2.0 + 1e-9, -math.inf]) is None
    assert first_rise([1e-12, 2e-12]) is None  # noise beside scores of that size cannot be told from a rise
    assert first_rise([1.0, 2.0, 1.5], lower_is_better=True) == Rise(3, 2.0, 1.5)
    assert first_rise([]) is first_rise([1.0]) is first_rise([None, None]) is None
