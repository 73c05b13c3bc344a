# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A question tower that is known to belong to other vectors than the store's is refused; what is unknown is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from haystack import Document

from dpr_haystack import DPRDocumentEmbedder, DPRHybridRetriever, DPRRetriever, FAISSDocumentStore
from dpr_haystack.engines.towers.conversion import convert
from dpr_haystack.errors import EncoderMismatch, InputError, ModelError
from support.checkpoints import tiny_dpr

pytestmark = pytest.mark.slow

RETRIEVERS = pytest.mark.parametrize("retriever", [DPRRetriever, DPRHybridRetriever])


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two model directories with different weights, and the towers of the first one as loose checkpoints."""
    root = tmp_path_factory.mktemp("models")
    made = {}
    for number, name in enumerate(("first", "second")):
        made[f"{name} question"] = tiny_dpr(root / f"{name}-question", "question", seed=10 * number)
        made[f"{name} passage"] = tiny_dpr(root / f"{name}-passage", "passage", seed=10 * number + 1)
        made[name] = root / name
        convert(str(made[f"{name} question"]), str(made[f"{name} passage"]), made[name])
    return made


def store_by(model: Path | None, path: Path, encoder: Any = "its own") -> FAISSDocumentStore:
    """A store with the vectors of one model, and what it says about them."""
    documents = [Document(content="Darwin wrote the origin of species."), Document(content="London is in England.")]
    embedder = DPRDocumentEmbedder(str(model), progress_bar=False)
    is_known = encoder == "its own"
    store = FAISSDocumentStore(str(path), embedding_dim=None, encoder=None if is_known else encoder)
    embedded = embedder.run(documents)["documents"]
    store.write_documents(embedded if is_known else [replace(each, meta={}) for each in embedded])
    return store


@RETRIEVERS
def test_the_towers_of_one_directory_belong_together(retriever: Any, models: dict[str, Path], tmp_path: Path) -> None:
    store = store_by(models["first"], tmp_path / "store")
    assert len(retriever(store, str(models["first"])).run("darwin")["documents"]) == 2


@RETRIEVERS
def test_the_question_tower_of_another_model_is_refused(
    retriever: Any, models: dict[str, Path], tmp_path: Path
) -> None:
    store = store_by(models["first"], tmp_path / "store")
    stranger = retriever(store, str(models["second"]))
    for attempt in (stranger.warm_up, lambda: stranger.run("darwin"), lambda: stranger.retrieve(["darwin"])):
        with pytest.raises(EncoderMismatch) as refused:
            attempt()
        assert str(models["first"]) in str(refused.value)
        assert str(models["second"]) in str(refused.value)
        assert isinstance(refused.value, ValueError)


@RETRIEVERS
def test_a_moved_model_is_known_by_its_weights(retriever: Any, models: dict[str, Path], tmp_path: Path) -> None:
    store = store_by(models["first"], tmp_path / "store")
    moved = tmp_path / "elsewhere"
    moved.symlink_to(models["first"])
    assert len(retriever(store, str(moved)).run("darwin")["documents"]) == 2


@RETRIEVERS
@pytest.mark.parametrize("record", [None, {"model": "somebody/else"}, "a name alone"])
def test_what_is_unknown_is_accepted_and_said_once(
    retriever: Any, models: dict[str, Path], tmp_path: Path, record: Any, caplog: pytest.LogCaptureFixture
) -> None:
    store = store_by(models["first"], tmp_path / "store", record)
    asked = retriever(store, str(models["second"]))
    for _ in range(3):
        assert len(asked.run("darwin")["documents"]) == 2
    assert len(caplog.messages) == 1
    assert ("2 vectors in" if record else "does not record which encoder made its 2 vectors") in caplog.text


@RETRIEVERS
def test_a_loose_question_tower_is_accepted(retriever: Any, models: dict[str, Path], tmp_path: Path) -> None:
    """Nothing says which passage tower a single checkpoint was trained with."""
    store = store_by(models["first"], tmp_path / "store")
    assert len(retriever(store, str(models["second question"])).run("darwin")["documents"]) == 2


@RETRIEVERS
def test_it_is_noticed_when_the_store_changes_its_encoder(
    retriever: Any, models: dict[str, Path], tmp_path: Path
) -> None:
    store = store_by(models["first"], tmp_path / "store")
    asked = retriever(store, str(models["first"]))
    asked.run("darwin")
    second = DPRDocumentEmbedder(str(models["second"]), progress_bar=False).identity.passage_record()
    store.record_encoder(dict(second))
    with pytest.raises(EncoderMismatch):
        asked.run("darwin")


def test_a_model_that_does_not_exist_is_said_at_warm_up(tmp_path: Path) -> None:
    store = FAISSDocumentStore(str(tmp_path / "store"))
    retriever = DPRRetriever(store, "nobody/nothing")
    with pytest.raises(InputError, match="there is no store"):
        retriever.warm_up()
    assert not (tmp_path / "store").exists()
    store.write_documents([])
    with pytest.raises(ModelError, match="nobody/nothing"):
        retriever.warm_up()
