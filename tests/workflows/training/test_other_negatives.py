# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Negatives drawn from a pool of passages."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from dpr_haystack.core.passages import make_passage
from dpr_haystack.errors import InputError
from dpr_haystack.formats.training import TrainingExample
from dpr_haystack.workflows.training.mining import known_positives
from dpr_haystack.workflows.training.other_negatives import add_random_negatives

POOL = [make_passage("", f"passage number {number}", {}) for number in range(20)]


def example(positive: int = 0, *answers: str) -> TrainingExample:
    return TrainingExample("which one?", (POOL[positive],), (POOL[1],), answers=answers, id="7")


def test_random_negatives_are_neither_named_nor_hold_an_answer() -> None:
    counted: Counter[str] = Counter()
    for seed in range(200):
        (got,) = add_random_negatives([example(0, "number 3")], POOL, 4, seed=seed)
        assert len({each.id for each in got.negatives}) == 4
        assert all(each.meta == {"source": "random"} for each in got.negatives)
        counted.update(each.text for each in got.negatives)
    assert set(counted) == {passage.text for number, passage in enumerate(POOL) if number not in (0, 1, 3)}
    assert min(counted.values()) > 20


def test_a_pool_with_few_that_will_do_gives_those() -> None:
    (got,) = add_random_negatives([example()], POOL[:4], 9, source="gold")
    assert sorted(each.text for each in got.negatives) == ["passage number 2", "passage number 3"]
    assert {each.meta["source"] for each in got.negatives} == {"gold"}
    (alone,) = add_random_negatives([example()], [*POOL[:3], replace(POOL[0], id="copy")], 9)
    assert [each.text for each in alone.negatives] == ["passage number 2"]
    (again,) = add_random_negatives([got], POOL[:5], 9)
    assert [each.text for each in again.negatives[2:]] == ["passage number 4"]
    with pytest.raises(InputError, match="count must be 0 or more: got -1"):
        add_random_negatives([], POOL, -1)
    with pytest.raises(InputError, match="got an empty one"):
        add_random_negatives([], [], 1)


def test_the_positives_of_other_rows_of_the_question_are_not_drawn() -> None:
    rows = [replace(example(0), hard_negatives=()), replace(example(2, "number 3"), question="Which  one?")]
    known = known_positives(rows)
    for each in add_random_negatives(rows, POOL[:5], 9, source="gold", known=known):
        left = ["passage number 1", "passage number 4"] if each.positives == rows[0].positives else ["passage number 4"]
        assert sorted(passage.text for passage in each.negatives) == left
