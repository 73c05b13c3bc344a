# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Exact match and F1 of predicted answers as a Haystack evaluator."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from haystack import component, default_to_dict
from haystack.dataclasses import ExtractedAnswer, GeneratedAnswer

from dpr_haystack.components._basics import ComponentBasics
from dpr_haystack.core.answers import exact_match, f1
from dpr_haystack.core.checks import check_integer
from dpr_haystack.core.intervals import bootstrap_interval
from dpr_haystack.errors import InputError


@component
class AnswerMatchEvaluator(ComponentBasics):
    """Computes exact match and F1 as in SQuAD (Rajpurkar et al. 2016).

    Answers are compared in lower case, without punctuation, articles and extra whitespace. F1 is computed over their
    words. If a question has several gold answers, the best match counts.

    ```python
    AnswerMatchEvaluator().run(
        ground_truth_answers=[["Ulm"], ["Frank Herbert", "Herbert"]], predicted_answers=["in Ulm", "Frank Herbert"]
    )  # exact_match 50.0, f1 83.3
    ```

    :param confidence: The confidence level of the intervals in percent, between 0 and 100 exclusive.
    :param resamples: The number of bootstrap samples.
    :param seed: The seed of the bootstrap; the same seed gives the same intervals.
    :raises InputError: If an argument is invalid.
    """

    __module__ = "haystack_integrations.components.evaluators.dpr"

    def __init__(self, *, confidence: float = 95.0, resamples: int = 2_000, seed: int = 0) -> None:
        if not isinstance(confidence, (int, float)) or not 0 < confidence < 100:
            msg = f"confidence must be a number between 0 and 100 (percent): got {confidence!r}"
            raise InputError(msg)
        check_integer("resamples", resamples)
        check_integer("seed", seed, minimum=0)
        self.confidence = confidence
        self.resamples = resamples
        self.seed = seed

    def to_dict(self) -> dict[str, Any]:
        """Serialise the settings."""
        return default_to_dict(self, confidence=self.confidence, resamples=self.resamples, seed=self.seed)

    @component.output_types(
        score=float,
        individual_scores=list[float],
        exact_match=float,
        exact_match_interval=tuple[float, float],
        f1=float,
        f1_interval=tuple[float, float],
        individual_f1=list[float],
    )
    def run(self, ground_truth_answers: list[Any], predicted_answers: list[Any]) -> dict[str, Any]:
        """Compare predicted answers with gold answers.

        :param ground_truth_answers: The gold answers of each question: a list of strings, or a single string. An empty
            list means that the question has no answer.
        :param predicted_answers: The predicted answer to each question: a string, a Haystack answer, a list of Haystack
            answers with the best first (the output of a reader), or ``None`` for "no answer".
        :returns: ``exact_match`` and ``f1``: means in percent, 0 to 100; ``exact_match_interval`` and ``f1_interval``:
            their bootstrap confidence intervals; ``individual_f1``: F1 of each question in percent.

            As Haystack's evaluators name and scale them, ``score``: the exact match from 0 to 1, and
            ``individual_scores``: that of each question, 0.0 or 1.0.
        :raises InputError: If the lists are empty, differ in length, or contain values of other types.
        """
        if not isinstance(ground_truth_answers, (list, tuple)) or not isinstance(predicted_answers, (list, tuple)):
            types = f"{type(ground_truth_answers).__name__} and {type(predicted_answers).__name__}"
            msg = f"ground_truth_answers and predicted_answers must be lists with one entry per question: got {types}"
            raise InputError(msg)
        if len(ground_truth_answers) != len(predicted_answers):
            msg = (
                "ground_truth_answers and predicted_answers must have one entry per question: "
                f"got {len(ground_truth_answers)} and {len(predicted_answers)} entries"
            )
            raise InputError(msg)
        gold_answers = [_gold_answers(answers, index) for index, answers in enumerate(ground_truth_answers)]
        predictions = [_text(answer, index) for index, answer in enumerate(predicted_answers)]
        pairs = list(zip(predictions, gold_answers, strict=True))
        matches = [100.0 * exact_match(prediction, gold) for prediction, gold in pairs]
        f1_scores = [100.0 * f1(prediction, gold) for prediction, gold in pairs]
        interval = partial(bootstrap_interval, confidence=self.confidence, resamples=self.resamples, seed=self.seed)
        match_interval = interval(matches)  # refuses an empty list
        mean = sum(matches) / len(matches)
        return {
            "score": mean / 100,
            "individual_scores": [match / 100 for match in matches],
            "exact_match": mean,
            "exact_match_interval": match_interval,
            "f1": sum(f1_scores) / len(f1_scores),
            "f1_interval": interval(f1_scores),
            "individual_f1": f1_scores,
        }


def _gold_answers(answers: Any, index: int) -> Sequence[str]:
    listed = [answers] if isinstance(answers, str) else answers
    if not isinstance(listed, (list, tuple)) or not all(isinstance(answer, str) for answer in listed):
        msg = f"ground_truth_answers[{index}] must be a string or a list of strings: got {answers!r:.80}"
        raise InputError(msg)
    return listed


def _text(answer: Any, index: int) -> str:
    """Return a predicted answer as a string, empty for "no answer"."""
    if isinstance(answer, (list, tuple)):
        answer = answer[0] if answer else None
    if isinstance(answer, (ExtractedAnswer, GeneratedAnswer)):
        answer = answer.data
    if answer is None:
        return ""
    if not isinstance(answer, str):
        msg = f"predicted_answers[{index}] must be a string, an answer, a list of answers or None: got {answer!r:.80}"
        raise InputError(msg)
    return answer
