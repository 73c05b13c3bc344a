# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Vectors of unknown origin are compared before others are added to them."""

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


def written_by_hand(path: Path, encoder: Any, scale: float = 1.0, **settings: Any) -> FAISSDocumentStore:
    """A store that does not record its encoder; the first documents have no vector or no text."""
    store = make_store(path, embedding_dim=8, **settings)
    documents = [Document(id=f"d{number}", content=f"text {number}", meta={"title": "T"}) for number in range(20)]
    embedded = encoder.run(documents)["documents"]
    scaled = [replace(each, embedding=[scale * value for value in each.embedding]) for each in embedded]
    bare = [Document(id=f"a{number}", content=f"bare {number}") for number in range(2_000)]
    store.write_documents([*bare, Document(id="b", embedding=[1.0] * 8), *scaled])
    return store


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "more.txt"
    path.write_text("one more text")
    return path


def test_another_encoder_is_refused_and_nothing_changes(tmp_path: Path, file: Path) -> None:
    store = written_by_hand(tmp_path / "store", MINE)
    with pytest.raises(EncoderMismatch, match="not record which encoder made its vectors, and other gives another"):
        index_paths([file], store, OTHER)
    assert (store.count_documents(), store.recorded_encoder) == (2021, None)
    assert reembed(store, OTHER).is_new
    assert index_paths([file], store, OTHER).embedded == 1
    store.close()


def test_the_same_encoder_goes_on_and_is_recorded(tmp_path: Path, file: Path) -> None:
    store = written_by_hand(tmp_path / "store", MINE)
    assert index_paths([file], store, MINE).embedded == 1
    assert store.recorded_encoder == MINE.record()
    store.close()


def test_length_matters_unless_the_similarity_is_cosine(tmp_path: Path, file: Path) -> None:
    store = written_by_hand(tmp_path / "store", MINE, 2.0)
    with pytest.raises(EncoderMismatch, match="another vector for document d0"):
        index_paths([file], store, MINE)
    store.close()
    store = written_by_hand(tmp_path / "cosine", MINE, 2.0, similarity="cosine")
    assert index_paths([file], store, MINE).embedded == 1
    store.close()
