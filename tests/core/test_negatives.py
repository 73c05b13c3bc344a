# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The choice of hard negatives: each rule by hand, and what always holds by hypothesis."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpr_haystack.core.negatives import Candidate, NegativeRules, Tally, choose_negatives
from dpr_haystack.errors import InputError

FOUND = [Candidate(name, score) for name, score in zip("abcdefg", [10.0, 9.8, 9.5, 9.0, 5.0, 1.0, -2.0], strict=True)]


def chosen(rules: NegativeRules, **settings: Any) -> tuple[str, Tally]:
    tally = Tally()
    found = choose_negatives(FOUND, rules, tally, **({"question": "q"} | settings))
    return "".join(each.id for each in found), tally


def test_each_rule_removes_what_it_should() -> None:
    names, tally = chosen(
        NegativeRules(count=9, first_rank=2, last_rank=6, margin=0.95),
        gold=["b"],
        positive=10.0,
        has_answer=lambda name: name == "d",
        is_relevant=lambda ids: [name == "f" for name in ids],
    )
    # a and g by rank, b is gold, d has the answer; c is at 9.5, which is not above 95% of 10; f by the other model
    assert names == "ce"
    assert tally.removed == {"rank": 2, "gold": 1, "answer": 1, "margin": 0, "check": 1}
    assert (tally.questions, tally.candidates, tally.kept, tally.without) == (1, 7, 2, 0)
    names, tally = chosen(NegativeRules(count=9, margin=0.94), positive=10.0)
    assert names == "defg"
    assert tally.removed["margin"] == 3


def test_without_a_positive_there_is_no_margin_and_without_answers_no_filter() -> None:
    assert chosen(NegativeRules(count=9))[0] == "abcdefg"
    assert chosen(NegativeRules(count=9, margin=None), positive=0.1)[0] == "abcdefg"
    assert chosen(NegativeRules(count=0))[0] == ""
    assert chosen(NegativeRules(count=2, margin=0.01), positive=10.0)[1].without == 0
    assert chosen(NegativeRules(count=2, margin=0.01), positive=-500.0)[1].without == 1


@pytest.mark.parametrize(("positive", "ceiling"), [(10.0, 9.5), (0.0, 0.0), (-10.0, -10.5), (math.inf, math.inf)])
def test_the_margin_lies_below_the_positive_whatever_its_sign(positive: float, ceiling: float) -> None:
    if math.isfinite(positive):
        assert NegativeRules(margin=0.95).ceiling(positive) == pytest.approx(ceiling)
    assert NegativeRules(margin=None).ceiling(positive) == math.inf


def test_sampling_depends_on_question_and_seed_alone() -> None:
    rules = NegativeRules(count=3, sampling="random", seed=7)
    first = chosen(rules)[0]
    assert first == chosen(rules)[0]
    assert len(first) == 3
    assert list(first) == sorted(first)  # still the hardest first
    others = {chosen(rules, question=str(number))[0] for number in range(30)}
    assert len(others) > 5
    assert {chosen(NegativeRules(count=3, sampling="random", seed=seed))[0] for seed in range(30)} != {first}


scores = st.floats(-100, 100)


@given(
    st.lists(scores, max_size=20),
    st.integers(0, 5),
    st.integers(1, 10),
    st.integers(0, 10),
    st.none() | st.floats(0.1, 1.0),
    st.sampled_from(["top", "random"]),
    st.none() | scores,
    st.sets(st.integers(0, 19)),
    st.sets(st.integers(0, 19)),
)
def test_what_always_holds(
    found: list[float],
    count: int,
    first: int,
    more: int,
    margin: float | None,
    sampling: Any,
    positive: float | None,
    gold: set[int],
    answering: set[int],
) -> None:
    candidates = [Candidate(str(rank), score) for rank, score in enumerate(sorted(found, reverse=True))]
    rules = NegativeRules(count, first, first + more, margin, sampling)
    tally = Tally()
    names = [
        each.id
        for each in choose_negatives(
            candidates,
            rules,
            tally,
            question="q",
            gold=map(str, gold),
            positive=positive,
            has_answer=lambda name: int(name) in answering,
        )
    ]
    fit = [
        each.id
        for rank, each in enumerate(candidates, 1)
        if first <= rank <= first + more
        and int(each.id) not in gold | answering
        and (positive is None or each.score <= rules.ceiling(positive))
    ]
    assert len(names) == min(count, len(fit))
    assert names == sorted(names, key=int)
    assert set(names) <= set(fit)
    if sampling == "top":
        assert names == fit[:count]
    assert sum(tally.removed.values()) + len(fit) == tally.candidates == len(candidates)
    assert tally.without == (not names)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"count": -1}, "count must be 0 or more: got -1"),
        ({"first_rank": 0}, "got 0 to 100"),
        ({"first_rank": 30, "last_rank": 20}, "got 30 to 20"),
        ({"margin": 0.0}, "margin"),
        ({"margin": math.nan}, "margin"),
        ({"margin": 95.0}, "or None: got 95.0"),
        ({"sampling": "best"}, "top, random: got 'best'"),
    ],
)
def test_rules_that_cannot_be(settings: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        NegativeRules(**settings)
