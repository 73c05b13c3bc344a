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

import dpr_haystack.store.compaction as compaction
from dpr_haystack import FAISSDocumentStore
from support.stores import assert_same_documents, below, in_group, lognormal_vectors, make_documents

DIM = 8
INDEX = "HNSW8"
OPTIONS = {"efSearch": 1000}

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
    compaction._NOT_BELOW = 60
    store = open_store(path)
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
    compaction._NOT_BELOW = 60
    chance, model, refused = random.Random(1), {}, 0
    store = FAISSDocumentStore(str(path), INDEX, None, index_options=OPTIONS)
    store.count_documents()
    try:
        for step in range(steps):
            try:
                with file_size_limit(chance.choice([100, 20_000, 40_000, 60_000, 90_000, 10**9])):
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
