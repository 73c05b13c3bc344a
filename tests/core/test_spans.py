# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Span selection, compared with an exhaustive search in plain Python."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpr_haystack.core.answer_ranking import rank_answers
from dpr_haystack.core.spans import Span, SpanChoice, WindowLogits, choose, clash, read_passage
from dpr_haystack.core.windows import plan_windows

LOGITS = st.floats(-8, 8, allow_nan=False, width=32)


@st.composite
def passages(draw):
    """Logits of a passage in windows; overlapping windows have different logits for the same tokens."""
    count = draw(st.integers(1, 24))
    room = draw(st.integers(2, 12))
    longest = draw(st.one_of(st.none(), st.integers(1, 6)))
    windows = []
    for window in plan_windows(count, room, draw(st.integers(0, 8)), longest):
        size = len(window)
        start, end = (np.array(draw(st.lists(LOGITS, min_size=size, max_size=size))) for _ in range(2))
        windows.append(WindowLogits(window, start, end, draw(LOGITS), draw(LOGITS)))
    return count, longest, windows


def every_span(windows, longest):
    """First token, last token and score of all valid spans."""
    spans = []
    for logits in windows:
        window = logits.window
        for first in range(window.owned_from, window.owned_to):
            for last in range(first, window.stop):
                if longest is None or last - first < longest:
                    score = logits.start[first - window.start] + logits.end[last - window.start]
                    spans.append((first, last, float(score)))
    return spans


def places(count) -> tuple[Any, Any]:
    """Every token is a word of two letters and a space."""
    starts = np.arange(count) * 3
    return starts, starts + 2


def greedy(spans, count, overlap):
    """The best spans that do not overlap too much, chosen one after the other."""
    kept: list[Any] = []
    for span in sorted(spans, key=lambda span: -span[2]):
        start, end = 3 * span[0], 3 * span[1] + 2
        for other_start, other_end, _ in kept:
            shared = min(end, other_end) - max(start, other_start)
            share = max(shared / (end - start), shared / (other_end - other_start))
            if (start, end) == (other_start, other_end) or (overlap is not None and shared > 0 and share > overlap):
                break
        else:
            kept.append((start, end, span[2]))
    return kept[:count]


@given(passages(), st.integers(1, 8), st.sampled_from([None, 0.0, 0.01, 0.4, 1.0]))
def test_the_best_spans_are_those_of_a_full_search(passage, count, overlap):
    tokens, longest, windows = passage
    reading = read_passage(*places(tokens), windows, SpanChoice(count, longest, overlap))
    expected = greedy(every_span(windows, longest), count, overlap)
    assert [span.logit for span in reading.spans] == pytest.approx([score for _, _, score in expected])
    if len({score for _, _, score in every_span(windows, longest)}) == len(every_span(windows, longest)):
        assert [(span.start, span.end) for span in reading.spans] == [(start, end) for start, end, _ in expected]


@given(passages(), st.sampled_from([0.1, 1.0, 3.0]))
def test_total_relevance_and_null(passage, calibration):
    tokens, longest, windows = passage
    reading = read_passage(*places(tokens), windows, SpanChoice(1, longest, calibration=calibration))
    weight = math.fsum(math.exp(calibration * score) for _, _, score in every_span(windows, longest))
    assert reading.total == pytest.approx(math.log(weight), abs=1e-9)
    assert reading.relevance == max(window.relevance for window in windows)
    assert reading.null == min(window.null for window in windows)
    assert reading.calibration == calibration


def one_window(start, end, relevance=None):
    start, end = np.array(start, dtype=float), np.array(end, dtype=float)
    return [WindowLogits(plan_windows(len(start), 999, 0)[0], start, end, 0.5, relevance)]


def test_only_so_many_spans_of_a_window_are_considered():
    windows = one_window([5, 4, 0], [0, 4, 3])
    everything = read_passage(*places(3), windows, SpanChoice(9, overlap=None))
    assert [span.logit for span in everything.spans] == [9, 8, 8, 7, 5, 3]
    assert [span.logit for span in read_passage(*places(3), windows, SpanChoice(9, None, None, 2)).spans] == [9, 8]
    # what is not considered still has its probability
    assert read_passage(*places(3), windows, SpanChoice(9, None, None, 2)).total == everything.total


def test_a_large_window_gives_its_best_spans():
    generator = np.random.default_rng(0)
    windows = one_window(generator.normal(size=200), generator.normal(size=200))  # 20,100 spans
    scores = sorted((score for _, _, score in every_span(windows, None)), reverse=True)
    reading = read_passage(*places(200), windows, SpanChoice(20_000, overlap=None))
    assert len(reading.spans) == 10_000
    assert [span.logit for span in reading.spans] == pytest.approx(scores[:10_000])
    assert reading.total == pytest.approx(np.logaddexp.reduce(scores))


