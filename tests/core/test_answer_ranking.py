# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpr_haystack.core.answer_ranking import independent, min_max_scale, rank_answers
from dpr_haystack.core.spans import PassageReading, Span
from dpr_haystack.errors import InputError

LOGITS = st.floats(-20, 20, allow_nan=False)


@st.composite
def readings(draw, scored=True):
    """Readings that hold all their spans."""
    calibration = draw(st.sampled_from([0.1, 1.0, 2.0]))
    made = []
    for _ in range(draw(st.integers(1, 5))):
        logits = sorted(draw(st.lists(LOGITS, max_size=6)), reverse=True)
        total = np.logaddexp.reduce([calibration * logit for logit in logits]) if logits else -math.inf
        spans = tuple(Span(3 * place, 3 * place + 2, logit) for place, logit in enumerate(logits))
        relevance = draw(LOGITS) if scored else None
        made.append(
            draw(st.sampled_from([None, *[PassageReading(relevance, draw(LOGITS), total, spans, calibration)] * 4]))
        )
    return made


@given(readings(), st.sampled_from(["passage", "span"]), st.lists(st.floats(0, 5), min_size=5, max_size=5))
def test_probabilities_of_all_answers_and_of_none_make_one(made, rank_by, boosts):
    ranking = rank_answers(made, rank_by=rank_by, top_k=999, boosts=boosts[: len(made)])
    total = math.fsum([ranking.no_answer, *(answer.probability for answer in ranking.spans)])
    assert total == pytest.approx(1)
    assert len(ranking.spans) == sum(len(reading.spans) for reading in made if reading is not None)
    passages = {answer.passage: answer.passage_probability or 0.0 for answer in ranking.spans}
    assert math.fsum(passages.values()) <= 1 + 1e-9


@given(readings())
def test_by_passage_all_of_a_better_passage_comes_first(made):
    ranking = rank_answers(made, rank_by="passage", top_k=999)
    keys = [(made[answer.passage].relevance, -answer.passage, answer.span.logit) for answer in ranking.spans]
    assert keys == sorted(keys, reverse=True)


@given(readings(scored=False))
def test_by_span_the_best_span_of_all_comes_first(made):
    ranking = rank_answers(made, rank_by="span", top_k=999)
    logits = [answer.span.logit for answer in ranking.spans]
    assert logits == sorted(logits, reverse=True)
    assert all(answer.passage_probability is None for answer in ranking.spans)
    assert rank_answers(made, rank_by="span", top_k=2).spans == ranking.spans[:2]


def reading(relevance, null, logits, calibration=1.0):
    spans = tuple(Span(3 * place, 3 * place + 2, logit) for place, logit in enumerate(logits))
    total = np.logaddexp.reduce([calibration * logit for logit in logits])
    return PassageReading(relevance, null, total, spans, calibration)


TWO = [reading(1.0, 0.5, [2.0, 0.0]), reading(2.0, -1.0, [1.0])]
E = math.exp


def test_by_passage_by_hand():
    ranking = rank_answers(TWO, rank_by="passage", top_k=9)
    assert [(answer.passage, answer.span.logit) for answer in ranking.spans] == [(1, 1.0), (0, 2.0), (0, 0.0)]
    first, second = E(1) / (E(1) + E(2)), E(2) / (E(1) + E(2))
    weights = [E(2) + E(0) + E(0.5), E(1) + E(-1)]
    expected = [second * E(1) / weights[1], first * E(2) / weights[0], first * E(0) / weights[0]]
    assert [answer.probability for answer in ranking.spans] == pytest.approx(expected)
    assert [answer.passage_probability for answer in ranking.spans] == pytest.approx([second, first, first])
    assert ranking.no_answer == pytest.approx(first * E(0.5) / weights[0] + second * E(-1) / weights[1])


def test_by_span_by_hand():
    ranking = rank_answers(TWO, rank_by="span", top_k=9)
    weight = E(2) + E(0) + E(1) + E(-1)  # the smaller "no answer"
    assert [answer.probability for answer in ranking.spans] == pytest.approx([E(2) / weight, E(1) / weight, 1 / weight])
    assert ranking.no_answer == pytest.approx(E(-1) / weight)


