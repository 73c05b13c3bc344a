# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Re-embedding a store while indexing into it: vectors of two encoders are never mixed."""

from __future__ import annotations

from pathlib import Path

import pytest

from dpr_haystack import FAISSDocumentStore
from dpr_haystack.errors import EncoderMismatch
from dpr_haystack.workflows.indexing import index_paths
from dpr_haystack.workflows.info import describe
from dpr_haystack.workflows.recorded_models import origin_at
from dpr_haystack.workflows.reembedding import reembed
from support.reembedding import NEW, OLD, StandIn


def write_files(folder: Path, names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / f"{name}.txt").write_text(f"The letter {name} is a letter of the alphabet.")
    return folder


def assert_vectors(store: FAISSDocumentStore, encoder: StandIn, count: int) -> None:
    found = store.filter_documents()
    assert len(found) == count
    assert all(each.embedding == encoder.vector(each) for each in found)


def test_indexing_that_began_with_the_old_encoder_is_refused(tmp_path: Path) -> None:
    store = FAISSDocumentStore(str(tmp_path / "store"), embedding_dim=8)
    index_paths([write_files(tmp_path / "files", "abc")], store, StandIn("old", 8))  # type: ignore[arg-type]
    same_length = StandIn("new", 8)

    def meanwhile(_: int) -> None:
        mine = FAISSDocumentStore.from_directory(tmp_path / "store")
        reembed(mine, same_length)  # type: ignore[arg-type]
        mine.close()

    write_files(tmp_path / "files", "de")
    late = StandIn("old", 8, before=meanwhile)
    with pytest.raises(EncoderMismatch, match="was re-embedded with new in the meantime"):
        index_paths([tmp_path / "files"], store, late)  # type: ignore[arg-type]
    assert_vectors(store, same_length, 3)
    index_paths([tmp_path / "files"], store, same_length)  # type: ignore[arg-type]
    assert_vectors(store, same_length, 5)
    store.close()


def test_indexing_with_the_old_encoder_goes_on_until_the_switch(tmp_path: Path) -> None:
    store = FAISSDocumentStore(str(tmp_path / "store"), embedding_dim=8)
    index_paths([write_files(tmp_path / "files", "abc")], store, StandIn("old", 8))  # type: ignore[arg-type]

    def meanwhile(call: int) -> None:
        if call == 1:
            index_paths([write_files(tmp_path / "files", "def")], store, StandIn("old", 8))  # type: ignore[arg-type]
            assert_vectors(store, OLD, 6)

    mine = FAISSDocumentStore.from_directory(tmp_path / "store")
    told: list[tuple[int, int]] = []
    steps: list[int] = []

    def progress(found: int, count: int):
        told.append((found, count))
        return steps.append

    report = reembed(mine, StandIn("new", 12, before=meanwhile), progress=progress)  # type: ignore[arg-type]
    assert (report.embedded, told, sum(steps)) == (6, [(0, 3)], 6)
    mine.close()
    assert_vectors(store, NEW, 6)
    origin = origin_at(tmp_path / "store")
    assert origin is not None
    assert (origin.encoder, origin.vectors, origin.unknown) == (NEW.record(), 6, 0)
    facts = describe(tmp_path / "store")
    assert (facts["dimension"], facts["encoder"], facts["vectors"]) == (12, "new", 6)
    store.close()


def test_documents_that_have_no_vector_are_something_to_do(tmp_path: Path) -> None:
    from haystack import Document

    store = FAISSDocumentStore(str(tmp_path / "store"), embedding_dim=None, encoder=NEW.record())
    store.write_documents([Document(id="a", content="words"), Document(id="b", content=None)])
    assert reembed(store, StandIn("new", 12)).embedded == 1  # type: ignore[arg-type]
    assert reembed(store, StandIn("new", 12)).is_new is False  # type: ignore[arg-type]
    assert [each.id for each in store.search([1.0] * 12)] == ["a"]
    store.close()
