# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dpr_haystack.core.hybrid_settings import HybridSettings, hybrid_file_of, read_hybrid, sample_of, write_hybrid
from dpr_haystack.core.model_directory import ModelManifest, Part, write_manifest
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.errors import DataError, InputError

SETTINGS = HybridSettings(
    weights={"bm25": 0.25, "dpr": 0.75},
    normalization="zscore",
    exact_scores=True,
    candidates=200,
    fitted={"questions": 300, "interval": [0.6, 0.8]},
)
WRITTEN = {
    "format_version": 1,
    "weights": {"bm25": 0.25, "dpr": 0.75},
    "normalization": "zscore",
    "fusion": "convex",
    "missing": "min",
    "exact_scores": True,
    "candidates": 200,
    "fitted": {"questions": 300, "interval": [0.6, 0.8]},
}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "hybrid.json"
    write_hybrid(path, SETTINGS)
    assert json.loads(path.read_text()) == WRITTEN
    assert read_hybrid(path) == SETTINGS
    assert [each.name for each in tmp_path.iterdir()] == ["hybrid.json"]
    path.write_text('{"format_version": 1, "weights": {"bm25": 1, "dpr": 2}}')
    assert read_hybrid(path) == HybridSettings(weights={"bm25": 1, "dpr": 2})


def test_it_knows_some_of_what_it_was_fitted_on_again() -> None:
    questions = [f"Who wrote book {number}?" for number in range(1000)]
    settings = HybridSettings(fitted={"sample": sample_of(questions)})
    assert settings.fitted_among(questions) == 1
    assert settings.fitted_among(reversed(questions)) == 1
    assert settings.fitted_among(["who wrote it?"]) == HybridSettings().fitted_among(questions) == 0
    assert 0.3 < settings.fitted_among(questions[:500]) < 0.7
    assert len(sample_of(questions).split()) == 64
    assert HybridSettings(fitted={"sample": sample_of(["one?", "two?"])}).fitted_among(["two?"]) == 0.5


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format_version": 2}, "format version 2, this package reads 1"),
        ({"format_version": None}, "format version None"),
        ({"weights": {"bm25": 1.0}}, "weights must name 'bm25' and 'dpr'"),
        ({"weights": {"bm25": -1.0, "dpr": 1.0}}, "'bm25' must be a finite number"),
        ({"weights": {"bm25": "1", "dpr": 1.0}}, "'bm25' must be a finite number"),
        ({"weights": [0.5, 0.5]}, "weights must name"),
        ({"normalization": "softmax"}, "normalization must be one of"),
        ({"fusion": "sum"}, "fusion must be one of"),
        ({"missing": "zero"}, "use missing='min'"),
        ({"exact_scores": "yes"}, "exact_scores must be true or false"),
        ({"candidates": 0}, "candidates must be an integer"),
        ({"candidates": 1.5}, "candidates must be an integer"),
        ({"temperature": 1}, "unknown settings: temperature"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    path = tmp_path / "hybrid.json"
    path.write_text(json.dumps({**WRITTEN, **change}))
    with pytest.raises(DataError, match=reason) as caught:
        read_hybrid(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '"weights"', "\x00"])
def test_what_is_no_settings_at_all(tmp_path: Path, text: str) -> None:
    path = tmp_path / "hybrid.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"cannot be read as JSON|has no 'weights'"):
        read_hybrid(path)
    with pytest.raises(DataError, match=r"nowhere\.json: cannot be read: No such file"):
        read_hybrid(tmp_path / "nowhere.json")


def test_parameters_are_those_of_the_retriever() -> None:
    assert "fitted" not in SETTINGS.parameters()
    assert SETTINGS.parameters()["weights"] == {"bm25": 0.25, "dpr": 0.75}
    with pytest.raises(InputError, match="weights must name"):
        HybridSettings(weights={"a": 1.0, "b": 1.0})


def test_where_it_lies(tmp_path: Path) -> None:
    model = tmp_path / "model"
    (model / "question").mkdir(parents=True)
    assert hybrid_file_of(str(model)) is None
    write_manifest(model, ModelManifest({"question": Part("question", "cls", False, Similarity.DOT_PRODUCT, 64, 8)}))
    assert hybrid_file_of(str(model)) == model / "hybrid.json"
    assert hybrid_file_of(str(model / "question")) == model / "hybrid.json"
    assert hybrid_file_of("facebook/dpr-question_encoder-single-nq-base") is None
