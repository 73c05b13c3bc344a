# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Approximate indexes are caches: deleted, damaged or unwritable ones cost time, never results."""

import json
import random
import shutil
from typing import Any

import faiss
import numpy as np
import pytest
from haystack.document_stores.types import DuplicatePolicy

from dpr_haystack import FAISSDocumentStore
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.engines.ann import make_index
from dpr_haystack.store.check import check_store, repair_store
from support.stores import (
    DIM,
    HNSW,
    INDEX,
    assert_exact_hits,
    file_size_limit,
    lognormal_vectors,
    make_documents,
    make_store,
)

QUESTION = lognormal_vectors(1, DIM, seed=2)[0]


@pytest.fixture
def documents():
    return make_documents(300, DIM)


@pytest.fixture
def store(tmp_path, documents):
    store = make_store(tmp_path / "store", **HNSW)
    store.write_documents(documents)
    store.search(QUESTION)
    store.close()
    assert index_of(store).exists()
    yield store
    store.close()


def index_of(store):
    return store.directory / "indexes" / f"{INDEX}.faiss"


def graph_of(path, links):
    index: Any = make_index(f"HNSW{links}", DIM, Similarity.DOT_PRODUCT, None)
    index.load(path)
    return index._index


def check(store, documents):
    assert_exact_hits(store.search(QUESTION, 30), documents, QUESTION, 30, "dot_product")


def test_deleted_indexes_lose_nothing(store, documents):
    for gone in (index_of(store), index_of(store).with_suffix(".json"), store.directory / "indexes"):
        shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
        check(store, documents)
        store.close()
        assert index_of(store).exists()


@pytest.mark.parametrize("how", ["cut", "emptied", "overwritten", "flipped", "another kind", "other vectors"])
def test_damaged_indexes_are_noticed(store, documents, how, caplog):
    """FAISS would follow the links of a damaged graph to invalid memory, and the process would crash."""
    path = index_of(store)
    data = bytearray(path.read_bytes())
    if how == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif how == "emptied":
        path.write_bytes(b"")
    elif how == "overwritten":
        path.write_bytes(random.Random(1).randbytes(len(data)))
    elif how == "flipped":
        for position in random.Random(2).sample(range(len(data)), k=len(data) // 20):
            data[position] ^= 0x55
        path.write_bytes(data)
    else:
        index = faiss.IndexFlatIP(DIM) if how == "another kind" else faiss.IndexHNSWFlat(DIM, 8)
        index.add(lognormal_vectors(len(documents), DIM, seed=77))
        faiss.write_index(index, str(path))
    check(store, documents)
    assert "damaged" in caplog.text
    caplog.clear()
    more = make_documents(200, DIM, seed=5, first=1000)
    store.write_documents(more)
    check(store, documents + more)
    store.close()
    check(store, documents + more)
    assert "damaged" not in caplog.text


def test_invalid_positions(store, documents):
    path = index_of(store).with_suffix(".json")
    good = json.loads(path.read_text())
    for bad in (
        "",
        "[]",
        "3",
        json.dumps({**good, "rows": 10**6}),
        json.dumps({**good, "generation": 7}),
        json.dumps({**good, "format": 1}),
        json.dumps({**good, "similarity": "l2"}),
        json.dumps({**good, "options": {}}),
        json.dumps({**good, "checksum": None}),
        json.dumps({"index": good["index"], "options": good["options"], "similarity": good["similarity"]}),
    ):
        path.write_text(bad)
        check(store, documents)
        store.close()
        assert json.loads(path.read_text()) == good | {"checksum": json.loads(path.read_text())["checksum"]}


def test_an_index_that_cannot_be_written_is_still_used(tmp_path, documents, caplog):
    store = make_store(tmp_path / "store", **HNSW)
    store.write_documents(documents)
    with file_size_limit(5_000):
        check(store, documents)
    assert "was not written" in caplog.text
    assert list((tmp_path / "store" / "indexes").glob("*.faiss")) == []
    assert list((tmp_path / "store" / "indexes").glob("*.tmp")) == []
    store.close()  # writes it
    assert index_of(store).exists()
    check(store, documents)
    store.close()


def test_the_graph_has_the_requested_settings(tmp_path, documents):
    path = str(tmp_path / "store")
    for index, options in (("HNSW12", {"efConstruction": 33}), ("HNSW6,Flat", None)):
        store = FAISSDocumentStore(path, index, DIM, index_options=options)
        store.write_documents(documents, DuplicatePolicy.SKIP)
        store.catch_up()
        store.close()
    first = graph_of(tmp_path / "store" / "indexes" / "HNSW12.faiss", 12)
    # two of the 300 vectors are nearly equal
    assert (first.ntotal, first.hnsw.nb_neighbors(1), first.hnsw.efConstruction) == (
        299,
        12,
        33,
    )  # two vectors are nearly equal
    assert first.metric_type == faiss.METRIC_INNER_PRODUCT
    second = graph_of(tmp_path / "store" / "indexes" / "HNSW6_Flat.faiss", 6)
    assert (second.hnsw.nb_neighbors(1), second.hnsw.efConstruction) == (6, 200)


def test_scores_come_from_the_raw_vectors(store, documents):
    found = store.search(QUESTION, 20)
    vectors = {document.id: np.array(document.embedding, dtype=np.float64) for document in documents}
    for document in found:
        assert document.score == pytest.approx(float(vectors[document.id] @ QUESTION.astype(np.float64)), rel=1e-12)


def test_an_index_of_other_vectors_is_found_and_rebuilt(tmp_path):
    for name, seed in (("store", 1), ("other", 2)):
        store = make_store(tmp_path / name, make_documents(1000, 8, seed), index_string="HNSW16")
        store.catch_up()
        store.close()
    for suffix in ("faiss", "json"):
        shutil.copy(tmp_path / "other" / "indexes" / f"HNSW16.{suffix}", tmp_path / "store" / "indexes")
    (line,) = check_store(tmp_path / "store").repairable
    assert line.startswith("HNSW16 index: ")
    assert repair_store(tmp_path / "store").is_sound
