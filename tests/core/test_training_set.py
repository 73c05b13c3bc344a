# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Drawing the passages of training questions, and masking false negatives in a batch."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpr_haystack.core.false_negatives import FalseNegatives
from dpr_haystack.core.passages import Passage, make_passage
from dpr_haystack.core.training_set import DrawRules, TrainingRow, TrainingSet, draw_passages, has_negatives
from dpr_haystack.errors import InputError


def passage(text: str, title: str = "") -> Passage:
    return make_passage(title, text, {})


def test_a_passage_that_two_questions_name_is_there_once() -> None:
    training = TrainingSet()
    training.add("one?", [passage("a")], [passage("b")])
    training.add("two?", [passage("b")], [passage("a"), passage("c", "title")], [passage("a"), passage("d")])
    assert training.passages == [(None, "a"), (None, "b"), ("title", "c"), (None, "d")]
    assert training.rows[0] == TrainingRow("one?", (0,), (1,))
    assert training.rows[1] == TrainingRow("two?", (1,), (0, 2), (0, 3))


def test_what_is_positive_and_negative_is_positive() -> None:
    training = TrainingSet()
    training.add("one?", [passage("a"), passage("a")], [passage("a"), passage("b"), passage("b")], [passage("a")])
    assert training.rows[0] == TrainingRow("one?", (0,), (1,), ())


def twice() -> TrainingSet:
    """One question in two rows, each with the other's positive among its negatives, and another question."""
    training = TrainingSet()
    training.add("Who wrote \u2019Dune\u2019?", [passage("a")], [passage("b"), passage("c")], [passage("b")], ["Frank"])
    training.add("who  wrote 'dune'? ", [passage("b")], [passage("a")], [passage("d")], ["Herbert"])
    training.add("who read it?", [passage("d")], [passage("a"), passage("b")])
    return training


def test_rows_of_one_question_share_positives_and_answers() -> None:
    first, second, other = twice().rows
    assert (first.positives, first.gold, first.hard_negatives, first.negatives) == ((0,), (0, 1), (2,), ())
    assert (second.positives, second.gold, second.hard_negatives, second.negatives) == ((1,), (0, 1), (), (3,))
    assert first.answers == second.answers == ("Frank", "Herbert")
    assert other == TrainingRow("who read it?", (3,), (0, 1))


def test_rows_of_one_question_mask_the_positives_of_all() -> None:
    mask = FalseNegatives(twice(), same_answer=False).mask([0, 1, 2], [0, 1, 2, 3])
    assert mask.tolist() == [[True, True, False, False], [True, True, False, False], [False, False, False, True]]


def test_a_part_of_a_set_knows_the_rows_that_it_lacks() -> None:
    whole = twice()
    part = TrainingSet([whole.rows[0]], whole.passages)
    assert part.rows[0].gold == (0, 1)
    assert FalseNegatives(part).mask([0], [0, 1, 2]).tolist() == [[True, True, False]]


def test_the_fingerprint_tells_sets_apart() -> None:
    def made(question: str, text: str, *hard: str) -> str:
        training = TrainingSet()
        training.add(question, [passage(text)], [passage(each) for each in hard])
        return training.fingerprint()

    prints = [made("q", "a"), made("p", "a"), made("q", "b"), made("q", "a", "b")]
    assert len(set(prints)) == 4
    assert made("q", "a") == prints[0]


ROW = TrainingRow("q", (0, 1, 2), tuple(range(10, 15)), (20, 21, 22))


def test_the_paper_takes_the_first_positive_and_the_hardest_negatives_in_every_epoch() -> None:
    assert {draw_passages(DrawRules(hard_negatives=2), ROW, 7, epoch) for epoch in range(5)} == {(0, (10, 11))}


def test_random_draws_differ_between_epochs_and_not_between_calls() -> None:
    rules = DrawRules(hard_negatives=2, other_negatives=1, positive="random", negative="random", seed=3)
    drawn = [draw_passages(rules, ROW, 7, epoch) for epoch in range(200)]
    assert drawn == [draw_passages(rules, ROW, 7, epoch) for epoch in range(200)]
    counted = Counter(number for positive, negatives in drawn for number in (positive, *negatives))
    assert set(counted) == {0, 1, 2, *range(10, 15), 20, 21, 22}
    assert all(40 <= counted[number] <= 120 for number in (0, 1, 2, *range(10, 15)))


@given(*(st.integers(0, 3) for _ in range(4)), st.booleans(), st.sampled_from(["first", "random"]), st.integers(0, 9))
def test_who_brings_negatives_is_known_without_drawing(
    hard: int, other: int, has_hard: int, has_other: int, fallback: bool, pick: Any, epoch: int
) -> None:
    rules = DrawRules(hard_negatives=hard, other_negatives=other, fallback=fallback, negative=pick)
    # what is a hard negative may be listed among the others too
    row = TrainingRow("q?", (0,), tuple(range(10, 10 + has_hard)), tuple(range(11, 11 + has_other)))
    assert has_negatives(rules, row) == bool(draw_passages(rules, row, 7, epoch)[1])


@pytest.mark.parametrize(("fallback", "count"), [(True, 7), (False, 5)])
def test_other_negatives_stand_in_for_hard_ones_that_are_missing(fallback: bool, count: int) -> None:
    _, negatives = draw_passages(DrawRules(hard_negatives=7, fallback=fallback), ROW, 0, 0)
    assert negatives[:5] == (10, 11, 12, 13, 14)
    assert len(negatives) == count
    assert set(negatives[5:]) <= {20, 21, 22}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hard_negatives": -1}, "hard_negatives must be 0 or more: got -1"),
        ({"negative": "hardest"}, "negative must be one of first, random: got 'hardest'"),
    ],
)
def test_rules_that_cannot_be(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        DrawRules(**settings)  # type: ignore[arg-type]


def answered() -> TrainingSet:
    training = TrainingSet()
    training.add("who?", [passage("Ada wrote it")], [passage("not ADA, Bob")], answers=["Ada"])
    training.add("when?", [passage("in 1843")], [passage("in 1900")], answers=["1843"])
    training.add("where?", [passage("In London, Ada in 1843"), passage("in 1843")])
    return training


def test_own_positives_and_passages_with_the_answer_are_no_negatives() -> None:
    training = answered()
    numbers = {text: number for number, (_, text) in enumerate(training.passages)}
    order = ["Ada wrote it", "not ADA, Bob", "in 1843", "in 1900", "In London, Ada in 1843"]
    mask = FalseNegatives(training).mask([0, 1, 2], [numbers[text] for text in order])
    expected = [
        # its own listed negative stays one although it holds the answer
        [True, False, False, False, True],
        [False, False, True, False, True],
        [False, False, True, False, True],
    ]
    assert mask.tolist() == expected


def test_without_a_look_at_answers_only_positives_are_left_out() -> None:
    mask = FalseNegatives(answered(), same_answer=False).mask([0, 2], [0, 4, 2, -1])
    assert mask.tolist() == [[True, False, False, True], [False, True, True, True]]


def test_answers_may_be_patterns() -> None:
    training = TrainingSet()
    training.add("when?", [passage("1843")], answers=[r"18\d\d"])
    training.add("other?", [passage("in 1871")], [passage("in 1971")])
    assert FalseNegatives(training, match="regex").mask([0], [0, 1, 2]).tolist() == [[True, True, False]]
    assert np.array_equal(FalseNegatives(training).mask([0], [0, 1, 2]), [[True, False, False]])
