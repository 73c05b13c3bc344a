# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`AnswerMatchEvaluator`, compared with the SQuAD metric of torchmetrics, which follows the official script."""

from __future__ import annotations

from typing import Any

import pytest
from haystack import Pipeline
from haystack.dataclasses import ExtractedAnswer, GeneratedAnswer
from haystack.evaluation import EvaluationRunResult
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.functional.text import squad
from torchmetrics.functional.text.squad import _normalize_text

from dpr_haystack import AnswerMatchEvaluator
from dpr_haystack.core.answers import exact_match, f1
from dpr_haystack.core.intervals import bootstrap_interval
from dpr_haystack.errors import InputError

HARD = [
    ("the Denver Broncos", ["Denver Broncos", "The Denver Broncos!", "Broncos"]),
    ("Denver Broncos of 2015", ["Denver Broncos"]),
    ("an apple a day", ["apple, day", "the day"]),
    ("U.S.A.", ["USA", "the U S A"]),
    ("Saint-Étienne", ["Saint Étienne", "saint-étienne"]),
    ("$1,000", ["1000", "1,000 dollars"]),
    ("«Dune»", ["Dune"]),
    ("to be, or not to be", ["be be not or to to", "to be"]),
    ("  white\tspace\n", ["white space"]),
    ("théâtre", ["the\u0301a\u0302tre", "théâtre"]),
    ("12 %", ["12%", "12 percent"]),
    ("\u03a0\u03c1\u03b1", ["\u03a0 \u03c1\u03b1", "\u03c0\u03c1\u03b1 x"]),
    ("The the THE", ["the", "a"]),
    ("a", ["an"]),
    ("anthem", ["them", "an them"]),
    ("x", ["y", "z"]),
    ("\u2014", ["..."]),
    ("", ["the"]),
]


def official(prediction: str, answers: list[str]) -> tuple[float, float]:
    # As the script of SQuAD 2.0 does: answers without words do not count, or "no answer" is correct.
    answers = [answer for answer in answers if _normalize_text(answer)] or [""]
    result = squad(
        {"prediction_text": prediction, "id": "1"},
        {"answers": {"text": answers, "answer_start": [0] * len(answers)}, "id": "1"},
    )
    matched, overlap = float(result["exact_match"]), float(result["f1"])
    # SQuAD 2.0 treats two answers without words as equal; the script of version 1.1, used here, gives them an F1 of 0.
    return matched, matched or overlap


@pytest.mark.parametrize(("prediction", "answers"), HARD)
def test_hard_cases(prediction: str, answers: list[str]) -> None:
    matched, overlap = official(prediction, answers)
    assert 100 * exact_match(prediction, answers) == pytest.approx(matched)
    assert 100 * f1(prediction, answers) == pytest.approx(overlap, abs=1e-4)


WORDS = st.lists(st.sampled_from(["a", "The", "an", "Ulm", "ulm,", "in", "U.", "é", "-", "Danube"]), max_size=6)


@given(WORDS, st.lists(WORDS.filter(bool), min_size=1, max_size=3))
def test_random_words(prediction: list[str], answers: list[list[str]]) -> None:
    text, golds = " ".join(prediction), [" ".join(answer) for answer in answers]
    matched, overlap = official(text, golds)
    assert 100 * exact_match(text, golds) == pytest.approx(matched)
    assert 100 * f1(text, golds) == pytest.approx(overlap, abs=1e-4)


GOLDS: list[Any] = [["Ulm"], ["Frank Herbert", "Herbert"], "Sauron", []]
PREDICTED = ["in Ulm", "herbert", "the Frodo", None]


def test_means_and_intervals() -> None:
    result = AnswerMatchEvaluator(seed=4).run(GOLDS, PREDICTED)
    assert result["individual_scores"] == [0.0, 1.0, 0.0, 1.0]
    assert result["individual_f1"] == pytest.approx([200 / 3, 100.0, 0.0, 100.0])
    assert (result["score"], result["exact_match"]) == (0.5, 50.0)
    assert result["f1"] == pytest.approx((200 / 3 + 200) / 4)
    assert result["exact_match_interval"] == bootstrap_interval([0.0, 100.0, 0.0, 100.0], seed=4)
    assert result["f1_interval"] == bootstrap_interval(result["individual_f1"], seed=4)
    assert result["f1_interval"][0] <= result["f1"] <= result["f1_interval"][1]


def test_outputs_of_readers_and_generators() -> None:
    extracted = [ExtractedAnswer(query="q", score=0.9, data="Ulm"), ExtractedAnswer(query="q", score=0.1, data="x")]
    none = ExtractedAnswer(query="q", score=0.9, data=None)
    generated = GeneratedAnswer(data="Ulm", query="q", documents=[])
    result = AnswerMatchEvaluator().run([["Ulm"]] * 5, [extracted, extracted[0], generated, [none], []])
    assert result["individual_scores"] == [1.0, 1.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize("wrong", [{"confidence": "x"}, {"resamples": 1.5}, {"seed": -1}, {"seed": "x"}])
def test_settings_of_wrong_types_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="must be"):
        AnswerMatchEvaluator(**wrong)


def test_in_a_pipeline_from_yaml() -> None:
    pipeline = Pipeline()
    pipeline.add_component("judge", AnswerMatchEvaluator(confidence=90.0, resamples=100, seed=2))
    text = pipeline.dumps()
    assert "haystack_integrations.components.evaluators.dpr.AnswerMatchEvaluator" in text
    loaded = Pipeline.loads(text)
    data = {"judge": {"ground_truth_answers": GOLDS, "predicted_answers": PREDICTED}}
    result = loaded.run(data)
    assert result == pipeline.run(data)
    report = EvaluationRunResult("reader", inputs={"question": list("abcd")}, results=result).aggregated_report()
    assert report == {"metrics": ["judge"], "score": [0.5]}


@pytest.mark.parametrize(
    ("golds", "predicted", "message"),
    [
        ([["a"]], [], "one entry per question: got 1 and 0 entries"),
        ([], [], "no questions"),
        (None, None, "must be lists"),
        (["a"], "a", "must be lists with one entry per question: got list and str"),
        ([None], ["a"], r"ground_truth_answers\[0\]"),
        ([["a"], [3]], ["a", "b"], r"ground_truth_answers\[1\]"),
        ([["a"]], [3.5], r"predicted_answers\[0\]"),
    ],
)
def test_invalid_inputs_are_refused(golds: list[Any], predicted: list[Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        AnswerMatchEvaluator().run(golds, predicted)


@pytest.mark.parametrize("settings", [{"confidence": 0}, {"confidence": 100.0}, {"resamples": 0}])
def test_settings_out_of_range_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="must be"):
        AnswerMatchEvaluator(**settings)
