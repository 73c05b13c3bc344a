# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""In how many questions a right passage was found, in a pipeline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from haystack import component
from haystack.dataclasses import Document

from dpr_haystack.core.answers import AnswerMatcher
from dpr_haystack.core.intervals import counted_interval
from dpr_haystack.core.metrics import KS, first_gold, first_hit, hits_within, top_k_accuracy
from dpr_haystack.errors import InputError


@component
class TopKAccuracyEvaluator:
    """Top-k accuracy (Karpukhin et al. 2020, section 5): the share of questions with a right passage among the first k.

    A passage is right if it is a gold passage, by its id, or if its text contains an answer, as the original DPR
    matches answers. Both are judged where both are given.

    ```python
    found = retriever.run("Where was Einstein born?")["documents"]
    TopKAccuracyEvaluator(ks=[1, 5]).run(retrieved_documents=[found], ground_truth_answers=[["Ulm"]])
    ```

    :param ks: The cut-offs.
    :param match: ``"string"``: a passage answers if it contains an answer's words in a row; ``"regex"``: answers are
        patterns (CuratedTREC).
    :raises InputError: If there is no cut-off or one below 1, or ``match`` is neither.
    """

    __module__ = "haystack_integrations.components.evaluators.dpr"

    def __init__(self, *, ks: Sequence[int] = KS, match: str = "string") -> None:
        if not isinstance(ks, (list, tuple)) or not ks or not all(type(k) is int and k >= 1 for k in ks):
            msg = f"ks must be a list of whole numbers of at least 1, got {ks!r}"
            raise InputError(msg)
        self._matcher = AnswerMatcher(match)
        self.ks = sorted(set(ks))
        self.match = match

    @component.output_types(
        score=float,
        individual_scores=list[float],
        top_k=dict[str, dict[int, float]],
        intervals=dict[str, dict[int, tuple[float, float]]],
        ranks=dict[str, list[int | None]],
    )
    def run(
        self,
        retrieved_documents: list[list[Document]],
        ground_truth_answers: list[list[str]] | None = None,
        ground_truth_passage_ids: list[list[str]] | None = None,
    ) -> dict[str, Any]:
        """Judge what was retrieved for many questions.

        :param retrieved_documents: For each question the documents, best first.
        :param ground_truth_answers: For each question its gold answers, or patterns: a list of strings, or one string.
        :param ground_truth_passage_ids: For each question the ids of its gold passages, likewise.
        :returns: ``top_k``: accuracy in percent, 0 to 100, by what counts as right (``"gold"``, ``"answer"``) and by k,
            over the questions that have a gold passage, or an answer; ``intervals``: their 95% bootstrap intervals;
            ``ranks``: for each question the rank, from 1, of the first right passage, or None.

            Under the names of Haystack's evaluators ``score``: the accuracy at the largest k, by gold passages if
            they are given, else by answers; ``individual_scores``: 100 or 0 for each question, NaN for one that has no
            gold passage (no answer) to be judged by.
        :raises InputError: If there is nothing to judge by, the lists are not equally long, or hold something else.
        """
        runs = _lists(retrieved_documents, "retrieved_documents", Document)
        ranks: dict[str, list[int | None]] = {}
        judged: dict[str, list[bool]] = {}
        for kind, golds, first in (
            ("gold", _golds(ground_truth_passage_ids, "ground_truth_passage_ids", len(runs)), _first_by_id),
            ("answer", _golds(ground_truth_answers, "ground_truth_answers", len(runs)), self._first_by_answer),
        ):
            if any(golds):
                ranks[kind] = [first(run, gold) if gold else None for run, gold in zip(runs, golds, strict=True)]
                judged[kind] = [bool(gold) for gold in golds]
        if not ranks:
            msg = "there is nothing to judge by: give ground_truth_answers, ground_truth_passage_ids, or both"
            raise InputError(msg)
        return self._told(ranks, judged)

    def _told(self, ranks: dict[str, list[int | None]], judged: dict[str, list[bool]]) -> dict[str, Any]:
        top_k, intervals = {}, {}
        for kind, of_kind in ranks.items():
            counted = [rank for rank, counts in zip(of_kind, judged[kind], strict=True) if counts]
            right = {k: sum(hits_within(counted, k)) for k in self.ks}
            top_k[kind] = top_k_accuracy(counted, self.ks)
            intervals[kind] = {k: counted_interval({100.0: n, 0.0: len(counted) - n}) for k, n in right.items()}
        main, deepest = next(iter(ranks)), self.ks[-1]
        scores = [
            (100.0 if hit else 0.0) if counts else math.nan
            for hit, counts in zip(hits_within(ranks[main], deepest), judged[main], strict=True)
        ]
        return {
            "score": top_k[main][deepest],
            "individual_scores": scores,
            "top_k": top_k,
            "intervals": intervals,
            "ranks": ranks,
        }

    def _first_by_answer(self, run: Sequence[Document], answers: Sequence[str]) -> int | None:
        return first_hit(self._matcher.has_answer(answers, document.content or "") for document in run)


def _first_by_id(run: Sequence[Document], ids: Sequence[str]) -> int | None:
    return first_gold((document.id for document in run), ids)


def _golds(values: Any, name: str, questions: int) -> list[list[str]]:
    """For each question what it is judged by; nothing for any if nothing is given."""
    if values is None:
        return [[]] * questions
    if isinstance(values, (list, tuple)):
        values = [[each] if isinstance(each, str) else each for each in values]
    golds = _lists(values, name, str)
    if len(golds) != questions:
        msg = f"there are retrieved_documents for {questions} questions and {name} for {len(golds)}: give both for each"
        raise InputError(msg)
    return golds


def _lists(values: Any, name: str, kind: type) -> list[list[Any]]:
    def fits(value: Any) -> bool:
        return isinstance(value, (list, tuple)) and all(isinstance(each, kind) for each in value)

    if not isinstance(values, (list, tuple)):
        msg = f"{name} must be a list with one entry for each question, got {values!r:.80}"
        raise InputError(msg)
    for place, value in enumerate(values):
        if not fits(value):
            msg = f"{name}[{place}] must be a list of {kind.__name__}, got {value!r:.80}"
            raise InputError(msg)
    return [list(value) for value in values]
