# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""When the process is killed or the disk is full, a store contains exactly what it acknowledged."""

import random
import time
from typing import Any

import pytest
from haystack.document_stores.errors import DocumentStoreError

from dpr_haystack import FAISSDocumentStore
from support.stores import (
    DIM,
    HNSW,
    WORDS,
    assert_exact_hits,
    assert_same_documents,
    below,
    compact_above,
    expected_after,
    file_size_limit,
    go_on_from,
    lognormal_vectors,
    make_documents,
    make_store,
    operation,
    processes,
    write_with_little_space,
)

KILLS = 25


def acknowledged_before_the_kill(path, step, chance):
    """Let a child process carry out steps for a while, kill it, and return the last acknowledged step."""
    receiver, sender = processes.Pipe(duplex=False)
    child = processes.Process(target=go_on_from, args=(str(path), step, sender))
    child.start()
    sender.close()
    last = None
    try:
        for _ in range(chance.randint(1, 10)):
            last = receiver.recv()
        time.sleep(chance.uniform(0, 0.03))
    finally:
        child.kill()
        child.join()
    while True:
        try:
            last = receiver.recv()
        except EOFError:
            return last


def assert_works(store, model):
    assert_same_documents(store, model)
    exact = FAISSDocumentStore(str(store.directory), embedding_dim=None)
    for question in lognormal_vectors(2, DIM, seed=7):
        hits = exact.search(question, 10)
        assert_exact_hits(hits, list(model.values()), question, 10, "dot_product")
        near = store.search(question, 10)
        assert len(near) == len(hits)
        assert len({document.id for document in near} & {document.id for document in hits}) >= 0.6 * len(hits)
    exact.close()
    found = {document.id for document in store.bm25_retrieval(f"{WORDS[0]} {WORDS[1]}", 10_000)}
    assert found == {name for name, document in model.items() if set(document.content.split()) & set(WORDS[:2])}


@pytest.mark.slow
def test_killed_at_any_time(tmp_path):
    chance = random.Random(2)
    model, step, whole = dict[str, Any](), 0, 0
    for _ in range(KILLS):
        last = acknowledged_before_the_kill(tmp_path / "store", step, chance)
        for done in range(step, last + 1):
            model = expected_after(model, done)
        step = last + 1
        store = make_store(tmp_path / "store", **HNSW)
        in_flight = expected_after(model, step)
        if {document.id: document for document in store.filter_documents()} == in_flight != model:
            model, step, whole = in_flight, step + 1, whole + 1
        assert_works(store, model)
        store.close()
    names = {operation(done)[0] for done in range(step)}
    assert {"write", "overwrite", "delete", "delete_by_filter", "update_by_filter", "ask"} <= names
    generations = [path.stem for path in (tmp_path / "store").glob("vectors-*")]
    assert len(generations) <= 1
    assert generations != ["vectors-0"], "no compaction has happened"
    store = make_store(tmp_path / "store", **HNSW)
    store.write_documents(make_documents(30, DIM, first=10**6))
    store.catch_up()
    store.close()
    left = [path for path in (tmp_path / "store").rglob("*.tmp") if path.stat().st_size > 10_000]
    assert not left, "partially written indexes are never removed"


@pytest.mark.slow
def test_full_disk(tmp_path):
    receiver, sender = processes.Pipe(duplex=False)
    child = processes.Process(target=write_with_little_space, args=(str(tmp_path / "store"), 120, sender))
    child.start()
    sender.close()
    refused, model = receiver.recv()
    child.join()
    assert child.exitcode == 0, (refused, model)
    assert refused > 10
    assert len(model) > 10
    store = make_store(tmp_path / "store", **HNSW)
    assert_works(store, model)
    store.close()


@pytest.mark.slow
def test_a_failing_compaction_does_not_fail_the_write(tmp_path, caplog):
    """The documents are deleted already: an error that says that nothing was changed would be wrong."""
    documents = make_documents(1500, 512)
    store = FAISSDocumentStore(str(tmp_path / "store"), embedding_dim=512)
    compact_above(store, 100)
    store.write_documents(documents)
    with file_size_limit(500 * 512 * 4 - 1):  # one byte too little for the vectors that stay
        assert store.delete_by_filter(below(1000)) == 1000
    assert "not compacted" in caplog.text
    assert [path.name for path in (tmp_path / "store").glob("vectors-*")] == ["vectors-0.f32"]
    assert_same_documents(store, {document.id: document for document in documents[1000:]})
    store.delete_documents(["d1000"])
    assert [path.name for path in (tmp_path / "store").glob("vectors-*")] == ["vectors-1.f32"]
    assert_same_documents(store, {document.id: document for document in documents[1001:]})
    store.close()


def test_leftovers_of_an_interrupted_write_are_removed(tmp_path, caplog):
    documents = make_documents(50, DIM)
    store = make_store(tmp_path / "store", **HNSW)
    store.write_documents(documents)
    store.close()
    (tmp_path / "store" / "vectors-1.f32").write_bytes(b"of a compaction")
    with (tmp_path / "store" / "vectors-0.f32").open("ab") as file:
        file.write(b"77 bytes".ljust(77))
    assert_works(store, {document.id: document for document in documents})
    assert "removed 77 bytes" in caplog.text
    assert (tmp_path / "store" / "vectors-0.f32").stat().st_size == 50 * DIM * 4
    assert not (tmp_path / "store" / "vectors-1.f32").exists()
    store.close()


@pytest.mark.parametrize("cut", [1, DIM * 4, 10**6])
def test_a_vector_file_that_is_too_short_is_reported(tmp_path, cut):
    store = make_store(tmp_path / "store", **HNSW)
    store.write_documents(make_documents(100, DIM))
    store.close()
    path = tmp_path / "store" / "vectors-0.f32"
    whole = path.read_bytes()
    path.write_bytes(whole[: max(0, len(whole) - cut)])
    missing = min(cut, len(whole))
    with pytest.raises(DocumentStoreError, match=rf"vectors-0\.f32 is damaged: {missing} bytes of the 100 vectors are"):
        store.count_documents()
    assert path.stat().st_size == len(whole) - missing
    path.write_bytes(whole)
    assert store.count_documents() == 100
    store.close()