def test_calibration_makes_probabilities_milder_and_changes_no_order():
    mild = [reading(1.0, 0.5, [2.0, 0.0], 0.1), reading(2.0, -1.0, [1.0], 0.1)]
    ranking = rank_answers(mild, rank_by="span", top_k=9)
    weight = E(0.2) + E(0) + E(0.1) + E(-0.1)
    assert [answer.probability for answer in ranking.spans] == pytest.approx(
        [E(0.2) / weight, E(0.1) / weight, 1 / weight]
    )
    by_passage = rank_answers(mild, rank_by="passage", top_k=1).spans[0]
    assert by_passage.passage_probability == pytest.approx(E(0.2) / (E(0.1) + E(0.2)))


def test_a_boost_counts_for_the_passage_or_for_its_spans():
    by_passage = rank_answers(TWO, rank_by="passage", top_k=9, boosts=[1.5, 0.0])
    assert by_passage.spans[0].passage == 0
    assert by_passage.spans[0].passage_probability == pytest.approx(E(2.5) / (E(2.5) + E(2)))
    by_span = rank_answers(TWO, rank_by="span", top_k=9, boosts=[0.0, 1.5])
    weight = E(2) + E(0) + E(2.5) + E(-1)
    assert [(answer.passage, answer.probability) for answer in by_span.spans[:2]] == [
        (1, pytest.approx(E(2.5) / weight)),
        (0, pytest.approx(E(2) / weight)),
    ]
    # that the passage holds the answer is not for the retriever to say then
    assert by_span.spans[0].passage_probability == pytest.approx(E(2) / (E(1) + E(2)))


def test_spans_of_one_source_do_not_clash():
    same = [reading(1.0, 0.0, [2.0, 1.0]), reading(0.0, 0.0, [3.0, -1.0, -2.0])]
    apart = rank_answers(same, rank_by="passage", top_k=9)
    assert len(apart.spans) == 5
    together = rank_answers(same, rank_by="passage", top_k=9, sources=["a", "a"])
    assert [(answer.passage, answer.span.start) for answer in together.spans] == [(0, 0), (0, 3), (1, 6)]
    assert together.no_answer == apart.no_answer
    assert len(rank_answers(same, rank_by="passage", top_k=9, sources=["a", "b"]).spans) == 5
    assert len(rank_answers(same, rank_by="passage", top_k=9, sources=["a", "a"], overlap=None).spans) == 3


def test_nothing_read_is_no_answer():
    for made in ([], [None, None]):
        ranking = rank_answers(made, rank_by="passage", top_k=3)
        assert (ranking.spans, ranking.no_answer) == ((), 1.0)


def test_places_are_those_of_the_list():
    ranking = rank_answers([None, *TWO], rank_by="passage", top_k=1, boosts=[9.0, 0.0, 0.0])
    assert ranking.spans[0].passage == 2


def test_what_cannot_be_ranked_is_refused():
    with pytest.raises(InputError, match="passage, span: got 'score'"):
        rank_answers(TWO, rank_by="score", top_k=1)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="rank_by='span'"):
        rank_answers([reading(None, 0.0, [1.0])], rank_by="passage", top_k=1)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([], []),
        ([None, None], [0, 0]),
        ([70.0, 60.0, 65.0], [1, 0, 0.5]),
        ([3.0, 3.0, None], [1, 1, 0]),
        ([float("nan"), 2.0, 1.0], [0, 1, 0]),
        ([float("inf"), 2.0, 1.0], [0, 1, 0]),
    ],
)
def test_scores_between_0_and_1(scores, expected):
    assert min_max_scale(scores) == pytest.approx(expected)


def test_independent_probabilities_are_sigmoids_of_the_scores():
    ranking = rank_answers(TWO, rank_by="span", top_k=2, boosts=[0.0, 3.0])
    alone = independent(ranking, 0.1, [0.0, 3.0])
    assert [answer.span.logit for answer in alone.spans] == [1.0, 2.0]
    expected = [1 / (1 + E(-0.4)), 1 / (1 + E(-0.2))]
    assert [answer.probability for answer in alone.spans] == pytest.approx(expected)
    assert alone.no_answer == pytest.approx((1 - expected[0]) * (1 - expected[1]))
    assert independent(rank_answers([reading(None, 0.0, [-2000.0])], rank_by="span", top_k=1), 1.0).no_answer == 1.0
