# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpr_haystack.core.windows import Window, plan_windows
from dpr_haystack.errors import InputError


@given(
    tokens=st.integers(0, 400),
    room=st.integers(1, 80),
    stride=st.integers(0, 200),
    longest=st.one_of(st.none(), st.integers(1, 100)),
)
def test_no_span_is_lost_or_counted_twice(tokens, room, stride, longest):
    windows = plan_windows(tokens, room, stride, longest)
    owned = [token for window in windows for token in range(window.owned_from, window.owned_to)]
    assert owned == list(range(tokens))
    assert windows[0].start == 0
    assert windows[-1].stop == tokens
    sure = min(longest or 1, max(1, room // 2))
    for window in windows:
        assert len(window) <= room
        assert window.start <= window.owned_from <= window.owned_to <= window.stop
        for first in range(window.owned_from, window.owned_to):
            assert min(first + sure, tokens) <= window.stop


def test_neighbours_overlap_by_the_stride_or_by_what_an_answer_needs():
    def overlaps(stride, longest):
        windows = plan_windows(1000, 100, stride, longest)
        return {a.stop - b.start for a, b in pairwise(windows[:-1])}

    assert overlaps(20, 10) == {20}
    assert overlaps(20, 41) == {40}
    assert overlaps(0, 10) == {9}
    assert overlaps(99, 10) == {75}  # the work does not grow without bounds
    assert overlaps(0, 90) == {49}


def test_the_window_with_more_text_around_owns_a_span():
    first, second = plan_windows(16, 10, 4, 2)
    assert (first.start, first.stop, second.start, second.stop) == (0, 10, 6, 16)
    # a span of two from 7: one token of the first window behind it, one of the second before it
    assert (first.owned_to, second.owned_from) == (7, 7)


def test_a_passage_that_fits_is_one_window():
    assert plan_windows(10, 10, 3, 5) == [Window(0, 10, 0, 10)]
    assert plan_windows(0, 10, 3, 5) == [Window(0, 0, 0, 0)]


def test_no_room_is_an_error():
    with pytest.raises(InputError, match="got 0"):
        plan_windows(5, 0, 3)