def test_equal_characters_are_one_answer():
    starts, ends = np.array([0, 0, 9]), np.array([8, 8, 12])  # two pieces of one word, and another word
    reading = read_passage(starts, ends, one_window([1, 2, 0], [1, 3, 0]), SpanChoice(9, overlap=None))
    assert reading.spans == (Span(0, 8, 5.0), Span(0, 12, 2.0), Span(9, 12, 0.0))
    # 1+1, 1+3, 2+3 are the same word, 1+0 and 2+0 the same two words
    masses = [np.logaddexp.reduce([2.0, 4.0, 5.0]), np.logaddexp.reduce([1.0, 2.0]), 0.0]
    assert [span.mass for span in reading.spans] == pytest.approx(masses)
    assert np.logaddexp.reduce(masses) == pytest.approx(reading.total)


@pytest.mark.parametrize("rank_by", ["passage", "span"])
def test_answers_of_several_pieces_have_all_of_their_probability(rank_by):
    starts, ends = np.array([0, 0, 9]), np.array([8, 8, 12])
    windows = one_window([1, 2, 0], [1, 3, 0], relevance=0.5)
    reading = read_passage(starts, ends, windows, SpanChoice(9, overlap=None, calibration=0.5))
    ranking = rank_answers([reading, reading], rank_by=rank_by, top_k=99, overlap=None)
    assert sum(each.probability for each in ranking.spans) + ranking.no_answer == pytest.approx(1)


def test_a_token_of_nothing_but_space_is_no_answer():
    starts, ends = np.array([0, 3, 3]), np.array([2, 2, 5])
    reading = read_passage(starts, ends, one_window([0, 9, 0], [0, 9, 0]), SpanChoice(9, overlap=None))
    # from the space to the word behind it is the word; from the word before to the space is that word
    assert {(span.start, span.end) for span in reading.spans} == {(0, 2), (3, 5), (0, 5)}
    assert reading.total == pytest.approx(math.log(math.exp(0) * 3 + math.exp(9) * 2))


def test_a_passage_without_a_token_has_no_span():
    reading = read_passage(np.array([], int), np.array([], int), one_window([], [], 1.5), SpanChoice(3))
    assert (reading.spans, reading.total, reading.relevance, reading.null) == ((), -math.inf, 1.5, 0.5)


def test_a_model_that_does_not_score_passages():
    assert read_passage(*places(1), one_window([0], [0]), SpanChoice(1)).relevance is None


SPANS = st.lists(st.tuples(st.integers(0, 12), st.integers(1, 8), LOGITS), max_size=12)


@given(SPANS, st.integers(0, 6), st.sampled_from([None, 0.0, 0.3, 1.0]))
def test_chosen_spans_never_clash(drawn, count, overlap):
    starts = np.array([start for start, _, _ in drawn], dtype=np.int64)
    ends = starts + np.array([length for _, length, _ in drawn], dtype=np.int64)
    scores = np.array([score for _, _, score in drawn])
    kept = choose(starts, ends, scores, count, overlap)
    spans = [Span(int(starts[place]), int(ends[place]), float(scores[place])) for place in kept]
    assert len(kept) <= count
    assert [span.logit for span in spans] == sorted((span.logit for span in spans), reverse=True)
    assert not any(clash(a, b, overlap) for i, a in enumerate(spans) for b in spans[:i])
    if len(kept) < count:
        left = [Span(int(a), int(b), 0.0) for a, b in zip(starts, ends, strict=True)]
        assert all(any(clash(span, other, overlap) for other in spans) for span in left)


@pytest.mark.parametrize(
    ("first", "second", "overlap", "expected"),
    [
        ((0, 10), (10, 12), 0.0, False),  # side by side
        ((0, 10), (9, 20), 0.0, True),
        ((0, 10), (9, 20), 0.1, False),  # a tenth of the first is not more than a tenth
        ((0, 10), (9, 20), 0.09, True),
        ((0, 10), (2, 4), 0.99, True),  # all of the second
        ((0, 10), (2, 4), 1.0, False),
        ((0, 10), (0, 10), 1.0, True),
        ((0, 10), (0, 10), None, True),
        ((0, 10), (0, 9), None, False),
    ],
)
def test_clashes(first: tuple[int, int], second: tuple[int, int], overlap, expected):
    assert clash(Span(*first, 0.0), Span(*second, 1.0), overlap) is expected
    assert clash(Span(*second, 0.0), Span(*first, 1.0), overlap) is expected
