# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Lists that the joiner gets: without scores, reordered, with distances; and weights from the model directory."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from haystack import Document, Pipeline

from dpr_haystack import HybridJoiner
from dpr_haystack.core.hybrid_settings import HybridSettings, write_hybrid
from dpr_haystack.errors import DataError, InputError
from dpr_haystack.resources import trained_pair

BM25 = [("a", 30.0), ("b", 20.0), ("c", 10.0)]
SIMILARITIES = [("c", 0.9), ("d", 0.7), ("b", 0.2)]
DISTANCES = [(name, 1 - similarity) for name, similarity in SIMILARITIES]  # what a Chroma store returns


def docs(hits: Sequence[tuple[str, float | None]]) -> list[Document]:
    return [Document(id=name, content=name, score=score) for name, score in hits]


def unscored(*names: str) -> list[Document]:
    return docs([(name, None) for name in names])


def found(joiner: HybridJoiner, **lists: Any) -> list[tuple[str, float | None]]:
    return [(each.id, each.score) for each in joiner.run(**lists)["documents"]]


@pytest.mark.parametrize("scores", [(None, None, None), (1.0, 2.0, 3.0), (5.0, 5.0, 5.0), (0.1, None, 0.9)])
def test_reciprocal_ranks_are_places_in_the_list(
    scores: tuple[float | None, ...], caplog: pytest.LogCaptureFixture
) -> None:
    """Without scores, sorted by distances, or reordered by a ranker: the order is the list's own."""
    listed = docs(list(zip("zyx", scores, strict=True)))
    joiner = HybridJoiner({"one": 1.0, "two": 2.0}, fusion="rrf", rrf_k=10)
    assert found(joiner, one=listed) == [("z", 1 / 11), ("y", 1 / 12), ("x", 1 / 13)]
    both = found(joiner, one=listed, two=unscored("x", "w"))
    assert both == [
        ("x", pytest.approx(2 / 11 + 1 / 13)),
        ("w", pytest.approx(2 / 12)),
        ("z", pytest.approx(1 / 11)),
        ("y", pytest.approx(1 / 12)),
    ]
    assert not caplog.records


def test_ranks_of_a_list_without_scores_are_explained() -> None:
    (first, second) = HybridJoiner(fusion="rrf", explain=True).run(dpr=unscored("b", "a"))["documents"]
    assert first.meta["hybrid"]["dpr"] == {"score": None, "rank": 1, "part": pytest.approx(1 / 61)}
    assert second.meta["hybrid"] == {"dpr": {"score": None, "rank": 2, "part": pytest.approx(1 / 62)}}


@pytest.mark.parametrize(
    "options",
    [{}, {"normalization": "zscore"}, {"fusion": "dbsf"}, {"fusion": "rrf"}],
    ids=lambda options: "-".join(options.values()) or "minmax",
)
def test_distances_count_as_the_similarities_they_were_made_from(options: dict[str, Any]) -> None:
    expected = HybridJoiner(**options).run(bm25=docs(BM25), dpr=docs(SIMILARITIES))["documents"]
    documents = HybridJoiner(**options, lower_is_better=["dpr"]).run(bm25=docs(BM25), dpr=docs(DISTANCES))["documents"]
    assert [each.id for each in documents] == [each.id for each in expected]
    assert [each.score for each in documents] == pytest.approx([each.score for each in expected])


def test_explained_distances_are_those_of_the_retriever() -> None:
    joiner = HybridJoiner({"dpr": 1.0}, lower_is_better=["dpr"], explain=True)
    documents = joiner.run(dpr=docs(DISTANCES))["documents"]
    assert [each.meta["hybrid"]["dpr"]["score"] for each in documents] == pytest.approx([0.1, 0.3, 0.8])
    assert [each.score for each in documents] == pytest.approx([1.0, 0.5 / 0.7, 0.0])


