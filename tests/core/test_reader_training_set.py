# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Tests of drawing the passages of a reader's questions."""

from __future__ import annotations

from collections import Counter

import pytest

from dpr_haystack.core.reader_training_set import (
    AnswerPassage,
    DrawnPassage,
    ReaderDrawRules,
    ReaderRow,
    ReaderTrainingSet,
    draw_reader_passages,
)
from dpr_haystack.core.text import PassageText
from dpr_haystack.errors import InputError

ROW = ReaderRow(
    "who wrote dune",
    ("Frank Herbert",),
    (AnswerPassage(0, ((0, 13), (20, 33)), annotated=((20, 33),)), AnswerPassage(1, ((4, 17),))),
    (2, 3, 4, 5),
)


def test_one_positive_and_random_negatives() -> None:
    draws = [draw_reader_passages(ReaderDrawRules(3), ROW, 0, epoch) for epoch in range(600)]
    assert all(draw[0] == DrawnPassage(0, ((0, 13), (20, 33))) for draw in draws)
    negatives = Counter(each for draw in draws for each in draw[1:])
    assert negatives.keys() == {DrawnPassage(each, ()) for each in (2, 3, 4, 5)}
    assert all(abs(count - 300) < 60 for count in negatives.values())
    assert all(len({each.passage for each in draw}) == 3 for draw in draws)


def test_a_draw_depends_on_seed_epoch_and_question_alone() -> None:
    rules = ReaderDrawRules(2, seed=7)
    draws = {(epoch, number): draw_reader_passages(rules, ROW, number, epoch) for epoch in (0, 1) for number in (0, 1)}
    assert draws == {key: draw_reader_passages(rules, ROW, key[1], key[0]) for key in reversed(draws)}
    others = [draw_reader_passages(ReaderDrawRules(2, seed=seed), ROW, 0, 0)[1].passage for seed in range(40)]
    assert len(set(others)) == 4


def test_annotated_places_only() -> None:
    assert draw_reader_passages(ReaderDrawRules(1, "annotated"), ROW, 0, 0) == [DrawnPassage(0, ((20, 33),))]
    found = ReaderRow("q", ("a",), (AnswerPassage(1, ((4, 17),)),), ())
    assert draw_reader_passages(ReaderDrawRules(9, "annotated"), found, 0, 0) == [DrawnPassage(1, ((4, 17),))]


def test_a_question_without_an_answer_has_negatives_only() -> None:
    row = ReaderRow("q", (), (), (3,))
    assert draw_reader_passages(ReaderDrawRules(2), row, 0, 0) == [DrawnPassage(3, ())]


@pytest.mark.parametrize(("passages", "spans"), [(0, "all"), (1, "some")])
def test_rules_that_cannot_be(passages: int, spans: str) -> None:
    with pytest.raises(InputError, match=r"passages must be 1 or more: got 0|spans must be one of all, annotated"):
        ReaderDrawRules(passages, spans)  # type: ignore[arg-type]


def test_the_fingerprint_sees_questions_answers_and_texts() -> None:
    texts: list[PassageText] = [("t", "x")] * 6
    one = ReaderTrainingSet([ROW], texts)
    others = [
        ReaderTrainingSet([ROW], [*texts[1:], ("t", "y")]),
        ReaderTrainingSet([ReaderRow(ROW.question, ("Herbert",), ROW.positives, ROW.negatives)], one.passages),
    ]
    assert one.fingerprint() == ReaderTrainingSet([ROW], texts).fingerprint()
    assert len({each.fingerprint() for each in (one, *others)}) == 3
