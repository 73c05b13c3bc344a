# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Importing the two files that faiss-haystack saves, once, whatever happens in between."""

import json
import math
from dataclasses import replace

import faiss
import numpy as np
import pytest
from haystack.dataclasses import Document
from haystack.document_stores.errors import DocumentStoreError

from dpr_haystack import FAISSDocumentStore
from dpr_haystack.errors import EncoderMismatch
from dpr_haystack.store.writing import StoreWriter
from dpr_haystack.workflows.indexing import index_paths
from support.reembedding import StandIn
from support.stores import assert_same_documents, lognormal_vectors, make_documents

DIM = 6


def save_as_faiss_haystack_does(path, documents):
    """Its format: an IndexIDMap over a factory index, and documents with the numbers of their vectors."""
    index = faiss.IndexIDMap(faiss.index_factory(DIM, "Flat"))
    numbers = {number: document.id for number, document in enumerate(documents) if document.embedding is not None}
    embedded = [document.embedding for document in documents if document.embedding is not None]
    vectors = np.array(embedded, dtype=np.float32)
    index.add_with_ids(vectors, np.array(list(numbers), dtype=np.int64))
    faiss.write_index(index, str(path.with_suffix(".faiss")))
    data = {
        "documents": [document.to_dict() for document in documents],
        "id_map": numbers,
        "inverse_id_map": {name: number for number, name in numbers.items()},
        "next_id": len(documents),
    }
    path.with_suffix(".json").write_text(json.dumps(data))
    return index


@pytest.fixture
def documents():
    return [
        *make_documents(60, DIM, without_vector=[5, 50]),
        Document(id="odd", content=None, meta={"nested": {"list": [1, None]}, "title": "ü"}, score=0.5),
    ]


def test_files_are_imported_once(tmp_path, documents, caplog):
    path = tmp_path / "wiki"
    index = save_as_faiss_haystack_does(path, documents)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    store = FAISSDocumentStore(str(path), embedding_dim=DIM, similarity="l2")
    assert_same_documents(store, {document.id: document for document in documents})
    assert caplog.text.count("Importing 61 documents") == 1
    assert "similarity='l2'" not in caplog.text, "the similarity is the same"
    assert {name: (tmp_path / name).read_bytes() for name in before} == before

    for question in lognormal_vectors(5, DIM, seed=3):
        distances, numbers = index.search(question[None, :], 20)
        found = store.search(question, 20)
        assert [document.id for document in found] == [documents[number].id for number in numbers[0]]
        np.testing.assert_allclose([document.score or 0.0 for document in found], 1 / (1 + distances[0]), rtol=1e-5)

    store.delete_all_documents()
    store.close()
    assert store.count_documents() == 0, "deleted documents must not be imported again"
    store.close()
    assert FAISSDocumentStore(str(path), embedding_dim=DIM, similarity="l2").count_documents() == 0
    assert caplog.text.count("Importing") == 1


@pytest.mark.parametrize("name", ["wiki.faiss", "wiki.json"])
def test_a_path_with_a_suffix(tmp_path, documents, name, caplog):
    save_as_faiss_haystack_does(tmp_path / "wiki", documents)
    store = FAISSDocumentStore(str(tmp_path / name), embedding_dim=DIM)
    assert store.directory == tmp_path / "wiki.store"
    assert store.count_documents() == 61
    assert "pass similarity='l2'" in caplog.text
    store.close()
    other = FAISSDocumentStore.from_directory(tmp_path / name)
    assert other.count_documents() == 61
    other.close()


def test_load_imports_too(tmp_path, documents):
    save_as_faiss_haystack_does(tmp_path / "wiki", documents)
    store = FAISSDocumentStore(embedding_dim=DIM)
    store.write_documents(make_documents(3, DIM))
    store.load(tmp_path / "wiki")
    assert store.count_documents() == 61
    store.close()
    with pytest.raises(ValueError, match="no store at"):
        store.load(tmp_path / "nothing")
    assert store.count_documents() == 61
    store.close()


def test_interrupted_before_the_documents_were_written(tmp_path, documents, monkeypatch):
    """The directory is an empty store by then, which must not look like a finished import."""
    save_as_faiss_haystack_does(tmp_path / "wiki", documents)
    store = FAISSDocumentStore(str(tmp_path / "wiki"), embedding_dim=DIM)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(StoreWriter, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.count_documents()
    monkeypatch.undo()
    assert (tmp_path / "wiki" / "store.json").exists()
    assert store.count_documents() == 61
    store.close()


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        "{",
        '{"documents": [',
        "[]",
        '{"docs": []}',
        '{"documents": 3}',
        '{"documents": [3]}',
        '{"documents": [{"id": 3}]}',
        b"\xff\xfe".decode("latin-1"),
    ],
)
def test_damaged_files_are_an_error(tmp_path, documents, damaged):
    path = tmp_path / "wiki"
    save_as_faiss_haystack_does(path, documents)
    good = path.with_suffix(".json").read_bytes()
    path.with_suffix(".json").write_bytes(damaged.encode("latin-1"))
    store = FAISSDocumentStore(str(path), embedding_dim=DIM)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"wiki\.json|item 0") as refused:
            store.count_documents()
        assert isinstance(refused.value, DocumentStoreError)
    assert not path.exists()
    path.with_suffix(".json").write_bytes(good)
    assert store.count_documents() == 61
    store.close()


def test_another_dimension_is_refused_before_the_store_is_created(tmp_path, documents):
    save_as_faiss_haystack_does(tmp_path / "wiki", documents)
    with pytest.raises(ValueError, match=f"must be 768: got {DIM}"):
        FAISSDocumentStore(str(tmp_path / "wiki"), embedding_dim=768).count_documents()
    assert not (tmp_path / "wiki").exists()


def test_one_file_alone_is_not_imported(tmp_path, documents):
    save_as_faiss_haystack_does(tmp_path / "wiki", documents)
    (tmp_path / "wiki.faiss").unlink()
    with pytest.raises(ValueError, match="no store at"):
        FAISSDocumentStore(str(tmp_path / "wiki"), embedding_dim=DIM).count_documents()


def test_a_vector_with_nan_is_left_out_with_a_warning(tmp_path, caplog):
    """faiss-haystack accepted it and never found the document; here BM25 finds it."""
    documents = make_documents(5, DIM)
    documents[2] = replace(documents[2], content="unusual", embedding=[math.nan] * DIM)
    save_as_faiss_haystack_does(tmp_path / "wiki", documents)
    store = FAISSDocumentStore(str(tmp_path / "wiki"))
    assert [document.embedding is None for document in store.filter_documents()] == [False, False, True, False, False]
    assert [hit.id for hit in store.bm25_retrieval("unusual")] == ["d2"]
    assert "1 documents contain NaN" in caplog.text
    assert "'d2'" in caplog.text
    store.close()


def test_indexing_into_them_is_refused_because_their_encoder_is_not_known(tmp_path, documents):
    save_as_faiss_haystack_does(tmp_path / "wiki", documents)
    (tmp_path / "more.txt").write_text("one more text")
    store = FAISSDocumentStore(str(tmp_path / "wiki"), embedding_dim=DIM)
    with pytest.raises(EncoderMismatch, match="does not record which encoder made its 58 vectors"):
        index_paths([tmp_path / "more.txt"], store, StandIn("new", DIM))  # type: ignore[arg-type]
    assert store.count_documents() == 61
    store.close()
