# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Several processes, threads and store objects on one directory."""

import gc
import os
import shutil
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from haystack.document_stores.errors import DocumentStoreError
from haystack.document_stores.types import DuplicatePolicy

from dpr_haystack import FAISSDocumentStore
from dpr_haystack.errors import StoreBusy
from dpr_haystack.store import registry
from dpr_haystack.store.batch import prepare
from support.stores import (
    DIM,
    HNSW,
    WORDS,
    assert_exact_hits,
    assert_same_documents,
    fork_with_an_open_store,
    hold_the_write_lock,
    in_group,
    lognormal_vectors,
    make_documents,
    make_store,
    processes,
    write_in_turns,
)

QUESTION = lognormal_vectors(1, DIM, seed=1)[0]


@pytest.mark.slow
def test_two_processes_write_in_turns_while_a_third_reads(tmp_path):
    batches, start = 25, processes.Event()
    receiver, sender = processes.Pipe(duplex=False)
    writers = [
        processes.Process(target=write_in_turns, args=(str(tmp_path / "store"), name, batches, start, sender))
        for name in ("a", "b")
    ]
    for writer in writers:
        writer.start()
    sender.close()
    store = FAISSDocumentStore(str(tmp_path / "store"), embedding_dim=None)
    store.write_documents([])
    assert store.count_documents() == 0
    start.set()
    counts = []
    while any(writer.is_alive() for writer in writers):
        counts.append(store.count_documents())
        assert len(store.search(QUESTION, 1000)) >= counts[-1]
        assert len(store.bm25_retrieval(" ".join(WORDS), 1000)) >= counts[-1]
        assert counts[-1] % 5 == 0
    assert {receiver.recv(), receiver.recv()} == {("a", batches), ("b", batches)}
    assert counts == sorted(counts)
    assert set(counts) - {0, 2 * batches * 5}, "no intermediate state was read"
    documents = store.filter_documents()
    ids = {f"{name}-d{number}" for name in ("a", "b") for number in range(5 * batches)}
    assert {document.id for document in documents} == ids
    assert_exact_hits(store.search(QUESTION, 50), documents, QUESTION, 50, "dot_product")
    assert {document.id for document in store.bm25_retrieval(" ".join(WORDS), 10_000)} == ids
    store.close()


@pytest.mark.slow
def test_waiting_too_long_for_another_writer(tmp_path):
    held, release = processes.Event(), processes.Event()
    store = make_store(tmp_path / "store", **HNSW, lock_timeout=0.2)
    store.write_documents(make_documents(10, DIM))
    other = processes.Process(target=hold_the_write_lock, args=(str(tmp_path / "store"), held, release))
    other.start()
    assert held.wait(30)
    began = time.monotonic()
    with pytest.raises(StoreBusy, match=r"0\.2 s.*lock_timeout") as refused:
        store.write_documents(make_documents(10, DIM, first=10))
    assert 0.1 < time.monotonic() - began < 30
    assert isinstance(refused.value, DocumentStoreError)
    for attempt in (lambda: store.delete_documents(["d1"]), store.delete_all_documents):
        with pytest.raises(StoreBusy):
            attempt()
    # Reading, searching and even opening do not wait for a writer.
    store.close()
    assert store.count_documents() == 10
    assert len(store.search(QUESTION, 20)) == 10
    assert len(store.bm25_retrieval(" ".join(WORDS), 20)) == 10
    assert time.monotonic() - began < 30
    release.set()
    other.join()
    assert store.write_documents(make_documents(10, DIM, first=10)) == 10
    store.close()


def test_waiting_for_a_writer_in_the_same_process(tmp_path):
    store = make_store(tmp_path / "store", **HNSW, lock_timeout=0.1)
    with store.opened().database.writing(), ThreadPoolExecutor(1) as pool, pytest.raises(StoreBusy):
        pool.submit(store.delete_documents, ["d1"]).result()
    store.delete_documents(["d1"])
    store.close()


