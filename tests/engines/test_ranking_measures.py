# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Ranking measures, compared with values computed by hand and with Haystack's evaluators."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from haystack import Document
from haystack.components.evaluators import DocumentMRREvaluator, DocumentNDCGEvaluator, DocumentRecallEvaluator

from dpr_haystack.engines.ranking_measures import FAMILIES, RankingMeasures
from dpr_haystack.errors import InputError, MissingExtra


def test_by_hand() -> None:
    measures = RankingMeasures(["R@1", "R@3", "nDCG@3", "AP", "RR", "P@2", "Rprec", "Success@2"], depth=3)
    measures.add([({"a", "b"}, ["a", "x", "b"])])
    measures.add([(["q", "never found"], ["y", "q"]), (["z"], [])])
    ideal = 1 + 1 / math.log2(3)
    expected = {
        "R@1": (1 / 2 + 0 + 0) / 3,
        "R@3": (1 + 1 / 2 + 0) / 3,
        "nDCG@3": ((1 + 1 / 2) / ideal + (1 / math.log2(3)) / ideal + 0) / 3,
        "AP": ((1 + 2 / 3) / 2 + (1 / 2) / 2 + 0) / 3,
        "RR": (1 + 1 / 2 + 0) / 3,
        "P@2": (1 / 2 + 1 / 2 + 0) / 3,
        "Rprec": (1 / 2 + 1 / 2 + 0) / 3,
        "Success@2": (1 + 1 + 0) / 3,
    }
    assert measures.means() == pytest.approx({name: 100 * value for name, value in expected.items()})


@pytest.mark.parametrize("factor", [1, 0.25, 0.001])
def test_grades(factor: float) -> None:
    measures = RankingMeasures(["nDCG@3", "R@3", "AP"], depth=3)
    measures.add([({"a": 3 * factor, "b": -2, "c": 1 * factor, "d": 0}, ["c", "b", "a"])])
    ideal = 3 + 1 / math.log2(3)
    expected = {"nDCG@3": (1 + 3 / 2) / ideal, "R@3": 1.0, "AP": (1 + 2 / 3) / 2}
    assert measures.means() == pytest.approx({name: 100 * value for name, value in expected.items()})


@pytest.mark.parametrize(
    ("name", "grades", "message"),
    [
        ("AP(rel=2)@2", {"a": 0.5}, "grades for AP.* must be integers: got 0.5"),
        ("nDCG@2", {"a": 10**9}, "must not exceed 1000000: got 1000000000"),
        ("nDCG(dcg='exp-log2')@2", {"a": 7}, "cannot be computed from the grades"),
    ],
)
def test_grades_that_a_measure_does_not_take(name: str, grades: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        RankingMeasures([name], depth=2).add([(grades, ["a"])])


def test_against_haystack() -> None:
    source = np.random.default_rng(1)
    judged = [
        ([f"p {n}" for n in source.choice(60, 3, replace=False)], [f"p {n}" for n in source.permutation(60)[:20]])
        for _ in range(50)
    ]
    measures = RankingMeasures(["R@20", "nDCG@20", "RR"], depth=20)
    measures.add(judged[:20])
    measures.add(judged[20:])
    golds, runs = ([[Document(content=name) for name in pair[side]] for pair in judged] for side in (0, 1))
    theirs = [
        judge.run(ground_truth_documents=golds, retrieved_documents=runs)["score"]
        for judge in (DocumentRecallEvaluator(mode="multi_hit"), DocumentNDCGEvaluator(), DocumentMRREvaluator())
    ]
    assert list(measures.means().values()) == pytest.approx([100 * value for value in theirs])


def test_the_order_decides_not_the_ids() -> None:
    for ranked in (["a", "b"], ["b", "a"]):
        measures = RankingMeasures(["R@1"], depth=2)
        measures.add([([ranked[0]], ranked)])
        assert measures.means() == {"R@1": 100.0}


def test_without_questions_there_is_no_mean() -> None:
    measures = RankingMeasures(["R@1"], depth=1)
    measures.add([])
    assert measures.means() == {}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("foo@3", "unknown measure 'foo@3'"),
        ("R@", "unknown measure"),
        ("", "unknown measure"),
        ("NumRet", ", ".join(FAMILIES)),
        ("nDCG@21", "must be 1 to 20: got 21"),
        ("nDCG@0", "must be 1 to 20: got 0"),
    ],
)
def test_unknown_or_unsupported_measures(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        RankingMeasures(["R@20", name], depth=20)


def test_without_ir_measures_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ir_measures", None)
    with pytest.raises(MissingExtra, match=r"pip install 'ir-measures>=0.4' 'matplotlib'"):
        RankingMeasures(["R@1"], depth=1)
