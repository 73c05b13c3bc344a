# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Vectors of unknown origin are never taken for those of the encoder that continues the store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from haystack import Document

from dpr_haystack import FAISSDocumentStore
from dpr_haystack.errors import EncoderMismatch
from dpr_haystack.workflows.indexing import index_paths
from dpr_haystack.workflows.reembedding import reembed
from support.reembedding import StandIn
from support.stores import make_store

MINE: Any = StandIn("mine", 8)
OTHER: Any = StandIn("other", 8)
DOCUMENTS = [Document(id=f"d{number}", content=f"text {number}", meta={"title": "T"}) for number in range(20)]
PLAIN = [replace(each, embedding=MINE.vector(each)) for each in DOCUMENTS]
MARKED = MINE.run(DOCUMENTS)["documents"]


@pytest.fixture
def store() -> FAISSDocumentStore:
    return make_store(None, embedding_dim=8)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "more.txt"
    path.write_text("one more text")
    return path


@pytest.mark.parametrize("encoder", [MINE, OTHER])
@pytest.mark.parametrize(
    ("given", "said"),
    [(PLAIN, "does not record which encoder made its 20 vectors"), (PLAIN[:5] + MARKED[5:], "other 5")],
)
def test_unknown_origin_is_refused_until_all_is_embedded_anew(
    store: FAISSDocumentStore, file: Path, given: list[Document], said: str, encoder: Any
) -> None:
    store.write_documents([Document(id="bare", content="bare"), *given])
    before = store.origin()
    with pytest.raises(EncoderMismatch, match=f"{said}|made by mine.*vectors of other") as refused:
        index_paths([file], store, encoder)
    assert f"reembed --store {store.directory} --model {encoder.model}" in str(refused.value)
    assert (store.count_documents(), store.origin()) == (21, before)
    report = reembed(store, encoder)
    assert (report.is_new, report.embedded, report.before) == (True, 21, before)
    assert reembed(store, encoder).is_new is False
    assert index_paths([file], store, encoder).embedded == 1
    assert (store.recorded_encoder, store.origin().unknown) == (encoder.record(), 0)


def test_the_same_encoder_goes_on_with_what_components_have_written(store: FAISSDocumentStore, file: Path) -> None:
    store.write_documents(MARKED)
    with pytest.raises(EncoderMismatch, match=r"20 vectors.*made by mine; vectors of other"):
        index_paths([file], store, OTHER)
    assert index_paths([file], store, MINE).embedded == 1
    assert (store.recorded_encoder, store.origin().unknown) == (MINE.record(), 0)


def test_an_emptied_store_is_given_to_another_encoder_by_embedding_anew(store: FAISSDocumentStore, file: Path) -> None:
    store.write_documents(MARKED)
    store.delete_all_documents()
    with pytest.raises(EncoderMismatch, match="reembed"):
        index_paths([file], store, OTHER)
    assert reembed(store, OTHER).embedded == 0
    assert index_paths([file], store, OTHER).embedded == 1
    assert store.recorded_encoder == OTHER.record()
