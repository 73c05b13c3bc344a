# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`TopKAccuracyEvaluator`: results computed by hand, and compared with Haystack's own recall."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import Any

import pytest
from haystack import Document, Pipeline
from haystack.components.evaluators import DocumentRecallEvaluator
from haystack.evaluation import EvaluationRunResult
from hypothesis import given
from hypothesis import strategies as st

from dpr_haystack import TopKAccuracyEvaluator
from dpr_haystack.core.answers import has_answer
from dpr_haystack.errors import InputError


def documents(*texts: str) -> list[Document]:
    return [Document(id=f"{place}:{text}", content=text) for place, text in enumerate(texts, 1)]


RETRIEVED = [
    documents("Einstein was born in Ulm.", "Munich"),
    documents("Duncan", "Herbert", "Frank Herbert wrote Dune", "Frank Herbert again"),
    documents("Frodo"),
    [],
]
ANSWERS = [["ulm"], ["Frank Herbert", "Brian"], ["Sauron"], ["x"]]
IDS = [["2:Munich", "9"], ["2:Herbert", "1:Duncan"], ["1:Sauron"], []]


def test_by_hand() -> None:
    result = TopKAccuracyEvaluator(ks=[3, 1, 2, 3]).run(RETRIEVED, ANSWERS, IDS)
    third = 100 / 3
    assert result["top_k"]["answer"] == {1: 25.0, 2: 25.0, 3: 50.0}
    assert result["top_k"]["gold"] == pytest.approx({1: third, 2: 2 * third, 3: 2 * third})
    assert result["ranks"] == {"gold": [2, 1, None, None], "answer": [1, 3, None, None]}
    assert result["score"] == pytest.approx(2 / 3)
    assert result["individual_scores"] == pytest.approx([1.0, 1.0, 0.0, math.nan], nan_ok=True)
    for kind, by_k in result["intervals"].items():
        for k, (low, high) in by_k.items():
            assert 0 <= low <= result["top_k"][kind][k] <= high <= 100
    assert result["intervals"]["answer"][1] == (0.0, 75.0)


def test_answers_only_and_passage_ids_only() -> None:
    both = TopKAccuracyEvaluator().run(RETRIEVED, ANSWERS, IDS)
    answers = TopKAccuracyEvaluator().run(RETRIEVED, ground_truth_answers=ANSWERS)
    ids = TopKAccuracyEvaluator().run(RETRIEVED, ground_truth_passage_ids=IDS)
    for kind, result in (("answer", answers), ("gold", ids)):
        for key in ("top_k", "intervals", "ranks"):
            assert result[key] == {kind: both[key][kind]}
    assert (answers["score"], both["top_k"]["answer"][100]) == (0.5, 50.0)
    assert answers["individual_scores"] == [1.0, 1.0, 0.0, 0.0]
    assert list(answers["top_k"]["answer"]) == [1, 5, 20, 100]
    assert TopKAccuracyEvaluator().run(RETRIEVED[:1], ground_truth_answers=["Ulm"])["score"] == 1.0  # type: ignore[list-item]


def test_patterns() -> None:
    judged: dict[str, Any] = {"retrieved_documents": [documents("in 1889")], "ground_truth_answers": [["18[0-9]{2}"]]}
    assert TopKAccuracyEvaluator().run(**judged)["score"] == 0.0
    assert TopKAccuracyEvaluator(match="regex").run(**judged)["score"] == 1.0


words = st.sampled_from(["ulm", "Ulm", "dune", "a", "b", "é", "e\u0301"])
texts = st.lists(words, min_size=1, max_size=4).map(" ".join)


