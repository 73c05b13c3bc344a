# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What child processes do to a store: always the same for the same step, so that a test can tell what must be in it."""

import multiprocessing
import random
import resource
from contextlib import contextmanager
from dataclasses import replace

from haystack.document_stores.errors import DocumentStoreError
from haystack.document_stores.types import DuplicatePolicy

from dpr_haystack import FAISSDocumentStore
from support.stores import (
    WORDS,
    assert_same_documents,
    below,
    compact_above,
    in_group,
    lognormal_vectors,
    make_documents,
)

DIM = 8
INDEX = "HNSW32"
OPTIONS = {"efSearch": 1000}
COMPACT_ABOVE = 60

# Children are forked from a process that has imported everything and opened nothing.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["haystack_integrations.document_stores.dpr", "tantivy", "faiss"])


def open_store(path, **settings):
    return FAISSDocumentStore(str(path), INDEX, DIM, index_options=OPTIONS, **settings)


def operation(step):
    """What the step does: a name and what it is done with."""
    chance = random.Random(step)
    name = chance.choices(
        ["write", "overwrite", "delete", "delete_by_filter", "update_by_filter", "delete_all", "ask"],
        [8, 4, 3, 2, 2, 0.2, 3],
    )[0]
    if name == "write":
        return name, make_documents(chance.randint(1, 30), DIM, seed=step, first=30 * step, without_vector=[3])
    if name == "overwrite":
        return name, make_documents(30, DIM, seed=step, first=30 * (step - 4) + 15, without_vector=[3])
    if name == "delete":
        return name, [f"d{number}" for number in range(30 * (step - 3), 30 * step, 2)]
    if name == "delete_by_filter":
        return name, below(30 * (step - 8))
    if name == "update_by_filter":
        return name, f"g{chance.randrange(50)}"
    return name, None


def carry_out(store, step):
    """The step on a store."""
    name, given = operation(step)
    if name == "write":
        store.write_documents(given)
    elif name == "overwrite":
        store.write_documents(given, DuplicatePolicy.OVERWRITE)
    elif name == "delete":
        store.delete_documents(given)
    elif name == "delete_by_filter":
        store.delete_by_filter(given)
    elif name == "update_by_filter":
        store.update_by_filter(in_group(given), {"seen": step})
    elif name == "delete_all":
        store.delete_all_documents()
    else:
        store.search(lognormal_vectors(1, DIM, step)[0])
        store.bm25_retrieval("river bridge")


def expected_after(model, step):
    """The step on a dict from id to document."""
    name, given = operation(step)
    if name in ("write", "overwrite"):
        return model | {document.id: document for document in given}
    if name == "delete":
        return {key: document for key, document in model.items() if key not in set(given)}
    if name == "delete_by_filter":
        return {key: document for key, document in model.items() if not document.meta["number"] < given["value"]}
    if name == "update_by_filter":
        return {
            key: replace(document, meta={**document.meta, "seen": step})
            if document.meta["group"] == given
            else document
            for key, document in model.items()
        }
    return {} if name == "delete_all" else model


def go_on_from(path, step, acknowledged):
    """Carry out step after step, and say so after each, until killed."""
    store = open_store(path)
    compact_above(store, COMPACT_ABOVE)
    while True:
        carry_out(store, step)
        acknowledged.send(step)
        step += 1


@contextmanager
def file_size_limit(size):
    """No file can be written beyond this many bytes: the system refuses as it does when a disk is full."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def write_with_little_space(path, steps, outcome):
    """Carry out steps, most of them under a limit that some run into; report how many, or what went wrong."""
    chance, model, refused = random.Random(1), {}, 0
    store = FAISSDocumentStore(str(path), INDEX, None, index_options=OPTIONS)
    compact_above(store, COMPACT_ABOVE)
    try:
        for step in range(steps):
            try:
                with file_size_limit(chance.choice([100, 20_000, 40_000, 60_000, 90_000, 10**9])):
                    compact_above(store, COMPACT_ABOVE)
                    carry_out(store, step)
            except DocumentStoreError:
                refused += 1
            else:
                model = expected_after(model, step)
            assert_same_documents(store, model)
            if chance.random() < 0.1:
                store.close()
        outcome.send((refused, model))
    except BaseException as error:
        outcome.send((repr(error), step))
        raise


def write_in_turns(path, name, batches, start, report):
    """Write batches as fast as it goes, side by side with other processes."""
    store = FAISSDocumentStore(str(path), embedding_dim=None)
    start.wait(30)
    for number in range(batches):
        store.write_documents(
            [replace(document, id=f"{name}-{document.id}") for document in make_documents(5, DIM, first=5 * number)]
        )
    store.close()
    report.send((name, batches))


def hold_the_write_lock(path, held, release):
    """Be in the middle of a write until told to end it."""
    store = open_store(path)
    with store.opened().database.writing():
        held.set()
        release.wait(30)


def use_inherited_store(store, report):
    """In a forked process: use the store that the parent has open."""
    inherited = store._engine
    try:
        before = store.count_documents()
        assert store._engine is not inherited
        store.write_documents(make_documents(10, DIM, seed=3, first=1000))
        found = store.search(lognormal_vectors(1, DIM, 3)[0], 1)[0].id
        words = len(store.bm25_retrieval(" ".join(WORDS), 10_000))
        store.close()
        report.send((before, found, words))
    except BaseException as error:
        report.send(repr(error))
        raise


def fork_with_an_open_store(path, report):
    """Fork while the store is open; both processes go on."""
    store = open_store(path)
    store.write_documents(make_documents(50, DIM))
    store.search(lognormal_vectors(1, DIM)[0])
    store.bm25_retrieval("river")
    temporary = FAISSDocumentStore(embedding_dim=DIM)
    temporary.write_documents(make_documents(3, DIM))
    receiver, sender = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=use_inherited_store, args=(store, sender))
    child.start()
    sender.close()
    from_child = receiver.recv()
    child.join()
    store.write_documents(make_documents(10, DIM, seed=4, first=2000))
    words = len(store.bm25_retrieval(" ".join(WORDS), 10_000))
    report.send((from_child, child.exitcode, store.count_documents(), words, temporary.count_documents()))
    store.close()