def test_threads_read_and_write(tmp_path):
    store = make_store(tmp_path / "store", **HNSW)
    documents = make_documents(400, DIM)
    store.write_documents(documents[:40])
    stop = threading.Event()

    def write(part):
        for start in range(40 + part * 90, 40 + (part + 1) * 90, 10):
            assert store.write_documents(documents[start : start + 10]) == 10
            store.update_by_filter(in_group(f"g{start % 50}"), {"seen": part})

    def replace_and_delete(_):
        scratch = make_documents(30, DIM, seed=9, first=10_000)
        while not stop.is_set():
            store.write_documents(scratch, DuplicatePolicy.OVERWRITE)
            store.delete_documents([document.id for document in scratch])

    def read(_):
        reads = 0
        while not stop.is_set():
            assert len(store.search(QUESTION, 30)) == 30
            assert len(store.search(QUESTION, 4, in_group("g3"))) >= 1
            assert len(store.bm25_retrieval(" ".join(WORDS), 5)) == 5
            assert len(store.filter_documents()) >= 40
            reads += 1
        return reads

    with ThreadPoolExecutor(8) as pool:
        writers = [pool.submit(write, part) for part in range(4)]
        others = [pool.submit(read, part) for part in range(3)] + [pool.submit(replace_and_delete, 0)]
        try:
            for writer in writers:
                writer.result(60)
        finally:
            stop.set()
        assert all(other.result() is None or other.result() > 0 for other in others)
    found = store.filter_documents()
    assert {document.id for document in found} == {document.id for document in documents}
    embeddings = {document.id: document.embedding for document in documents}
    assert all(document.embedding == embeddings[document.id] for document in found)
    assert len(store.bm25_retrieval(" ".join(WORDS), 1000)) == 400
    exact = FAISSDocumentStore(str(tmp_path / "store"), embedding_dim=DIM)
    assert_exact_hits(exact.search(QUESTION, 100), documents, QUESTION, 100, "dot_product")
    best = {document.id for document in exact.search(QUESTION, 20)}
    assert len(best & {document.id for document in store.search(QUESTION, 20)}) >= 15
    exact.close()
    store.close()


def test_two_writers_cannot_disagree_about_the_first_dimension(tmp_path, monkeypatch):
    """Both batches are prepared before there is a dimension; only one may set it."""
    stores = [FAISSDocumentStore(str(tmp_path / "store"), embedding_dim=None) for _ in range(2)]
    batches = [make_documents(20, 4), make_documents(20, 6, first=100)]
    barrier = threading.Barrier(2)
    engine = stores[0].opened(create=True)

    def prepare_together(*arguments):
        batch = prepare(*arguments)
        barrier.wait()
        return batch

    monkeypatch.setattr("dpr_haystack.store.writing.prepare", prepare_together)
    with ThreadPoolExecutor(2) as pool:
        outcomes = [pool.submit(store.write_documents, batch) for store, batch in zip(stores, batches, strict=True)]
        failures = [outcome.exception() for outcome in outcomes]
    (winner,) = (number for number, failure in enumerate(failures) if failure is None)
    assert "must be" in str(failures[1 - winner])
    assert isinstance(failures[1 - winner], ValueError)
    assert engine.dimension == (4, 6)[winner]
    assert_same_documents(stores[0], {document.id: document for document in batches[winner]})
    for store in stores:
        store.close()


def test_stores_of_one_directory_share_one_engine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "store")
    first = make_store(tmp_path / "store", **HNSW)
    first.write_documents(make_documents(10, DIM))
    paths = ("store", tmp_path / "link", tmp_path / "x" / ".." / "store")
    others = [make_store(path, **HNSW) for path in paths]
    (tmp_path / "x").mkdir()
    assert all(other.opened() is first.opened() for other in others)
    others[0].write_documents(make_documents(10, DIM, first=10))
    assert first.count_documents() == 20
    engine = first.opened()
    first.close()
    assert [other.count_documents() for other in others] == [20] * 3
    assert first.opened() is engine
    for store in (first, *others):
        store.close()
    assert tmp_path / "store" not in registry._entries


def test_a_directory_that_is_deleted_and_created_again(tmp_path):
    old = make_store(tmp_path / "store", **HNSW)
    old.write_documents(make_documents(100, DIM))
    shutil.rmtree(tmp_path / "store")
    new = make_store(tmp_path / "store", **HNSW)
    documents = make_documents(20, DIM, seed=7)
    new.write_documents(documents)
    model = {document.id: document for document in documents}
    assert_same_documents(new, model)
    assert_same_documents(old, model)  # the old object uses the new store
    more = make_documents(20, DIM, seed=8, first=500)
    old.write_documents(more)
    model |= {document.id: document for document in more}
    for store in (old, new):
        assert_same_documents(store, model)
        assert_exact_hits(store.search(QUESTION, 15), list(model.values()), QUESTION, 15, "dot_product")
        assert len(store.bm25_retrieval(" ".join(WORDS), 100)) == 40
        store.close()


