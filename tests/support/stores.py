# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Documents to fill a store with, and what an exact search of them finds."""

import os
import signal
import subprocess
import sys

import numpy as np
from haystack.dataclasses import Document

from dpr_haystack import FAISSDocumentStore
from dpr_haystack.store.layout import Manifest
from dpr_haystack.store.registry import acquire, release

WORDS = ("river", "bridge", "castle", "harbour", "garden", "winter", "copper", "violin", "planet", "market", "letter")


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
    np.testing.assert_allclose(scores, np.float64([truth[name] for name in ids]), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(scores, np.float64(best), rtol=1e-6, atol=1e-9)


def assert_same_documents(store, model):
    """A store against a dict of id to document: same documents, with everything in them."""
    assert store.count_documents() == len(model)
    assert {document.id: document for document in store.filter_documents()} == model


def reopened(store):
    """The same store by another object, after the first has let go of its files."""
    store.close()
    return FAISSDocumentStore.from_dict(store.to_dict())


def compact_above(store, limit):
    """Open a store so that it is compacted above this number of deleted documents, until it is closed.

    Stores of one directory share an engine, and an engine that is open already keeps its limit.
    """
    wanted = Manifest(store.embedding_dim, store.similarity, store.index_string, store.language)
    engine = acquire(store.directory, wanted, store.lock_timeout, compact_above=limit)
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
