# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Reports computed from ranks, compared with values by hand and by scipy."""

from __future__ import annotations

import json

import pytest
from scipy.stats import binomtest

from dpr_haystack.workflows.evaluation.coverage import Coverage
from dpr_haystack.workflows.evaluation.report import report_of
from dpr_haystack.workflows.evaluation.retrieval_judge import Ranks

BM25 = Ranks(gold=[1, None, 3, 2, 1, 7, None, 2], answer=[1, 2])
DPR = Ranks(gold=[2, 1, 1, 1, 2, 1, 1, None], answer=[None, 1])
HYBRID = Ranks(gold=[1, 1, 1, 1, 1, 1, 2, 2], answer=[1, 1])


def test_by_hand() -> None:
    report = report_of(Coverage(9, 9, 0, 0), {"bm25": BM25, "dpr": DPR, "hybrid": HYBRID}, [1, 5])
    assert report.questions == 9
    bm25, dpr = report.systems["bm25"], report.systems["dpr"]
    assert (bm25.gold, bm25.answer) == ({1: 25.0, 5: 62.5}, {1: 50.0, 5: 100.0})
    assert dpr.mrr == pytest.approx({"gold": 100 * 6 / 8, "answer": 50.0})
    assert bm25.mrr == pytest.approx({"gold": 100 * (2 + 1 / 3 + 1 + 1 / 7) / 8, "answer": 75.0})
    assert bm25.answer_intervals == {1: (0.0, 100.0), 5: (100.0, 100.0)}
    assert bm25.gold_intervals[1] == (0.0, 62.5)

    found = report.significance["gold"]
    assert list(found) == ["hybrid - bm25", "hybrid - dpr", "dpr - bm25"]
    assert list(found["dpr - bm25"]) == [1, 5]
    one = found["dpr - bm25"][1]  # five that dpr alone has, two that bm25 alone has
    assert one.difference == pytest.approx(37.5)
    assert one.p == pytest.approx(binomtest(5, 7).pvalue)
    assert found["hybrid - bm25"][1].p == pytest.approx(binomtest(4, 4).pvalue)
    assert found["hybrid - dpr"][5].difference == 12.5


def test_as_json() -> None:
    report = report_of(Coverage(8, 8, 0, 0), {"bm25": Ranks(BM25.gold, []), "hybrid": Ranks(HYBRID.gold, [])}, [1])
    told = json.loads(json.dumps(report.to_json()))
    assert list(told) == ["questions", "judged", "coverage", "systems", "significance"]
    assert list(told["systems"]["bm25"]) == ["gold", "answer", "gold_intervals", "answer_intervals", "mrr"]
    assert told["systems"]["bm25"]["answer"] == {}
    assert list(told["significance"]) == ["gold"]
    assert list(told["significance"]["gold"]) == ["hybrid - bm25"]
    assert told["significance"]["gold"]["hybrid - bm25"]["1"]["p"] == 0.125
    report.systems["bm25"].measures = {"R@1": 50.0}
    assert report.to_json()["systems"]["bm25"]["measures"] == {"R@1": 50.0}
    assert "significance" not in report_of(Coverage(8, 8, 0, 0), {"bm25": BM25}, [1]).to_json()
