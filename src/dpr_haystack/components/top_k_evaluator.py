# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Top-k accuracy of retrieved passages as a Haystack evaluator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from haystack import component, default_to_dict
from haystack.dataclasses import Document

from dpr_haystack.components._basics import ComponentBasics
from dpr_haystack.components._documents import as_documents
from dpr_haystack.core.answers import AnswerMatcher
from dpr_haystack.core.checks import check_integer
from dpr_haystack.core.intervals import counted_interval
from dpr_haystack.core.metrics import KS, first_gold, first_hit, hits_within, top_k_accuracy
from dpr_haystack.errors import InputError


@component
class TopKAccuracyEvaluator(ComponentBasics):
    """Computes top-k accuracy (Karpukhin et al. 2020, section 5).

    This is the share of questions with a relevant passage among the first k. A passage is relevant if its id is that of
    a gold passage, or if its text contains an answer, matched as in the original DPR code. If both gold passages and
    answers are given, both accuracies are computed.

    ```python
    documents = retriever.run("Where was Einstein born?")["documents"]
    TopKAccuracyEvaluator(ks=[1, 5]).run(retrieved_documents=[documents], ground_truth_answers=[["Ulm"]])
    ```

    :param ks: The cut-offs k, each at least 1.
    :param match: How answers are matched. ``"string"``: the passage contains the words of the answer in sequence.
        ``"regex"``: answers are regular expressions (CuratedTREC).
    :raises InputError: If ``ks`` is empty or contains anything but positive integers, or ``match`` is unknown.
    """

    __module__ = "haystack_integrations.components.evaluators.dpr"

    def __init__(self, *, ks: Sequence[int] = KS, match: str = "string") -> None:
        if not isinstance(ks, (list, tuple)) or not ks:
            msg = f"ks must be a non-empty list of integers: got {ks!r}"
            raise InputError(msg)
        for k in ks:
            check_integer("each value in ks", k)
        self._matcher = AnswerMatcher(match)
        self.ks = sorted(set(ks))
        self.match = match

    def to_dict(self) -> dict[str, Any]:
        """Serialise the settings."""
        return default_to_dict(self, ks=self.ks, match=self.match)

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
        """Evaluate the documents that were retrieved for questions.

        :param retrieved_documents: The documents retrieved for each question, best first.
        :param ground_truth_answers: The gold answers of each question, or their patterns: a list of strings, or a
            single string.
        :param ground_truth_passage_ids: The ids of the gold passages of each question, in the same form.
        :returns: ``top_k``: accuracy in percent, 0 to 100, by criterion (``"gold"``: gold passages, ``"answer"``:
            answers) and by k, over the questions that have a gold passage or an answer; ``intervals``: the 95%
            bootstrap confidence intervals; ``ranks``: the rank, from 1, of the first relevant passage for each
            question, or ``None``.

            As Haystack's evaluators name and scale them, ``score``: the accuracy at the largest k from 0 to 1, by gold
            passages if they are given, else by answers; ``individual_scores``: 1.0 or 0.0 for each question, NaN for a
            question without gold passages (or answers).
        :raises InputError: If neither answers nor passage ids are given, the lists differ in length, or they contain
            values of other types.
        """
        runs = _runs(retrieved_documents)
        ranks: dict[str, list[int | None]] = {}
        has_gold: dict[str, list[bool]] = {}
        for kind, golds, first in (
            ("gold", _golds(ground_truth_passage_ids, "ground_truth_passage_ids", len(runs)), _first_by_id),
            ("answer", _golds(ground_truth_answers, "ground_truth_answers", len(runs)), self._first_by_answer),
        ):
            if any(golds):
                ranks[kind] = [first(run, gold) if gold else None for run, gold in zip(runs, golds, strict=True)]
                has_gold[kind] = [bool(gold) for gold in golds]
        if not ranks:
            msg = "no question has answers or gold passages: pass ground_truth_answers or ground_truth_passage_ids"
            raise InputError(msg)
        return self._results(ranks, has_gold)

    def _results(self, ranks: dict[str, list[int | None]], has_gold: dict[str, list[bool]]) -> dict[str, Any]:
        top_k, intervals = {}, {}
        for kind, kind_ranks in ranks.items():
            counted = [rank for rank, is_counted in zip(kind_ranks, has_gold[kind], strict=True) if is_counted]
            hits = {k: sum(hits_within(counted, k)) for k in self.ks}
            top_k[kind] = top_k_accuracy(counted, self.ks)
            intervals[kind] = {k: counted_interval({100.0: n, 0.0: len(counted) - n}) for k, n in hits.items()}
        main, largest_k = next(iter(ranks)), self.ks[-1]
        scores = [
            float(is_hit) if is_counted else math.nan
            for is_hit, is_counted in zip(hits_within(ranks[main], largest_k), has_gold[main], strict=True)
        ]
        return {
            "score": top_k[main][largest_k] / 100,
            "individual_scores": scores,
            "top_k": top_k,
            "intervals": intervals,
            "ranks": ranks,
        }

    def _first_by_answer(self, run: Sequence[Document], answers: Sequence[str]) -> int | None:
        return first_hit(self._matcher.has_answer(answers, document.content or "") for document in run)


def _first_by_id(run: Sequence[Document], ids: Sequence[str]) -> int | None:
    return first_gold((document.id for document in run), ids)


def _runs(values: Any) -> list[list[Document]]:
    """The retrieved documents of each question."""
    if not isinstance(values, (list, tuple)):
        msg = f"retrieved_documents must be a list with one entry per question: got {values!r:.80}"
        raise InputError(msg)
    return [as_documents(f"retrieved_documents[{index}]", value) for index, value in enumerate(values)]


def _golds(values: Any, name: str, questions: int) -> list[list[str]]:
    """Return the gold answers or passage ids of each question; empty lists if ``values`` is None."""
    if values is None:
        return [[]] * questions
    if isinstance(values, (list, tuple)):
        values = [[value] if isinstance(value, str) else value for value in values]
    golds = _lists(values, name, str)
    if len(golds) != questions:
        msg = f"{name} must have one entry per question: got {len(golds)} entries for {questions} questions"
        raise InputError(msg)
    return golds


def _lists(values: Any, name: str, kind: type) -> list[list[Any]]:
    if not isinstance(values, (list, tuple)):
        msg = f"{name} must be a list with one entry per question: got {values!r:.80}"
        raise InputError(msg)
    for index, value in enumerate(values):
        if not isinstance(value, (list, tuple)) or not all(isinstance(item, kind) for item in value):
            msg = f"{name}[{index}] must be a list of {kind.__name__}: got {value!r:.80}"
            raise InputError(msg)
    return [list(value) for value in values]
