# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Top-k accuracy of BM25, DPR and hybrid search."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from dpr_haystack.backends.passage_search import PassageSearch
from dpr_haystack.components.retrievers.hybrid_search import HybridSearch, runs_of, systems_of
from dpr_haystack.core.batching import batched
from dpr_haystack.core.metrics import KS
from dpr_haystack.core.progress import Progress
from dpr_haystack.engines.ranking_measures import RankingMeasures
from dpr_haystack.errors import InputError
from dpr_haystack.formats.question import Question
from dpr_haystack.workflows.evaluation.coverage import judgeable
from dpr_haystack.workflows.evaluation.reader_judge import ReadingJudge
from dpr_haystack.workflows.evaluation.report import EvaluationReport, SystemReport, report_of
from dpr_haystack.workflows.evaluation.retrieval_judge import JudgedQuestion, RetrievalJudge

# Questions per batch; few with a reader, so that progress is reported often.
_AT_ONCE, _READ_AT_ONCE = 256, 8

Recorder = Callable[[JudgedQuestion], None]
"""Called with every question after it was judged."""

__all__ = ["EvaluationOptions", "EvaluationReport", "SystemReport", "evaluate"]


@dataclass(frozen=True)
class EvaluationOptions:
    """Settings of an evaluation.

    :param ks: The k of the top-k accuracies.
    :param match: ``"string"``: a passage is right if it contains the words of an answer in sequence; ``"regex"``: if an
        answer, as a pattern, matches.
    :param systems: The systems to evaluate out of BM25, DPR and hybrid; None for all available.
    :param measures: Further measures over the gold passages, in the notation of ir_measures, e.g. ``"nDCG@10"``.
    :raises InputError: If there is no k, or one below 1.
    """

    ks: Sequence[int] = KS
    match: str = "string"
    systems: Sequence[str] | None = None
    measures: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not self.ks or min(self.ks) < 1:
            msg = f"k must be at least 1: got {list(self.ks)}"
            raise InputError(msg)


def evaluate(
    search: PassageSearch,
    questions: Sequence[Question],
    hybrid: HybridSearch | None,
    options: EvaluationOptions | None = None,
    *,
    reading: ReadingJudge | None = None,
    recorders: Sequence[Recorder] = (),
    progress: Progress | None = None,
) -> EvaluationReport:
    """Measure top-k accuracy: the share of questions with a right passage among the first k (paper, section 5).

    With a reader, also the accuracy of its answers (section 6).

    :param search: Searches the passages.
    :param questions: Questions with gold passage ids, answers, or both.
    :param hybrid: Both searches over it; None for BM25 only.
    :param options: Settings of the evaluation.
    :param reading: Judges the answers of a reader; None to evaluate retrieval only.
    :param recorders: Each is called with every question after it was judged.
    :param progress: Called with the number of questions done since the last call.
    :raises InputError: If there are no questions, none can be judged, a system is unknown, or a measure cannot be
        computed.
    :raises MissingExtra: If measures are requested and ir_measures is not installed.
    """
    options = options or EvaluationOptions()
    if not questions:
        msg = "evaluation needs questions: got none"
        raise InputError(msg)
    questions, coverage = judgeable(search, questions)
    ks = options.ks
    names = systems_of(hybrid, options.systems)
    judge = RetrievalJudge(search, names, max(ks), options.match)
    measured = _measured(options.measures, names, questions, max(ks))
    depth = max([*ks, reading.depth]) if reading is not None else max(ks)
    for batch in batched(questions, _AT_ONCE if reading is None else _READ_AT_ONCE):
        runs = runs_of(search, hybrid, [question.question for question in batch], depth, names)
        judged = [judge.judge(question, run) for question, run in zip(batch, runs, strict=True)]
        _record(judged, measured, recorders)
        if reading is not None:
            reading.add(batch, runs)
        if progress is not None:
            progress(len(batch))
    report = report_of(coverage, judge.ranks, ks)
    for name, measuring in measured.items():
        report.systems[name].measures = measuring.means()
    for name, reader_reports in (reading.reports() if reading is not None else {}).items():
        report.systems[name].reader = reader_reports
    return report


def _record(
    judged: Sequence[JudgedQuestion], measured: dict[str, RankingMeasures], recorders: Sequence[Recorder]
) -> None:
    for name, measuring in measured.items():
        measuring.add(
            (grades_of(question.question), question.runs[name].ids)
            for question in judged
            if question.question.passage_ids
        )
    for question in judged:
        for record in recorders:
            record(question)


def grades_of(question: Question) -> Mapping[str, float]:
    """The grades of the judged passages of a question; gold passages without grades have the grade 1.

    :param question: The question.
    """
    return question.grades or dict.fromkeys(question.passage_ids, 1)


def _measured(
    measures: Sequence[str], systems: Sequence[str], questions: Sequence[Question], depth: int
) -> dict[str, RankingMeasures]:
    if measures and not any(question.passage_ids for question in questions):
        msg = f"{', '.join(measures)} need gold passages, but no question names one"
        raise InputError(msg)
    return {name: RankingMeasures(measures, depth) for name in systems} if measures else {}
