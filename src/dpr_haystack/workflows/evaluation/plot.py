# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Plot of top-k accuracy over k, as in the paper's Figure 1."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dpr_haystack.core.metrics import top_k_accuracy
from dpr_haystack.errors import InputError
from dpr_haystack.workflows.drawing import new_figure, save_figure
from dpr_haystack.workflows.evaluation.retrieval_judge import Ranks

_TITLES = {"gold": "gold passage", "answer": "a passage with an answer"}


def accuracy_curves(ranks: Mapping[str, Ranks], depth: int) -> dict[str, dict[str, list[float]]]:
    """Top-k accuracy in percent for k from 1 to the depth, by kind of right passage and by system.

    :param ranks: For each system the ranks of the first right passages.
    :param depth: How many passages were retrieved.
    """
    ks = range(1, depth + 1)
    return {
        kind: {name: list(top_k_accuracy(getattr(of_system, kind), ks).values()) for name, of_system in ranks.items()}
        for kind in _TITLES
        if all(getattr(of_system, kind) for of_system in ranks.values())
    }


def plot_accuracy(path: Path, ranks: Mapping[str, Ranks], depth: int) -> None:
    """Plot one line per system, in one panel for gold passages and one for answers.

    :param path: The file; its suffix selects the format
        (:data:`~dpr_haystack.workflows.drawing.PICTURE_SUFFIXES`).
    :param ranks: For each system the ranks of the first right passages.
    :param depth: How many passages were retrieved.
    :raises MissingExtra: If matplotlib is not installed.
    :raises InputError: If no question names a gold passage or an answer.
    """
    curves = accuracy_curves(ranks, depth)
    if not curves:
        msg = "there is nothing to plot: no question names a gold passage or an answer"
        raise InputError(msg)
    figure = new_figure(5.5 * len(curves), 4.5)
    panels = figure.subplots(1, len(curves), sharey=True, squeeze=False)[0]
    for panel, (kind, lines) in zip(panels, curves.items(), strict=True):
        for name, line in lines.items():
            panel.plot(range(1, depth + 1), line, label=name, marker="." if depth <= 20 else None)
        panel.set(title=_TITLES[kind], xlabel="k: number of retrieved passages", ylabel="top-k accuracy, %")
        panel.grid(alpha=0.3)
        panel.legend(loc="lower right")
    save_figure(figure, path)
