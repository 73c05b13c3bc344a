# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What an evaluation measured: accuracies with their intervals, and which differences between systems are real."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from dpr_haystack.core.intervals import Interval, counted_interval
from dpr_haystack.core.metrics import hits_within, mean_reciprocal_rank, top_k_accuracy
from dpr_haystack.core.significance import Comparison, compare_hits
from dpr_haystack.workflows.evaluation.reader_judge import ReaderReport
from dpr_haystack.workflows.evaluation.retrieval_judge import Ranks

KINDS = ("gold", "answer")
"""What counts as right: a gold passage, or a passage with an answer."""

_PAIRS = (("hybrid", "bm25"), ("hybrid", "dpr"), ("dpr", "bm25"))

Comparisons = dict[str, dict[str, dict[int, Comparison]]]
"""By what counts as right, by the two systems' names (``"hybrid - bm25"``), and by k."""


@dataclass
class SystemReport:
    """How good one system is, in percent; by k, and for each of :data:`KINDS`.

    Empty where the questions name no gold passages, or no answers, or where there is no reader.

    :param gold: Top-k accuracy: gold passage found.
    :param answer: Top-k accuracy: passage with an answer found.
    :param gold_intervals: 95% bootstrap intervals of the first.
    :param answer_intervals: Of the second.
    :param mrr: Mean reciprocal rank of the first right passage among those retrieved.
    :param measures: What ir_measures computes from the gold passages, by the measures' names.
    :param reader: How good a reader's answers are, by the number of passages that it read.
    """

    gold: dict[int, float] = field(default_factory=dict)
    answer: dict[int, float] = field(default_factory=dict)
    reader: dict[int, ReaderReport] = field(default_factory=dict)
    gold_intervals: dict[int, Interval] = field(default_factory=dict)
    answer_intervals: dict[int, Interval] = field(default_factory=dict)
    mrr: dict[str, float] = field(default_factory=dict)
    measures: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As ``evaluate --json`` prints it."""
        told: dict[str, Any] = {
            "gold": _by_name(self.gold),
            "answer": _by_name(self.answer),
            "gold_intervals": _by_name(self.gold_intervals),
            "answer_intervals": _by_name(self.answer_intervals),
            "mrr": self.mrr,
        }
        if self.measures:
            told["measures"] = self.measures
        if self.reader:
            told["reader"] = {str(count): report.to_json() for count, report in self.reader.items()}
        return told


@dataclass
class EvaluationReport:
    """What an evaluation measured.

    :param questions: How many there were.
    :param systems: A report for each system.
    :param significance: How much better each system is than another, and how sure that is. Each test stands for
        itself: of twenty differences that are none, one has a p below 0.05.
    :param ranks: For each system the ranks that all of this is made from.
    """

    questions: int
    systems: dict[str, SystemReport]
    significance: Comparisons = field(default_factory=dict)
    ranks: dict[str, Ranks] = field(default_factory=dict)

    def judged(self, kind: str) -> int:
        """How many questions say what is right: which name a gold passage, or have an answer.

        :param kind: One of :data:`KINDS`.
        """
        return len(getattr(next(iter(self.ranks.values())), kind))

    def to_json(self) -> dict[str, Any]:
        """As ``evaluate --json`` prints it."""
        told: dict[str, Any] = {
            "questions": self.questions,
            "judged": {kind: self.judged(kind) for kind in KINDS},
            "systems": {name: report.to_json() for name, report in self.systems.items()},
        }
        if self.significance:
            told["significance"] = {
                kind: {
                    pair: {str(k): asdict(comparison) for k, comparison in by_k.items()} for pair, by_k in pairs.items()
                }
                for kind, pairs in self.significance.items()
            }
        return told


def report_of(questions: int, ranks: dict[str, Ranks], ks: Sequence[int]) -> EvaluationReport:
    """Everything that follows from the ranks of the first right passages.

    :param questions: How many there were.
    :param ranks: For each system its ranks.
    :param ks: Which k.
    """
    systems = {name: _system_report(each, ks) for name, each in ranks.items()}
    return EvaluationReport(questions, systems, _significance(ranks, ks), ranks)


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
    """The 95% bootstrap intervals of top-k accuracies, in percent."""
    right = {k: sum(hits_within(ranks, k)) for k in ks}
    return {k: counted_interval({100.0: hits, 0.0: len(ranks) - hits}) for k, hits in right.items()}


def _significance(ranks: Mapping[str, Ranks], ks: Sequence[int]) -> Comparisons:
    found: Comparisons = {}
    for kind in KINDS:
        for first, second in _PAIRS:
            if first in ranks and second in ranks and (mine := getattr(ranks[first], kind)):
                theirs = getattr(ranks[second], kind)
                found.setdefault(kind, {})[f"{first} - {second}"] = {
                    k: compare_hits(hits_within(mine, k), hits_within(theirs, k)) for k in ks
                }
    return found


def _by_name(values: Mapping[int, Any]) -> dict[str, Any]:
    return {str(k): value for k, value in values.items()}
