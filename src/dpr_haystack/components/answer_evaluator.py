# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""How well predicted answers agree with the gold ones, in a pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from haystack import component
from haystack.dataclasses import ExtractedAnswer, GeneratedAnswer

from dpr_haystack.core.answers import exact_match, f1
from dpr_haystack.core.intervals import bootstrap_interval
from dpr_haystack.errors import InputError


@component
class AnswerMatchEvaluator:
    """Exact match and F1 as SQuAD has them (Rajpurkar et al. 2016), the best over several gold answers of a question.

    Answers are compared in lower case, without punctuation, articles and needless space; F1 is that of their words.

    ```python
    AnswerMatchEvaluator().run(
        ground_truth_answers=[["Ulm"], ["Frank Herbert", "Herbert"]], predicted_answers=["in Ulm", "Frank Herbert"]
    )  # exact_match 50.0, f1 83.3
    ```

    :param confidence: How sure the intervals are, in percent.
    :param resamples: How many bootstrap samples they are made from.
    :param seed: The same seed gives the same intervals.
    :raises InputError: If the confidence is not between 0 and 100, or there is no sample.
    """

    __module__ = "haystack_integrations.components.evaluators.dpr"

    def __init__(self, *, confidence: float = 95.0, resamples: int = 2_000, seed: int = 0) -> None:
        if not isinstance(confidence, (int, float)) or not 0 < confidence < 100:
            msg = f"confidence must be between 0 and 100 (percent), got {confidence!r}"
            raise InputError(msg)
        for name, value, least in (("resamples", resamples, 1), ("seed", seed, 0)):
            if not isinstance(value, int) or value < least:
                msg = f"{name} must be a whole number of at least {least}, got {value!r}"
                raise InputError(msg)
        self.confidence = confidence
        self.resamples = resamples
        self.seed = seed

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
        """Compare the answers of many questions.

        :param ground_truth_answers: For each question its gold answers: a list of strings, or one string. An empty
            list means that there is no answer.
        :param predicted_answers: For each question the predicted answer: a string, an answer of Haystack, a list of
            such answers with the best first (what a reader returns), or None for "no answer".
        :returns: ``exact_match`` and ``f1``: means in percent, 0 to 100; ``exact_match_interval`` and ``f1_interval``:
            their bootstrap intervals; ``individual_scores`` and ``individual_f1``: exact match and F1 of each
            question, in percent; ``score``: the exact match, under the name of Haystack's evaluators.
        :raises InputError: If the two lists are not equally long, are empty, or hold something else.
        """
        if not isinstance(ground_truth_answers, (list, tuple)) or not isinstance(predicted_answers, (list, tuple)):
            msg = "ground_truth_answers and predicted_answers must be lists with one entry for each question"
            raise InputError(msg)
        if len(ground_truth_answers) != len(predicted_answers):
            msg = (
                f"there are {len(ground_truth_answers)} ground_truth_answers and {len(predicted_answers)} "
                "predicted_answers: give one of each for every question"
            )
            raise InputError(msg)
        golds = [_golds(each, place) for place, each in enumerate(ground_truth_answers)]
        texts = [_text(each, place) for place, each in enumerate(predicted_answers)]
        matches = [100.0 * exact_match(text, gold) for text, gold in zip(texts, golds, strict=True)]
        overlaps = [100.0 * f1(text, gold) for text, gold in zip(texts, golds, strict=True)]
        settings: dict[str, Any] = {
            "confidence": self.confidence, "resamples": self.resamples, "seed": self.seed,
        }  # fmt: skip
        match_interval = bootstrap_interval(matches, **settings)
        mean = sum(matches) / len(matches)
        return {
            "score": mean,
            "individual_scores": matches,
            "exact_match": mean,
            "exact_match_interval": match_interval,
            "f1": sum(overlaps) / len(overlaps),
            "f1_interval": bootstrap_interval(overlaps, **settings),
            "individual_f1": overlaps,
        }


def _golds(answers: Any, place: int) -> Sequence[str]:
    listed = [answers] if isinstance(answers, str) else answers
    if not isinstance(listed, (list, tuple)) or not all(isinstance(answer, str) for answer in listed):
        msg = f"ground_truth_answers[{place}] must be a string or a list of strings, got {answers!r:.80}"
        raise InputError(msg)
    return listed


def _text(answer: Any, place: int) -> str:
    """The predicted answer as a string, empty for "no answer"."""
    if isinstance(answer, (list, tuple)):
        answer = answer[0] if answer else None
    if isinstance(answer, (ExtractedAnswer, GeneratedAnswer)):
        answer = answer.data
    if answer is None:
        return ""
    if not isinstance(answer, str):
        msg = f"predicted_answers[{place}] must be a string, an answer, a list of answers or None, got {answer!r:.80}"
        raise InputError(msg)
    return answer
