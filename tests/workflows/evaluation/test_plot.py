# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Plot of accuracy over k, compared with values computed here."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import matplotlib.figure
import numpy as np
import pytest

from dpr_haystack.errors import InputError, MissingExtra
from dpr_haystack.workflows.evaluation.plot import accuracy_curves, plot_accuracy
from dpr_haystack.workflows.evaluation.retrieval_judge import Ranks

RANKS = {"bm25": Ranks([3, None, 1, 4], [2]), "dpr": Ranks([1, 1, 2, None], [None])}
GOLD = {"bm25": [25.0, 25.0, 50.0, 75.0, 75.0], "dpr": [50.0, 75.0, 75.0, 75.0, 75.0]}


def test_curves() -> None:
    assert accuracy_curves(RANKS, 5) == {
        "gold": GOLD,
        "answer": {"bm25": [0.0, 100.0, 100.0, 100.0, 100.0], "dpr": [0.0] * 5},
    }
    assert accuracy_curves({"bm25": Ranks([1], [])}, 2) == {"gold": {"bm25": [100.0, 100.0]}}


def test_the_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = "matplotlib.pyplot" in sys.modules
    figures = []

    class Remembered(matplotlib.figure.Figure):
        def savefig(self, *arguments, **settings):
            figures.append(self)
            super().savefig(*arguments, **settings)

    monkeypatch.setattr(matplotlib.figure, "Figure", Remembered)
    path = tmp_path / "curve.png"
    path.write_text("what was there")
    plot_accuracy(path, RANKS, 5)
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG")
    assert struct.unpack(">II", data[16:24]) == (1650, 675)
    assert [each.name for each in tmp_path.iterdir()] == ["curve.png"]
    assert ("matplotlib.pyplot" in sys.modules) is before
    gold, answer = figures[0].axes
    assert {line.get_label(): list(np.asarray(line.get_ydata())) for line in gold.lines} == GOLD
    assert all(
        list(np.asarray(line.get_xdata())) == [1, 2, 3, 4, 5] for panel in (gold, answer) for line in panel.lines
    )
    assert [panel.get_title() for panel in (gold, answer)] == ["gold passage", "a passage with an answer"]
    plot_accuracy(tmp_path / "curve.SVG", RANKS, 5)
    assert "<svg" in (tmp_path / "curve.SVG").read_text()


def test_what_cannot_be_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="nothing to plot"):
        plot_accuracy(tmp_path / "curve.png", {"bm25": Ranks()}, 5)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtra, match=r"pip install 'ir-measures>=0.4' 'matplotlib'"):
        plot_accuracy(tmp_path / "curve.png", RANKS, 5)
    assert list(tmp_path.iterdir()) == []
