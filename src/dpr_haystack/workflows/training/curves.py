# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Loss and validation accuracy over training steps, as a table and as a plot."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dpr_haystack.core.files import write_atomically
from dpr_haystack.workflows.drawing import new_figure, require_drawing, save_figure


@dataclass(frozen=True)
class CurveKind:
    """What is in the curves of a kind of training.

    :param metrics: The validation metrics in the table, in order.
    :param drawn: Those that are drawn, in percent, with their markers.
    :param label: What they are, on the axis.
    """

    metrics: tuple[str, ...]
    drawn: tuple[tuple[str, str], ...]
    label: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table."""
        return ("step", "epoch", "loss", "learning_rate", "grad_norm", *self.metrics)


TOWER_CURVES = CurveKind(
    ("average_rank", "top_1", "top_5", "top_20", "mrr"),
    (("top_1", "o"), ("top_5", "s"), ("top_20", "^")),
    "accuracy in the pool, %",
)
READER_CURVES = CurveKind(("em", "f1"), (("em", "o"), ("f1", "s")), "answers of the held-out questions, %")


def curve_points(history: Sequence[Mapping[str, Any]], kind: CurveKind) -> list[dict[str, float]]:
    """One point per step from a trainer's log; loss and validation of the same step are merged.

    :param history: The log entries, each with ``step``.
    :param kind: What is in the curves.
    """
    points: dict[int, dict[str, float]] = {}
    for logged in history:
        named = {name.removeprefix("eval_"): value for name, value in logged.items()}
        known = {name: named[name] for name in kind.columns if name in named}
        if len(known.keys() - {"step", "epoch"}):
            points.setdefault(int(logged["step"]), {}).update(known)
    return [points[step] for step in sorted(points)]


def write_table(path: Path, history: Sequence[Mapping[str, Any]], kind: CurveKind) -> None:
    """Write the curves as CSV, atomically.

    :param path: The file.
    :param history: The log entries.
    :param kind: What is in the curves.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, kind.columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(curve_points(history, kind))
    write_atomically(path, text.getvalue())


def draw_curves(path: Path, history: Sequence[Mapping[str, Any]], title: str, kind: CurveKind) -> None:
    """Plot the loss above and the metrics of the validations below.

    :param path: The PNG file.
    :param history: The log entries.
    :param title: The title of the plot.
    :param kind: What is in the curves.
    :raises MissingExtra: If matplotlib is not installed.
    """
    require_drawing("drawing curves", "train")
    points = curve_points(history, kind)
    validated = [point for point in points if kind.drawn[0][0] in point]
    figure = new_figure(8, 7 if validated else 4)
    axes = figure.subplots(2 if validated else 1, 1, sharex=True, squeeze=False)[:, 0]
    with_loss = [point for point in points if "loss" in point]
    axes[0].plot([point["step"] for point in with_loss], [point["loss"] for point in with_loss], color="tab:blue")
    axes[0].set(ylabel="loss", title=title, ylim=(0, None))
    if validated:
        for name, marker in kind.drawn:
            steps = [point["step"] for point in validated]
            label = name.replace("_", "-") if "_" in name else name.upper()
            axes[1].plot(steps, [point[name] for point in validated], marker=marker, label=label)
        axes[1].set(ylabel=kind.label, ylim=(None, 100))
        axes[1].legend(loc="lower right")
    axes[-1].set_xlabel("step")
    for panel in axes:
        panel.grid(alpha=0.3)
    save_figure(figure, path)
