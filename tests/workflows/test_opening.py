# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Opening stores and finding the towers that belong to them."""

from __future__ import annotations

from pathlib import Path

import pytest
from haystack import Document

from dpr_haystack import FAISSDocumentStore
from dpr_haystack.backends.registry import search_over
from dpr_haystack.errors import InputError
from dpr_haystack.workflows.opening import store_for
from dpr_haystack.workflows.recorded_models import origin_at, passage_model_for, question_model_of


def made(path: Path, encoder: str | None) -> FAISSDocumentStore:
    store = FAISSDocumentStore(str(path), embedding_dim=None, encoder=encoder)
    store.write_documents([Document(id="1", content="apple")])
    return store


def model_for(directory: Path) -> str:
    return passage_model_for(origin_at(directory), directory)


@pytest.mark.parametrize(
    ("passage", "question"),
    [
        ("facebook/dpr-ctx_encoder-single-nq-base", "facebook/dpr-question_encoder-single-nq-base"),
        ("facebook/dpr-ctx_encoder-multiset-base", "facebook/dpr-question_encoder-multiset-base"),
        ("somebody/one-tower", "somebody/one-tower"),
    ],
)
def test_the_question_tower_of_a_store(tmp_path: Path, passage: str, question: str) -> None:
    store = made(tmp_path / "store", passage)
    assert question_model_of(search_over(store)) == question
    assert model_for(tmp_path / "store") == passage
    store.close()


def test_without_a_record_the_published_towers_make_a_store(tmp_path: Path) -> None:
    store = made(tmp_path / "store", None)
    assert model_for(tmp_path / "store") == "facebook/dpr-ctx_encoder-single-nq-base"
    assert model_for(tmp_path / "nowhere") == "facebook/dpr-ctx_encoder-single-nq-base"
    with pytest.raises(InputError, match="--question-model"):
        question_model_of(search_over(store))
    store.close()


def test_vectors_of_unknown_origin_are_said_before_a_model_is_loaded(tmp_path: Path) -> None:
    store = made(tmp_path / "store", None)
    store.write_documents([Document(id="2", content="pear", embedding=[1.0, 2.0])])
    with pytest.raises(InputError, match=r"does not record which encoder made its 1 vectors.*reembed"):
        model_for(tmp_path / "store")
    with pytest.raises(InputError, match=r"does not record which encoder made its 1 vectors.*--question-model"):
        question_model_of(search_over(store))
    store.close()


def test_asking_for_the_model_leaves_no_file_open_and_makes_none(tmp_path: Path) -> None:
    model_for(tmp_path / "store")
    assert not (tmp_path / "store").exists()
    store_for(tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_store_opens_with_the_settings_that_it_was_made_with(tmp_path: Path) -> None:
    FAISSDocumentStore(
        str(tmp_path / "store"), "HNSW8", embedding_dim=4, similarity="cosine", language="german"
    ).write_documents([])
    store = store_for(tmp_path / "store")
    assert (store.index_string, store.embedding_dim, store.similarity, store.language) == (
        *("HNSW8", 4, "cosine"),
        "german",
    )
    assert not search_over(store).has_vectors()
    store.write_documents([Document(content="a", embedding=[1.0, 0.0, 0.0, 0.0])])
    assert search_over(store).has_vectors()
    other = store_for(tmp_path / "store", index="Flat")
    assert other.index_string == "Flat"
    assert store_for(tmp_path / "store").index_string == "Flat", "from now on"
    store.close()
    other.close()
