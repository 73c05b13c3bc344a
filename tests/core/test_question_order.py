# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Every epoch has every question once; neighbours come together where that is asked for."""

from __future__ import annotations

from itertools import groupby

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dpr_haystack.core.question_order import QuestionOrder, at_random, neighbours_together
from dpr_haystack.core.training_set import TrainingRow

# two subjects of five passages, each passage with three questions; 100 to 104 answer nothing
SUBJECTS = [range(5), range(5, 10)]
ROWS = [
    TrainingRow(f"{passage}, {number}?", (passage,), (100 + number, *(each for each in subject if each != passage)))
    for subject in SUBJECTS
    for passage in subject
    for number in range(3)
]


def orders(seed: int) -> list[QuestionOrder]:
    return [at_random(len(ROWS), seed), *(neighbours_together(ROWS, size, seed) for size in (1, 3, 5, 99))]


@given(st.integers(0, 2**31), st.integers(0, 5))
def test_an_epoch_has_every_question_once(seed: int, epoch: int) -> None:
    for order in orders(seed):
        assert sorted(order(epoch).tolist()) == list(range(len(ROWS)))


def test_epochs_have_orders_of_their_own_whatever_came_before() -> None:
    for order, again in zip(orders(1), orders(1), strict=True):
        drawn = [tuple(order(epoch).tolist()) for epoch in range(10)]
        assert len(set(drawn)) == 10
        assert tuple(again(7).tolist()) == drawn[7]


@given(st.integers(0, 2**31))
def test_neighbours_come_one_after_the_other(seed: int) -> None:
    subjects = [ROWS[number].positives[0] // 5 for number in neighbours_together(ROWS, 5, seed)(0)]
    assert [len(list(group)) for _, group in groupby(subjects)] in ([15, 15], [30])
    passages = [ROWS[number].positives[0] for number in neighbours_together(ROWS, 1, seed)(0)]
    assert [len(list(group)) for _, group in groupby(passages)] == [3] * 10


def test_a_neighbourhood_has_no_more_passages_than_it_may() -> None:
    runs = []
    for epoch in range(20):
        subjects = [ROWS[number].positives[0] // 5 for number in neighbours_together(ROWS, 3, 0)(epoch)]
        runs.append([len(list(group)) for _, group in groupby(subjects)])
    # of five passages three come together and the other two, with three questions each
    assert {length for run in runs for length in run} <= {6, 9, 15}
    assert max(len(run) for run in runs) == 4


def test_the_most_frequent_neighbour_comes_first() -> None:
    rows = [TrainingRow("a?", (0,), (2, 1)), TrainingRow("b?", (0,), (1,)), *(TrainingRow("c?", (n,)) for n in (1, 2))]
    together = [neighbours_together(rows, 2, seed)(0).tolist() for seed in range(40)]
    of_first = [{0, 1, 2} == set(np.array(order)[:3]) or {0, 1, 2} == set(order[1:]) for order in together]
    # 0 and 1 are one neighbourhood unless the draw began with 2, which then takes 0 along
    assert 0.5 < np.mean(of_first) < 0.9


def test_without_hard_negatives_every_question_stands_with_those_of_its_passage() -> None:
    rows = [TrainingRow(f"{number}?", (number % 4,)) for number in range(12)]
    passages = [number % 4 for number in neighbours_together(rows, 8, 0)(0)]
    assert [len(list(group)) for _, group in groupby(passages)] == [3] * 4
