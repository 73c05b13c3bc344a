# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Top-k accuracy of BM25, DPR and hybrid search."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dpr_haystack.backends.passage_search import PassageSearch
from dpr_haystack.components.retrievers.hybrid_search import HybridSearch, runs_of, systems_of
from dpr_haystack.core.batching import batched
from dpr_haystack.core.metrics import KS
from dpr_haystack.engines.ranking_measures import RankingMeasures
from dpr_haystack.errors import InputError
from dpr_haystack.formats.question import Question
from dpr_haystack.workflows.evaluation.reader_judge import ReadingJudge
from dpr_haystack.workflows.evaluation.report import EvaluationReport, SystemReport, report_of
from dpr_haystack.workflows.evaluation.retrieval_judge import JudgedQuestion, RetrievalJudge

# Questions that are searched together; with a reader few, for their progress is slow.
_AT_ONCE, _READ_AT_ONCE = 256, 8

Progress = Callable[[int], None]
Recorder = Callable[[JudgedQuestion], None]


__all__ = ["EvaluationReport", "SystemReport", "evaluate"]


def evaluate(
    search: PassageSearch,
    questions: Sequence[Question],
    hybrid: HybridSearch | None,
    *,
    ks: Sequence[int] = KS,
    match: str = "string",
    systems: Sequence[str] | None = None,
    reading: ReadingJudge | None = None,
    measures: Sequence[str] = (),
    recorders: Sequence[Recorder] = (),
    progress: Progress | None = None,
) -> EvaluationReport:
    """Measure top-k accuracy: the share of questions with a right passage among the first k (paper, section 5).

    With a reader, also how good its answers are (section 6).

    :param search: Where the passages are.
    :param questions: With gold passages' ids, answers, or both.
    :param hybrid: Both searches over it; None for BM25 alone.
    :param ks: Which k.
    :param match: ``"string"``: a passage answers if it contains an answer's words in a row; ``"regex"``: if it matches.
    :param systems: Only these of BM25, DPR and hybrid.
    :param reading: A reader and what to judge of it.
    :param measures: What else to compute from the gold passages, as ir_measures writes it, e.g. ``"nDCG@10"``.
    :param recorders: Each is called with every question as it is judged.
    :param progress: Called with the number of questions done since the last call.
    :raises InputError: If there are no questions, a k below 1, an unknown system, or a measure that cannot be had.
    :raises MissingExtra: If measures are asked for and ir_measures is not installed.
    """
    if not questions:
        msg = "there are no questions to evaluate"
        raise InputError(msg)
    if not ks or min(ks) < 1:
        msg = f"k must be at least 1, got {list(ks)}"
        raise InputError(msg)
    names = systems_of(hybrid, systems)
    judge = RetrievalJudge(search, names, max(ks), match)
    measured = _measured(measures, names, questions, max(ks))
    depth = max([*ks, reading.depth]) if reading is not None else max(ks)
    for batch in batched(questions, _AT_ONCE if reading is None else _READ_AT_ONCE):
        runs = runs_of(search, hybrid, [question.question for question in batch], depth, names)
        judged = [judge.judge(question, run) for question, run in zip(batch, runs, strict=True)]
        _record(judged, measured, recorders)
        if reading is not None:
            reading.add(batch, runs)
        if progress is not None:
            progress(len(batch))
    report = report_of(len(questions), judge.ranks, ks)
    for name, measuring in measured.items():
        report.systems[name].measures = measuring.means()
    for name, of_reader in (reading.reports() if reading is not None else {}).items():
        report.systems[name].reader = of_reader
    return report


def _record(
    judged: Sequence[JudgedQuestion], measured: dict[str, RankingMeasures], recorders: Sequence[Recorder]
) -> None:
    for name, measuring in measured.items():
        measuring.add((each.question.passage_ids, each.runs[name].ids) for each in judged if each.question.passage_ids)
    for each in judged:
        for record in recorders:
            record(each)


def _measured(
    measures: Sequence[str], systems: Sequence[str], questions: Sequence[Question], depth: int
) -> dict[str, RankingMeasures]:
    if measures and not any(question.passage_ids for question in questions):
        msg = f"{', '.join(measures)} count gold passages, and no question names one"
        raise InputError(msg)
    return {name: RankingMeasures(measures, depth) for name in systems} if measures else {}
