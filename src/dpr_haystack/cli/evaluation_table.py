# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Tables that `dpr-haystack evaluate` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dpr_haystack.core.significance import Comparison
    from dpr_haystack.workflows.evaluation.coverage import Coverage
    from dpr_haystack.workflows.evaluation.evaluate import EvaluationReport, SystemReport
    from dpr_haystack.workflows.evaluation.reader_judge import ReaderReport

TITLES = {"gold": "gold passage", "answer": "a passage with an answer"}


def as_table(report: EvaluationReport) -> str:
    """Format a report as tables.

    :param report: The evaluation.
    """
    tables = []
    for kind, title in TITLES.items():
        if any(getattr(system, kind) for system in report.systems.values()):
            tables.append("\n".join(_accuracy_lines(report, kind, title)))
    for kind, pairs in report.significance.items():
        tables.append("\n".join(_comparison_lines(pairs, TITLES[kind])))
    if any(system.measures for system in report.systems.values()):
        tables.append("\n".join(_measure_lines(report.systems)))
    reports = {name: system.reader for name, system in report.systems.items() if system.reader}
    if reports:
        tables.append("\n".join(_reader_lines(reports)))
    if report.coverage is not None:
        tables.append(_coverage_line(report.coverage))
    return "\n\n".join(tables)


def _coverage_line(coverage: Coverage) -> str:
    judged = f"{coverage.judged} of {coverage.questions} questions can be judged"
    if not coverage.gold_passages:
        return judged
    return f"{judged}; {coverage.missing_gold_passages} of {coverage.gold_passages} gold passages are missing"


def _accuracy_lines(report: EvaluationReport, kind: str, title: str) -> Iterator[str]:
    judged = report.judged(kind)
    rest = f", the other {report.questions - judged} name none" if judged < report.questions else ""
    yield f"{title} in the top k, % of {judged} questions{rest} (95% intervals)"
    first = next(iter(report.systems.values()))
    yield f"{'':<8}" + "".join(f"{k:>20}" for k in getattr(first, kind)) + f"{'MRR':>8}"
    for name, system in report.systems.items():
        intervals = getattr(system, f"{kind}_intervals")
        cells = (_with_interval(value, intervals[k]) for k, value in getattr(system, kind).items())
        yield f"{name:<8}" + "".join(f"{cell:>20}" for cell in cells) + f"{system.mrr[kind]:>8.1f}"


def _comparison_lines(pairs: Mapping[str, Mapping[int, Comparison]], title: str) -> Iterator[str]:
    yield f"{title} in the top k, differences in points (p of the paired randomisation test)"
    yield f"{'':<15}" + "".join(f"{k:>20}" for k in next(iter(pairs.values())))
    for pair, by_k in pairs.items():
        cells = (f"{comparison.difference:+.1f} ({_p(comparison.p)})" for comparison in by_k.values())
        yield f"{pair:<15}" + "".join(f"{cell:>20}" for cell in cells)


def _p(value: float) -> str:
    return "p<0.001" if value < 0.001 else f"p={value:.3f}"


def _measure_lines(systems: Mapping[str, SystemReport]) -> Iterator[str]:
    names = next(iter(systems.values())).measures
    yield "measures over the gold passages (ir_measures), %"
    yield f"{'':<8}" + "".join(f"{name:>12}" for name in names)
    for name, system in systems.items():
        yield f"{name:<8}" + "".join(f"{value:>12.1f}" for value in system.measures.values())


def _reader_lines(reports: Mapping[str, Mapping[int, ReaderReport]]) -> Iterator[str]:
    (first, *_) = (report for by_count in reports.values() for report in by_count.values())
    yield f"answers of the reader, % of {first.questions} questions (95% intervals), and where the others were lost"
    yield f"{'':<8}{'passages':>8}{'exact match':>21}{'F1':>21}{'retrieval':>12}{'selection':>12}{'span':>8}"
    for name, by_count in reports.items():
        for count, report in by_count.items():
            match = _with_interval(report.exact_match, report.exact_match_interval)
            overlap = _with_interval(report.f1, report.f1_interval)
            lost = report.lost_to
            yield (
                f"{name:<8}{count:>8}{match:>21}{overlap:>21}"
                f"{lost['retrieval']:>12.1f}{lost['selection']:>12.1f}{lost['span']:>8.1f}"
            )


def _with_interval(value: float, interval: tuple[float, float]) -> str:
    return f"{value:.1f} ({interval[0]:.1f}-{interval[1]:.1f})"