@pytest.mark.parametrize("fusion", ["convex", "dbsf"])
@pytest.mark.parametrize(
    ("hits", "options", "words"),
    [
        (DISTANCES, {}, ["'dpr' rise from 0.1 to 0.3 at rank 2", "lower_is_better=['dpr']", 'fusion="rrf"']),
        (SIMILARITIES, {"lower_is_better": ["dpr"]}, ["'dpr' fall from 0.9 to 0.7 at rank 2", "remove it there"]),
        ([("a", None), ("b", None)], {}, ["no document of the input 'dpr' has a score", 'fusion="rrf"']),
    ],
)
def test_a_list_in_another_order_than_its_scores_is_reported_once(
    hits: Any, options: Any, words: list[str], fusion: str, caplog: pytest.LogCaptureFixture
) -> None:
    joiner = HybridJoiner(fusion=fusion, **options)
    for _ in range(3):
        joiner.run(bm25=docs(BM25), dpr=docs(hits))
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert all(word in record.getMessage() for word in words)


def test_nothing_is_reported_of_sorted_lists(caplog: pytest.LogCaptureFixture) -> None:
    joiner = HybridJoiner()
    rounded = [("a", 3.0), ("b", 1.0), ("c", 1.0 + 1e-9), ("d", None), ("e", 0.5)]
    joiner.run(bm25=docs(rounded), dpr=docs(SIMILARITIES))
    joiner.run(bm25=docs([("a", float("inf")), ("b", 1.0)]), dpr=[])
    assert not caplog.records


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lower_is_better": ["chroma"]}, "lower_is_better must be a list of names in weights"),
        ({"lower_is_better": "dpr"}, "lower_is_better must be a list of names in weights"),
        ({"lower_is_better": ["dpr"], "normalization": "none", "missing": "zero"}, "use missing='min'"),
        ({"model": 3}, "model must be the path of a model directory: got 3"),
        ({"weights": ["bm25", "dpr"]}, "weights must map the names of inputs to numbers"),
        ({"rrf_k": "60"}, "rrf_k must be a finite number"),
    ],
)
def test_options_that_cannot_be_used_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        HybridJoiner(**options)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model directory with fitted weights; its towers are not needed."""
    folder = tmp_path / "model"
    folder.mkdir()
    shutil.copy(trained_pair() / "dpr.json", folder)
    write_hybrid(folder / "hybrid.json", HybridSettings({"bm25": 0.2, "dpr": 0.8}, "zscore", fitted={"questions": 9}))
    return folder


def test_weights_are_those_of_the_model_directory(model: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    joiner = HybridJoiner(model=str(model))
    expected = HybridJoiner({"bm25": 0.2, "dpr": 0.8}, normalization="zscore")
    lists = {"bm25": docs(BM25), "dpr": docs(SIMILARITIES)}
    for _ in range(2):
        assert found(joiner, **lists) == found(expected, **lists)
    (record,) = caplog.records
    assert f"bm25 0.2, dpr 0.8, convex, zscore, 100 candidates (fitted, from {model}" in record.getMessage()
    given = HybridJoiner({"bm25": 1.0, "dpr": 3.0}, model=str(model))
    assert found(given, **lists) == found(HybridJoiner({"bm25": 1.0, "dpr": 3.0}), **lists)
    other = HybridJoiner(model=str(model.parent / "elsewhere"))
    assert found(other, **lists) == found(HybridJoiner(), **lists)


def test_weights_of_the_model_directory_stay_none_in_yaml(model: Path) -> None:
    pipeline = Pipeline()
    pipeline.add_component("joiner", HybridJoiner(model=str(model)))
    loaded: Any = Pipeline.loads(pipeline.dumps()).get_component("joiner")
    parameters = loaded.to_dict()["init_parameters"]
    assert {
        name: parameters[name] for name in ("weights", "normalization", "fusion", "missing", "rrf_k")
    } == dict.fromkeys(("weights", "normalization", "fusion", "missing", "rrf_k"))
    lists = {"bm25": docs(BM25), "dpr": docs(SIMILARITIES)}
    assert found(loaded, **lists) == found(HybridJoiner(model=str(model)), **lists)


def test_exact_scores_that_a_joiner_cannot_compute_are_reported(model: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_hybrid(model / "hybrid.json", HybridSettings(exact_scores=True))
    joiner = HybridJoiner(model=str(model))
    for _ in range(2):
        joiner.run(bm25=docs(BM25))
    (record,) = caplog.records
    assert "fitted with exact scores, which a joiner cannot compute" in record.getMessage()


def test_a_broken_file_of_weights_is_an_error(model: Path) -> None:
    (model / "hybrid.json").write_text("{")
    joiner = HybridJoiner(model=str(model))
    with pytest.raises(DataError, match=r"hybrid\.json"):
        joiner.warm_up()
