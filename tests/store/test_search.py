# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Dense search of a store against brute force, for every index and similarity and after everything that changes it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from haystack.document_stores.types import DuplicatePolicy

from dpr_haystack import FAISSDocumentStore
from support.stores import (
    assert_exact_hits,
    assert_same_documents,
    below,
    compact_above,
    in_group,
    lognormal_vectors,
    make_documents,
    make_store,
    reopened,
    true_scores,
)

DIM = 12
QUESTIONS = lognormal_vectors(4, DIM, seed=99)


@pytest.fixture(params=["dot_product", "cosine", "l2"])
def similarity(request):
    return request.param


@pytest.fixture(params=["Flat", "HNSW32"])
def store(request, similarity, tmp_path):
    # With these settings the graph of a few hundred vectors gives exact results.
    options = None if request.param == "Flat" else {"efSearch": 600, "efConstruction": 200}
    store = FAISSDocumentStore(
        str(tmp_path / "store"), request.param, DIM, similarity=similarity, index_options=options
    )
    yield store
    store.close()


def check(store, documents):
    """Searches of several kinds against brute force over what the store should hold."""
    for question in QUESTIONS:
        for top_k in (1, 10, 1000):
            assert_exact_hits(store.search(question, top_k), documents, question, top_k, store.settings().similarity)
    for filters, matches in (
        (in_group("g7"), lambda d: d.meta["group"] == "g7"),
        (below(400), lambda d: d.meta["number"] < 400),
        (below(-1), lambda d: False),
    ):
        matching = [document for document in documents if matches(document)]
        for question, found in zip(QUESTIONS, store.search_many(QUESTIONS, 20, filters), strict=True):
            assert_exact_hits(found, matching, question, 20, store.settings().similarity)


@pytest.mark.slow
def test_search_after_everything_that_changes_a_store(store, tmp_path):
    documents = make_documents(500, DIM, without_vector=range(0, 500, 9))
    store.write_documents(documents[:300])
    check(store, documents[:300])

    store.write_documents(documents[300:])
    check(store, documents)

    gone = {f"d{number}" for number in range(3, 500, 5)}
    store.delete_documents([*gone, "never there"])
    documents = [document for document in documents if document.id not in gone]
    check(store, documents)

    changed = make_documents(100, DIM, seed=5, first=200, without_vector=range(0, 100, 7))
    store.write_documents(changed, DuplicatePolicy.OVERWRITE)
    new_ids = {document.id for document in changed}
    documents = [document for document in documents if document.id not in new_ids] + changed
    check(store, documents)

    assert store.update_by_filter(below(50), {"group": "g7"}) == sum(d.meta["number"] < 50 for d in documents)
    documents = [replace(d, meta={**d.meta, "group": "g7"}) if d.meta["number"] < 50 else d for d in documents]
    check(store, documents)

    store = reopened(store)
    check(store, documents)

    store.save(tmp_path / "copy")
    copy = FAISSDocumentStore()
    copy.load(tmp_path / "copy")
    assert (copy.similarity, copy.index_string, copy.embedding_dim) == (store.similarity, store.index_string, DIM)
    store.delete_all_documents()
    check(store, [])
    check(copy, documents)
    assert_same_documents(copy, {document.id: document for document in documents})
    copy.close()
    store.write_documents(documents[:40])
    check(store, documents[:40])
    store.close()


def test_compaction_moves_vectors_and_changes_nothing_else(store):
    compact_above(store, 300)
    documents = make_documents(600, DIM)
    store.write_documents(documents)
    store.search(QUESTIONS[0])
    before = {path.name for path in store.directory.glob("vectors-*")}
    store.delete_by_filter(below(200))
    assert {path.name for path in store.directory.glob("vectors-*")} == before
    store.delete_by_filter(below(400))
    rest = documents[400:]
    assert {path.name for path in store.directory.glob("vectors-*")} != before
    assert sum(path.stat().st_size for path in store.directory.glob("vectors-*")) == len(rest) * DIM * 4
    check(store, rest)
    assert_same_documents(store, {document.id: document for document in rest})
    store = reopened(store)
    check(store, rest)
    store.close()


@pytest.mark.slow
@pytest.mark.parametrize("similarity", ["dot_product", "cosine", "l2"])
def test_recall_of_the_graph(tmp_path, similarity):
    documents = make_documents(2000, 64, seed=3)
    vectors = np.array([document.embedding for document in documents], dtype=np.float32)
    store = FAISSDocumentStore(str(tmp_path / "store"), "HNSW32", 64, similarity=similarity)
    store.write_documents(documents)
    questions = lognormal_vectors(100, 64, seed=4)
    hits = 0
    for question, found in zip(questions, store.search_many(questions, 10), strict=True):
        truth = true_scores(vectors, question, similarity)
        assert len(found) == 10
        for document in found:
            np.testing.assert_allclose(document.score or 0.0, float(truth[document.meta["number"]]), rtol=1e-6)
        border = np.sort(truth)[-10]
        hits += sum(truth[document.meta["number"]] >= border for document in found)
    store.close()
    assert hits / 1000 >= 0.95
    # Exact search would find everything too: the file shows that the index was used.
    assert (tmp_path / "store" / "indexes" / "HNSW32.faiss").stat().st_size > vectors.nbytes