def test_a_copy_that_is_replaced_while_it_is_open(tmp_path):
    original, documents = make_store(tmp_path / "store", **HNSW), make_documents(60, DIM)
    original.write_documents(documents[:30])
    original.save(tmp_path / "copy")
    copy = make_store(tmp_path / "copy", **HNSW)
    assert copy.count_documents() == 30
    assert len(copy.search(QUESTION, 100)) == 30
    original.delete_documents(["d0"])
    original.write_documents(documents[30:])
    original.save(tmp_path / "copy")
    model = {document.id: document for document in documents[1:]}
    assert_same_documents(copy, model)
    assert_exact_hits(copy.search(QUESTION, 15), documents[1:], QUESTION, 15, "dot_product")
    assert len(copy.bm25_retrieval(" ".join(WORDS), 100)) == 59
    original.save(original.directory)  # nothing to do
    assert_same_documents(original, model)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "store"]
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "todo.txt").write_text("")
    with pytest.raises(DocumentStoreError, match="notes"):
        original.save(tmp_path / "notes")
    original.close()
    copy.close()


@pytest.mark.slow
def test_a_forked_process_opens_the_store_for_itself(tmp_path):
    receiver, sender = processes.Pipe(duplex=False)
    parent = processes.Process(target=fork_with_an_open_store, args=(str(tmp_path / "store"), sender))
    parent.start()
    sender.close()
    (before, found, words), exitcode, count, words_after, temporary = receiver.recv()
    parent.join()
    assert (before, words, exitcode, parent.exitcode) == (50, 60, 0, 0)
    assert found in {f"d{number}" for number in (*range(50), *range(1000, 1010))}
    assert (count, words_after, temporary) == (70, 70, 3)
    store = make_store(tmp_path / "store", **HNSW)
    assert store.count_documents() == len(store.filter_documents()) == 70
    store.close()
    with sqlite3.connect(tmp_path / "store" / "documents.sqlite") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_store_that_is_garbage_collected_closes_its_files(tmp_path):
    open_files = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for number in range(5):
        store = make_store(tmp_path / f"store{number}", **HNSW)
        store.write_documents(make_documents(2, DIM))
        temporary = FAISSDocumentStore(embedding_dim=DIM)
        temporary.write_documents(make_documents(2, DIM))
        directory = temporary.directory
    assert directory is not None
    assert directory.exists()
    del store, temporary
    gc.collect()
    assert not directory.exists()
    assert not registry._entries
    if open_files:
        assert len(os.listdir("/proc/self/fd")) <= open_files


def test_a_temporary_store_keeps_its_documents_over_close():
    store = FAISSDocumentStore(embedding_dim=DIM)
    assert store.directory is None
    store.write_documents(make_documents(3, DIM))
    store.close()
    store.close()
    assert store.count_documents() == 3
    assert FAISSDocumentStore(embedding_dim=DIM).count_documents() == 0
    store.close()


def test_a_missing_database_is_an_error(tmp_path):
    store = make_store(tmp_path / "store", **HNSW)
    store.write_documents(make_documents(10, DIM))
    store.close()
    whole = (tmp_path / "store" / "documents.sqlite").read_bytes()
    (tmp_path / "store" / "documents.sqlite").unlink()
    for _ in range(2):
        with pytest.raises(DocumentStoreError, match=r"documents\.sqlite"):
            store.count_documents()
    assert np.fromfile(tmp_path / "store" / "vectors-0.f32", dtype=np.float32).size == 10 * DIM
    (tmp_path / "store" / "documents.sqlite").write_bytes(whole)
    assert store.count_documents() == 10
    store.close()
    (tmp_path / "store" / "store.json").unlink()
    with pytest.raises(DocumentStoreError, match=r"store\.json is missing, but the store has 10 documents"):
        store.count_documents()
    (tmp_path / "store" / "store.json").write_text("{")
    with pytest.raises(DocumentStoreError, match=r"store\.json cannot be read"):
        store.count_documents()
