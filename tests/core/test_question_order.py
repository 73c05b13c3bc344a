# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Every epoch has every question once; neighbours come together where that is asked for."""

from __future__ import annotations

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from dpr_haystack.core.question_order import QuestionOrder, neighbourhood_order, random_order
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
    return [random_order(len(ROWS), seed), *(neighbourhood_order(ROWS, size, seed) for size in (1, 3, 5, 99))]


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
    subjects = [ROWS[number].positives[0] // 5 for number in neighbourhood_order(ROWS, 5, seed)(0)]
    assert [len(list(group)) for _, group in groupby(subjects)] in ([15, 15], [30])
    passages = [ROWS[number].positives[0] for number in neighbourhood_order(ROWS, 1, seed)(0)]
    assert [len(list(group)) for _, group in groupby(passages)] == [3] * 10


def test_a_neighbourhood_has_no_more_passages_than_it_may() -> None:
    runs = []
    for epoch in range(20):
        subjects = [ROWS[number].positives[0] // 5 for number in neighbourhood_order(ROWS, 3, 0)(epoch)]
        runs.append([len(list(group)) for _, group in groupby(subjects)])
    # of five passages three come together and the other two, with three questions each
    assert {length for run in runs for length in run} <= {6, 9, 15}
    assert max(len(run) for run in runs) == 4


@given(st.integers(0, 2**31))
def test_the_most_frequent_neighbour_comes_first(seed: int) -> None:
    others = [tuple(n for n in range(20) if n // 2 != passage // 2) for passage in range(20)]
    rows = [TrainingRow(f"{n}?", (n,), (*others[n], n ^ 1)) for n in range(20)]
    passages = neighbourhood_order([*rows, *(TrainingRow(f"{n}?", (n,), (n ^ 1,)) for n in range(20))], 2, seed)(0) % 20
    assert [len(set(four)) for four in (passages.reshape(10, 4) // 2).tolist()] == [1] * 10


@given(st.integers(0, 2**31))
def test_neighbours_are_neighbours_whichever_names_the_other(seed: int) -> None:
    rows = [TrainingRow(f"{n}?", (n,), () if n % 2 else (n + 1,)) for n in range(20)]
    pairs = neighbourhood_order(rows, 2, seed)(0).reshape(10, 2)
    assert (pairs[:, 0] // 2 == pairs[:, 1] // 2).all()


def test_what_is_left_over_does_not_always_come_last() -> None:
    first_runs = []
    for epoch in range(40):
        subjects = [ROWS[number].positives[0] // 5 for number in neighbourhood_order(ROWS, 4, 0)(epoch)]
        first_runs.append(next(len(list(group)) for _, group in groupby(subjects)))
    # four of five passages come together; the fifth's three questions begin some epochs
    assert 3 in first_runs
    assert 12 in first_runs


def test_without_hard_negatives_every_question_stands_with_those_of_its_passage() -> None:
    rows = [TrainingRow(f"{number}?", (number % 4,)) for number in range(12)]
    passages = [number % 4 for number in neighbourhood_order(rows, 8, 0)(0)]
    assert [len(list(group)) for _, group in groupby(passages)] == [3] * 4