@given(
    st.lists(st.tuples(st.lists(texts, max_size=5), st.lists(words, min_size=1, max_size=2)), min_size=1, max_size=5)
)
def test_agrees_with_haystack(questions: list[tuple[list[str], list[str]]]) -> None:
    """Haystack's single-hit recall over all that was retrieved is the accuracy at a sufficiently large k."""
    retrieved = [documents(*contents) for contents, _ in questions]
    answers = [answers for _, answers in questions]
    golds = [
        [document for document in run if has_answer(answer, document.content or "")] or [Document(content="nowhere")]
        for run, answer in zip(retrieved, answers, strict=True)
    ]
    reference = DocumentRecallEvaluator(mode="single_hit", document_comparison_field="id").run(
        ground_truth_documents=golds, retrieved_documents=retrieved
    )
    ids = [[gold.id for gold in run] for run in golds]
    for judged in ({"ground_truth_answers": answers}, {"ground_truth_passage_ids": ids}):
        result = TopKAccuracyEvaluator(ks=[1, 5]).run(retrieved, **judged)
        assert result["score"] == pytest.approx(reference["score"])
        assert result["individual_scores"] == reference["individual_scores"]


@pytest.mark.slow
def test_in_a_pipeline_from_yaml() -> None:
    pipeline = Pipeline()
    pipeline.add_component("judge", TopKAccuracyEvaluator(ks=[1, 3], match="regex"))
    text = pipeline.dumps()
    assert "haystack_integrations.components.evaluators.dpr.TopKAccuracyEvaluator" in text
    code = """
import json, sys
from haystack import Document, Pipeline
text, data = json.load(sys.stdin)
data["retrieved_documents"] = [[Document.from_dict(item) for item in run] for run in data["retrieved_documents"]]
pipeline = Pipeline.loads(text)
assert pipeline.dumps() == text
print(json.dumps(pipeline.run({"judge": data})["judge"]))
"""
    serialised = {"retrieved_documents": [[document.to_dict() for document in run] for run in RETRIEVED]}
    sent = json.dumps([text, {**serialised, "ground_truth_answers": ANSWERS}])
    done = subprocess.run([sys.executable, "-c", code], input=sent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    judged = {"retrieved_documents": RETRIEVED, "ground_truth_answers": ANSWERS}
    result = pipeline.run({"judge": judged})
    assert json.loads(done.stdout) == json.loads(json.dumps(result["judge"]))
    report = EvaluationRunResult("search", inputs={"question": list("abcd")}, results=result).aggregated_report()
    assert report == {"metrics": ["judge"], "score": [0.5]}


@pytest.mark.parametrize(
    ("judged", "message"),
    [
        ({}, "no question has answers or gold passages"),
        ({"ground_truth_answers": [[], [], [], []]}, "no question has answers or gold passages"),
        (
            {"ground_truth_answers": [["a"]]},
            "ground_truth_answers must have .*: got 1 entries for 4",
        ),
        ({"ground_truth_passage_ids": [["a"]] * 5}, "ground_truth_passage_ids must have .*: got 5 entries for 4"),
        ({"ground_truth_answers": "abcd"}, "must be a list"),
        ({"ground_truth_answers": [["a"], [3], ["a"], ["a"]]}, r"ground_truth_answers\[1\]"),
        ({"ground_truth_passage_ids": [["a"], ["a"], None, ["a"]]}, r"ground_truth_passage_ids\[2\]"),
    ],
)
def test_invalid_inputs_are_refused(judged: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TopKAccuracyEvaluator().run(RETRIEVED, **judged)


@pytest.mark.parametrize("wrong", [None, RETRIEVED[0], [["text"]], [RETRIEVED[0][0]]])
def test_invalid_documents_are_refused(wrong: Any) -> None:
    with pytest.raises(InputError, match="retrieved_documents"):
        TopKAccuracyEvaluator().run(wrong, ground_truth_answers=[["a"]])


@pytest.mark.parametrize(
    "settings", [{"ks": []}, {"ks": [0]}, {"ks": 5}, {"ks": [True]}, {"ks": ["1"]}, {"match": "x"}]
)
def test_invalid_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="must be"):
        TopKAccuracyEvaluator(**settings)