def test_filters_never_reduce_the_number_of_results(tmp_path):
    documents = make_documents(2000, DIM)
    for index in ("Flat", "HNSW8"):
        store = FAISSDocumentStore(str(tmp_path / "store"), index, DIM)
        store.write_documents(documents, DuplicatePolicy.SKIP)
        for question in lognormal_vectors(20, DIM, seed=8):
            for number in range(0, 50, 7):
                found = store.search(question, 10, in_group(f"g{number}"))
                matching = [d for d in documents if d.meta["group"] == f"g{number}"]
                assert_exact_hits(found, matching, question, 10, "dot_product")
            assert len(store.search(question, 50, below(1200))) == 50
        store.close()


def test_a_disconnected_graph_never_reduces_the_number_of_results(tmp_path):
    """Clusters far from each other, and settings under which the graph does not lead from one to the next."""
    random = np.random.default_rng(5)
    centres = 1000 * np.repeat(random.standard_normal((40, DIM)), 20, axis=0)
    vectors = np.array(centres + random.standard_normal((800, DIM)), dtype=np.float32)
    documents = [replace(d, embedding=v.tolist()) for d, v in zip(make_documents(800, DIM), vectors, strict=True)]
    options = {"efConstruction": 1, "efSearch": 1}
    store = FAISSDocumentStore(str(tmp_path / "store"), "HNSW2", DIM, similarity="l2", index_options=options)
    store.write_documents(documents)
    for question in vectors[::100]:
        for filters in (None, below(700)):
            found = store.search(question, 200, filters)
            assert len({document.id for document in found}) == 200
    store.close()


def test_an_index_on_disk_is_used_and_replayed(tmp_path):
    documents = make_documents(600, DIM)
    store = FAISSDocumentStore(str(tmp_path / "store"), "HNSW32", DIM, index_options={"efSearch": 600})
    store.write_documents(documents[:400])
    store.catch_up()
    written = (tmp_path / "store" / "indexes" / "HNSW32.faiss").stat().st_mtime_ns
    store = reopened(store)
    store.write_documents(documents[400:420])  # little: the file is not worth writing again
    check(store, documents[:420])
    assert (tmp_path / "store" / "indexes" / "HNSW32.faiss").stat().st_mtime_ns == written
    store.write_documents(documents[420:])
    check(store, documents)
    assert (tmp_path / "store" / "indexes" / "HNSW32.faiss").stat().st_mtime_ns > written
    other = FAISSDocumentStore(str(tmp_path / "store"), "HNSW32", DIM, index_options={"efSearch": 500})
    check(other, documents)  # other settings, another index
    other.close()
    store.close()


def test_return_embedding_governs_what_searches_return_and_nothing_else(tmp_path):
    (document,) = make_documents(1, DIM)
    question = document.embedding
    for setting in (False, True):
        store = FAISSDocumentStore(str(tmp_path / "store"), embedding_dim=DIM, return_embedding=setting)
        store.write_documents([document], DuplicatePolicy.SKIP)
        assert (store.search(question)[0].embedding == document.embedding) is setting
        assert (store.bm25_retrieval(document.content)[0].embedding == document.embedding) is setting
        assert store.search(question, return_embedding=True)[0].embedding == document.embedding
        assert store.search(question, return_embedding=False)[0].embedding is None
        assert store.filter_documents()[0].embedding == document.embedding
        assert store.get_documents_by_id([document.id])[0].embedding == document.embedding
        store.close()


def test_scores_of_given_documents_are_those_of_the_search(tmp_path, similarity):
    documents = make_documents(100, DIM, without_vector=[3])
    store = FAISSDocumentStore(str(tmp_path / "store"), embedding_dim=DIM, similarity=similarity)
    store.write_documents(documents)
    found = {document.id: document.score for document in store.search(QUESTIONS[0], 100)}
    asked = ["d5", "d3", "nobody", "d99", "d5"]
    scores = store.searching().dense_scores(QUESTIONS[0], asked)
    assert scores == {name: pytest.approx(found[name], rel=1e-12) for name in ("d5", "d99")}
    hits = store.dense_hits(QUESTIONS, 7, below(50))
    assert [hit.ids for hit in hits] == [
        [document.id for document in found] for found in store.search_many(QUESTIONS, 7, below(50))
    ]
    store.close()


@pytest.mark.parametrize("index", ["Flat", "HNSW8"])
def test_unusual_numbers_of_results(tmp_path, index):
    store = make_store(tmp_path / "store", index_string=index, embedding_dim=DIM)
    assert store.search(QUESTIONS[0]) == []
    assert store.search_many(np.empty((0, DIM), dtype=np.float32)) == []
    store.write_documents(make_documents(30, DIM))
    assert store.search(QUESTIONS[0], 0) == []
    assert store.search_many(np.empty((0, DIM), dtype=np.float32)) == []
    assert len(store.search(QUESTIONS[0], 10**9)) == 30
    top_k: Any
    for top_k in (-1, 2.0, None, True):
        with pytest.raises(ValueError, match="top_k"):
            store.search(QUESTIONS[0], top_k)
    store.close()


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ([1.0] * (DIM - 1), f"must be {DIM}: got {DIM - 1}"),
        ([float("nan")] * DIM, "NaN"),
        ([1e300] * DIM, "infinity"),
        (["1"] * DIM, "numbers"),
        ([None] * DIM, "numbers"),
        ("1" * DIM, "shape"),
        ([[1.0] * DIM], "shape"),
        ([1.0, [2.0]], "numbers"),
        (3.0, "shape"),
    ],
)
def test_invalid_question_vectors_are_refused(tmp_path, question, message):
    store = FAISSDocumentStore(str(tmp_path / "store"), embedding_dim=DIM)
    store.write_documents(make_documents(3, DIM))
    with pytest.raises(ValueError, match=message):
        store.search(question)
    store.close()
