# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Plot of the metric over the weight of DPR."""

from __future__ import annotations

from pathlib import Path

from dpr_haystack.core.hybrid_fitting import SHARES
from dpr_haystack.workflows.drawing import new_figure, save_figure
from dpr_haystack.workflows.hybrid_fit_report import FitReport


def draw_weights(path: Path, report: FitReport) -> None:
    """Plot the metric over DPR's share of the weight, one line per normalisation, and mark the chosen share.

    :param path: The PNG file.
    :param report: The result of fitting.
    :raises MissingExtra: If matplotlib is not installed.
    """
    figure = new_figure(8, 5)
    axes = figure.subplots()
    for name, values in report.curves.items():
        axes.plot(SHARES, values, label=name)
    best = report.curves[report.settings.normalization][SHARES.index(report.share)]
    axes.axvspan(*report.interval, color="gray", alpha=0.15, label="95% of samples")
    axes.plot([report.share], [best], "ko", label=f"chosen: {report.share:.2f}")
    axes.set(
        xlabel="share of DPR (0: BM25 alone, 1: DPR alone)",
        ylabel=report.metric if report.metric == "mrr" else f"{report.metric} accuracy, %",
        title=f"hybrid search over {report.questions} questions",
    )
    axes.legend(loc="lower center")
    axes.grid(alpha=0.3)
    save_figure(figure, path)
