# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Results of an evaluation: accuracies with intervals, and the significance of differences between systems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from dpr_haystack.core.intervals import Interval, counted_interval
from dpr_haystack.core.metrics import hits_within, mean_reciprocal_rank, top_k_accuracy
from dpr_haystack.core.significance import Comparison, compare_hits
from dpr_haystack.workflows.evaluation.coverage import Coverage
from dpr_haystack.workflows.evaluation.reader_judge import ReaderReport
from dpr_haystack.workflows.evaluation.retrieval_judge import Ranks

KINDS = ("gold", "answer")
"""Kinds of right passages: a gold passage, or a passage that contains an answer."""

_PAIRS = (("hybrid", "bm25"), ("hybrid", "dpr"), ("dpr", "bm25"))

Comparisons = dict[str, dict[str, dict[int, Comparison]]]
"""By kind of right passage, by pair of systems (``"hybrid - bm25"``), and by k."""


@dataclass
class SystemReport:
    """Accuracy of one system in percent, by k and for each of :data:`KINDS`.

    Fields are empty if the questions name no gold passages or no answers, or if there is no reader.

    :param gold: Top-k accuracy: a gold passage was retrieved.
    :param answer: Top-k accuracy: a passage that contains an answer was retrieved.
    :param reader: Accuracy of a reader's answers, by the number of passages read.
    :param gold_intervals: 95% bootstrap intervals of ``gold``.
    :param answer_intervals: 95% bootstrap intervals of ``answer``.
    :param mrr: Mean reciprocal rank of the first right passage among those retrieved, by kind.
    :param measures: Values that ir_measures computes from the gold passages, by the names of the measures.
    """

    gold: dict[int, float] = field(default_factory=dict)
    answer: dict[int, float] = field(default_factory=dict)
    reader: dict[int, ReaderReport] = field(default_factory=dict)
    gold_intervals: dict[int, Interval] = field(default_factory=dict)
    answer_intervals: dict[int, Interval] = field(default_factory=dict)
    mrr: dict[str, float] = field(default_factory=dict)
    measures: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The JSON that ``evaluate --json`` prints."""
        fields: dict[str, Any] = {
            "gold": _by_name(self.gold),
            "answer": _by_name(self.answer),
            "gold_intervals": _by_name(self.gold_intervals),
            "answer_intervals": _by_name(self.answer_intervals),
            "mrr": self.mrr,
        }
        if self.measures:
            fields["measures"] = self.measures
        if self.reader:
            fields["reader"] = {str(count): report.to_json() for count, report in self.reader.items()}
        return fields


@dataclass
class EvaluationReport:
    """The results of an evaluation.

    :param questions: Number of questions.
    :param systems: The report of each system.
    :param significance: Differences between systems with their p. The tests are not corrected for multiple comparisons:
        without any true difference, one in twenty has a p below 0.05.
    :param ranks: For each system the ranks that these figures are computed from.
    :param coverage: Which questions could be judged, and which of their gold passages are missing.
    """

    questions: int
    systems: dict[str, SystemReport]
    significance: Comparisons = field(default_factory=dict)
    ranks: dict[str, Ranks] = field(default_factory=dict)
    coverage: Coverage | None = None

    def judged(self, kind: str) -> int:
        """The number of questions that name a gold passage, or have an answer.

        :param kind: One of :data:`KINDS`.
        """
        return len(getattr(next(iter(self.ranks.values())), kind))

    def to_json(self) -> dict[str, Any]:
        """The JSON that ``evaluate --json`` prints."""
        fields: dict[str, Any] = {
            "questions": self.questions,
            "judged": {kind: self.judged(kind) for kind in KINDS},
            **({} if self.coverage is None else {"coverage": asdict(self.coverage)}),
            "systems": {name: report.to_json() for name, report in self.systems.items()},
        }
        if self.significance:
            fields["significance"] = {
                kind: {
                    pair: {str(k): asdict(comparison) for k, comparison in by_k.items()} for pair, by_k in pairs.items()
                }
                for kind, pairs in self.significance.items()
            }
        return fields


def report_of(coverage: Coverage, ranks: dict[str, Ranks], ks: Sequence[int]) -> EvaluationReport:
    """Compute a report from the ranks of the first right passages.

    :param coverage: The counts of questions.
    :param ranks: The ranks of each system.
    :param ks: The k of the top-k accuracies.
    """
    systems = {name: _system_report(of_system, ks) for name, of_system in ranks.items()}
    return EvaluationReport(coverage.questions, systems, _significance(ranks, ks), ranks, coverage)


def _system_report(ranks: Ranks, ks: Sequence[int]) -> SystemReport:
    report = SystemReport()
    if ranks.gold:
        report.gold, report.gold_intervals = top_k_accuracy(ranks.gold, ks), intervals_of(ranks.gold, ks)
        report.mrr["gold"] = 100.0 * mean_reciprocal_rank(ranks.gold)
    if ranks.answer:
        report.answer, report.answer_intervals = top_k_accuracy(ranks.answer, ks), intervals_of(ranks.answer, ks)
        report.mrr["answer"] = 100.0 * mean_reciprocal_rank(ranks.answer)
    return report


def intervals_of(ranks: Sequence[int | None], ks: Sequence[int]) -> dict[int, Interval]:
    """The 95% bootstrap intervals of top-k accuracies, in percent.

    :param ranks: Rank of the first right passage of each question, or None.
    :param ks: The k of the accuracies.
    """
    right = {k: sum(hits_within(ranks, k)) for k in ks}
    return {k: counted_interval({100.0: hits, 0.0: len(ranks) - hits}) for k, hits in right.items()}


def _significance(ranks: Mapping[str, Ranks], ks: Sequence[int]) -> Comparisons:
    comparisons: Comparisons = {}
    for kind in KINDS:
        for first, second in _PAIRS:
            if first in ranks and second in ranks and (first_ranks := getattr(ranks[first], kind)):
                second_ranks = getattr(ranks[second], kind)
                comparisons.setdefault(kind, {})[f"{first} - {second}"] = {
                    k: compare_hits(hits_within(first_ranks, k), hits_within(second_ranks, k)) for k in ks
                }
    return comparisons


def _by_name(values: Mapping[int, Any]) -> dict[str, Any]:
    return {str(k): value for k, value in values.items()}
