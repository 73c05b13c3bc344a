# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What a store is opened with: its own settings where none are given; and reading never creates a store."""

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest
from haystack import Document
from haystack.core.errors import PipelineRuntimeError
from haystack.document_stores.errors import DocumentStoreError, DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy

from dpr_haystack import DPRRetriever, FAISSBM25Retriever, FAISSDocumentStore
from dpr_haystack.errors import InputError
from dpr_haystack.pipelines import load_pipeline
from support.stores import make_documents, make_store

DIM = 5
DOCUMENT = Document(id="a", content="the river", meta={"n": 1}, embedding=[1.0, 2.0, 2.0, 0.0, 0.0])
ANY = {"field": "meta.n", "operator": "==", "value": 1}

READERS = {
    "count_documents": lambda store: store.count_documents(),
    "count_documents_by_filter": lambda store: store.count_documents_by_filter(ANY),
    "filter_documents": lambda store: store.filter_documents(),
    "get_documents_by_id": lambda store: store.get_documents_by_id(["a"]),
    "search": lambda store: store.search([1.0, 0.0]),
    "bm25_retrieval": lambda store: store.bm25_retrieval("river"),
    "dense_hits": lambda store: store.dense_hits([[1.0, 0.0]], 3),
    "get_metadata_fields_info": lambda store: store.get_metadata_fields_info(),
    "delete_documents": lambda store: store.delete_documents(["a"]),
    "delete_by_filter": lambda store: store.delete_by_filter(ANY),
    "update_by_filter": lambda store: store.update_by_filter(ANY, {"n": 2}),
    "recorded_encoder": lambda store: store.recorded_encoder,
    "save": lambda store: store.save("copy"),
    "from_directory": lambda store: FAISSDocumentStore.from_directory(store.index_path),
    "retriever": lambda store: FAISSBM25Retriever(store).run("river"),
    "question tower": lambda store: DPRRetriever(store, "never/loaded").warm_up(),
    "pipeline": lambda _: load_pipeline("bm25").run({"bm25": {"query": "river"}}),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_only_a_write_creates_a_store(tmp_path: Path, monkeypatch, read):
    monkeypatch.chdir(tmp_path)
    errors = (DocumentStoreError, PipelineRuntimeError)  # Haystack wraps what is raised in a pipeline
    with pytest.raises(errors, match=r"no store at store \(in .*check the path"):
        read(FAISSDocumentStore("store"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("create", ["write_documents", "delete_all_documents"])
def test_a_write_creates_the_store(tmp_path, create):
    store = FAISSDocumentStore(str(tmp_path / "store"))
    getattr(store, create)(*[[]] * (create == "write_documents"))
    assert store.count_documents() == 0
    store.close()


@pytest.mark.parametrize("index", ["Flat", "HNSW8"])
def test_the_settings_of_the_store_win_where_none_are_given(tmp_path, index):
    given = {"index_string": index, "similarity": "cosine", "language": "german"}
    if index != "Flat":
        given["index_options"] = {"efSearch": 300}
    made = make_store(tmp_path / "store", [DOCUMENT], embedding_dim=None, **given)
    made.write_documents([Document(id="b", content="die Häuser", embedding=[0.0, 0.0, 0.0, 0.0, 3.0])])
    made.close()
    store = FAISSDocumentStore(str(tmp_path / "store"))
    assert store.search([2.0, 4.0, 4.0, 0.0, 0.0], 1)[0].score == pytest.approx(1), "cosine, in five dimensions"
    assert [hit.id for hit in store.bm25_retrieval("haus")] == ["b"], "German stems"
    assert store._given().index_in(store.opened().manifest) == (index, given.get("index_options"))
    again = FAISSDocumentStore.from_dict(store.to_dict())
    assert again.to_dict() == store.to_dict()
    unset = ("index_string", "embedding_dim", "similarity", "index_options")
    assert [store.to_dict()["init_parameters"][name] for name in unset] == [None] * 4
    with pytest.raises(DocumentStoreError, match="similarity='cosine' or leave it out"):
        FAISSDocumentStore(str(tmp_path / "store"), similarity="l2").count_documents()
    store.close()


def test_options_without_an_index_are_checked_with_the_index_of_the_store(tmp_path):
    make_store(tmp_path / "store", [DOCUMENT], embedding_dim=None).close()
    store = FAISSDocumentStore(str(tmp_path / "store"), index_options={"efSearch": 3})
    with pytest.raises(InputError, match="exact index has no options"):
        store.search([1.0] * DIM)
    with pytest.raises(InputError, match="exact index has no options"):
        FAISSDocumentStore(str(tmp_path / "new"), index_options={"efSearch": 3}).write_documents([DOCUMENT])
    assert not (tmp_path / "new").exists()
    store.close()


def test_a_new_store_takes_the_dimension_of_its_first_vector(tmp_path):
    store = make_store(tmp_path / "store", [DOCUMENT], embedding_dim=None)
    with pytest.raises(DocumentStoreError, match="must be 5: got 3"):
        store.write_documents([Document(id="b", embedding=[1.0, 0.0, 0.0])])
    store.close()


COPIES = {"copy": copy.copy, "deepcopy": copy.deepcopy, "pickle": lambda each: pickle.loads(pickle.dumps(each))}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_copies_of_an_open_store_open_it_again(tmp_path, copied):
    store = make_store(tmp_path / "store", make_documents(20, 8))
    question = make_documents(20, 8)[7].embedding
    before = store.search(question, 3)
    other = copied(store)
    store.close()
    assert other.search(question, 3) == before
    other.write_documents(make_documents(1, 8, first=50))
    assert store.count_documents() == 21
    other.close()
    assert store.count_documents() == 21
    retriever = copied(FAISSBM25Retriever(store, top_k=2))
    assert len(retriever.run("river bridge castle harbour")["documents"]) == 2
    retriever.close()
    store.close()


def test_copies_of_a_temporary_store(tmp_path):
    store = make_store(None, [DOCUMENT], embedding_dim=None)
    directory = store.directory
    assert directory is not None
    other = copy.deepcopy(store)
    store.close()
    del store
    assert other.get_documents_by_id(["a"]) == [DOCUMENT], "the directory lives as long as a copy"
    with pytest.raises(DocumentStoreError, match=r"temporary store .* cannot be pickled"):
        pickle.dumps(other)
    assert pickle.loads(pickle.dumps(FAISSDocumentStore())).count_documents() == 0
    other.close()
    del other
    assert not directory.exists()


def test_policies_by_name(tmp_path):
    store = make_store(tmp_path / "store", [DOCUMENT], embedding_dim=None)
    changed = Document(id="a", content="another text", embedding=[1.0, 0.0, 0.0, 0.0, 0.0])
    assert store.write_documents([changed], policy="skip") == 0
    for policy in ("fail", "none", DuplicatePolicy.NONE):
        with pytest.raises(DuplicateDocumentError):
            store.write_documents([changed], policy=policy)
    unknown: tuple[Any, ...] = ("nonsense", None, 3, "")
    for policy in unknown:
        with pytest.raises(DocumentStoreError, match=r"policy must be a DuplicatePolicy or one of .*overwrite"):
            store.write_documents([changed], policy=policy)
    assert store.filter_documents() == [DOCUMENT]
    assert store.write_documents([changed], policy="OVERWRITE") == 1
    assert store.filter_documents() == [changed]
    store.close()


def test_an_empty_filter_is_no_filter(tmp_path):
    store = make_store(tmp_path / "store", make_documents(6, 8))
    nothings: tuple[Any, ...] = ({}, None)
    for nothing in nothings:
        assert store.count_documents_by_filter(nothing) == len(store.filter_documents(nothing)) == 6
        for change in (store.delete_by_filter, lambda each: store.update_by_filter(each, {"n": 1})):
            with pytest.raises(ValueError, match="a filter is needed"):
                change(nothing)
    assert store.count_documents_by_filter({"operator": "NOT", "conditions": []}) == 0
    assert store.get_metadata_field_min_max(field_name="number") == {"min": 0, "max": 5}
    for wrong in ({}, {"metadata_field": "number", "field_name": "number"}, {"field_name": 3}):
        with pytest.raises(ValueError, match="the name of one field"):
            store.get_metadata_field_min_max(**wrong)
    store.close()
