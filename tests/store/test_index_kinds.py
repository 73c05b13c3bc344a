# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Further kinds of index in a store: one that needs training and a minimum of rows, and ones that lose vectors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from dpr_haystack import FAISSDocumentStore
from dpr_haystack.engines import ann
from dpr_haystack.engines.ann import Kind
from dpr_haystack.errors import InputError, StoreError
from support.stores import assert_exact_hits, below, lognormal_vectors, make_documents, true_scores

DIM, LISTS = 8, 4
MINIMUM = 39 * LISTS
QUESTIONS = lognormal_vectors(20, DIM, seed=6)


class IVF:
    """Inverted lists, by FAISS; records how many vectors it is trained on."""

    trained_on: list[int] = []

    def __init__(self, index_string: str, dimension: int, similarity: str, options: Mapping[str, int]) -> None:
        quantizer = faiss.IndexFlatIP(dimension)
        self._index: Any = faiss.IndexIVFFlat(quantizer, dimension, LISTS, faiss.METRIC_INNER_PRODUCT)
        self._nprobe = options["nprobe"]

    @property
    def size(self) -> int:
        return int(self._index.ntotal)

    @property
    def minimum_rows(self) -> int:
        return MINIMUM

    def train(self, vectors: Any) -> None:
        assert self.size == 0
        self.trained_on.append(len(vectors))
        self._index.train(np.array(vectors))

    def add(self, vectors: Any) -> None:
        self._index.add(np.array(vectors))  # FAISS raises if it was not trained

    def candidates(self, questions: Any, k: int, allowed: Any) -> list[Any]:
        bits = np.packbits(np.ones(self.size, bool) if allowed is None else allowed, bitorder="little")
        kinds: Any = faiss  # its stubs lack what its Python wrapper adds
        parameters = kinds.SearchParametersIVF(nprobe=self._nprobe, sel=kinds.IDSelectorBitmap(bits))
        _, rows = self._index.search(np.array(questions), min(self.size, k), params=parameters)
        return [line[line >= 0] for line in rows]

    def save(self, path: Path) -> None:
        faiss.write_index(self._index, str(path))

    def load(self, path: Path) -> None:
        self._index = faiss.read_index(str(path))


class KeepsNothing(IVF):
    """Needs no training and drops every vector."""

    minimum_rows = 0

    def train(self, vectors: Any) -> None:
        pass

    def add(self, vectors: Any) -> None:
        pass


class LosesOne(KeepsNothing):
    """Drops the last vector of each call."""

    size = 0

    def add(self, vectors: Any) -> None:
        self.size += len(vectors) - 1


@pytest.fixture(autouse=True)
def further_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(IVF, "trained_on", [])
    kinds = [
        Kind(name, f"{name} (of this test)", __name__, name, {"nprobe": 2})
        for name in ("IVF", "KeepsNothing", "LosesOne")
    ]
    monkeypatch.setattr(ann, "_KINDS", (*ann._KINDS, *kinds))


def open_store(path: Path, index: str, **options: int) -> FAISSDocumentStore:
    return FAISSDocumentStore(str(path / "store"), index, DIM, index_options=options or None)


def test_exact_search_below_the_minimum_then_trained_once(tmp_path: Path) -> None:
    """One list of four is looked at, which is seen in the results once the index is in use, and only then."""
    documents = make_documents(1000, DIM)
    store = open_store(tmp_path, "IVF", nprobe=1)
    file = tmp_path / "store" / "indexes" / "IVF.faiss"
    store.write_documents(documents[: MINIMUM - 1])
    for question in QUESTIONS:
        found = store.search(question, 20)
        assert_exact_hits(found, documents[: MINIMUM - 1], question, 20, "dot_product")
    store.catch_up()
    assert (IVF.trained_on, file.exists()) == ([], False)

    store.write_documents(documents[MINIMUM - 1 : MINIMUM])
    assert len(store.search(QUESTIONS[0], 5)) == 5
    assert IVF.trained_on == [MINIMUM]
    store.write_documents(documents[MINIMUM:])
    hits = store.search_many(QUESTIONS, 10)
    assert IVF.trained_on == [MINIMUM]
    vectors = np.array([document.embedding for document in documents], dtype=np.float32)
    complete = 0
    for question, found in zip(QUESTIONS, hits, strict=True):
        truth = true_scores(vectors, question, "dot_product")
        assert len(found) == 10
        np.testing.assert_allclose([d.score or 0.0 for d in found], [truth[d.meta["number"]] for d in found], rtol=1e-5)
        complete += sum(truth[d.meta["number"]] >= np.sort(truth)[-10] for d in found)
    assert 50 < complete < 200

    store.close()
    assert faiss.read_index(str(file)).ntotal == len(documents)
    assert len(store.search(QUESTIONS[0], 10)) == 10
    assert IVF.trained_on == [MINIMUM], "the saved index is used"
    store.close()


def test_every_list_searched_is_exact_search(tmp_path: Path) -> None:
    documents = make_documents(500, DIM)
    store = open_store(tmp_path, "IVF", nprobe=LISTS)
    store.write_documents(documents)
    for question in QUESTIONS:
        for filters, expected in ((None, documents), (below(400), documents[:400])):
            assert_exact_hits(store.search(question, 10, filters), expected, question, 10, "dot_product")
    assert IVF.trained_on == [500]
    store.delete_all_documents()
    store.write_documents(documents[:100])
    assert_exact_hits(store.search(QUESTIONS[0], 10), documents[:100], QUESTIONS[0], 10, "dot_product")
    store.write_documents(documents[100:300])
    assert_exact_hits(store.search(QUESTIONS[0], 10), documents[:300], QUESTIONS[0], 10, "dot_product")
    assert IVF.trained_on == [500, 300], "a new generation is trained again"
    store.close()


@pytest.mark.parametrize(("name", "kept"), [("KeepsNothing", 0), ("LosesOne", 59)])
def test_an_index_that_loses_vectors_is_an_error(tmp_path: Path, name: str, kept: int) -> None:
    store = open_store(tmp_path, name)
    store.write_documents(make_documents(60, DIM))
    for attempt in (store.catch_up, lambda: store.search(QUESTIONS[0], 5)):
        for _ in range(2):
            with pytest.raises(StoreError, match=rf"index '{name}' kept {kept} of 60 vectors.*'Flat'"):
                attempt()
    store.close()
    exact = open_store(tmp_path, "Flat")
    assert len(exact.search(QUESTIONS[0], 5)) == 5
    exact.close()


def test_an_unknown_kind_is_refused_with_all_known_ones() -> None:
    with pytest.raises(InputError, match=r"'PQ8'; known: Flat \(exact search\); HNSW<links>.*; IVF \(of this test\);"):
        FAISSDocumentStore("never created", "PQ8", DIM)
    with pytest.raises(InputError, match=r"\['efSearch'\] for 'IVF'; known: nprobe"):
        FAISSDocumentStore("never created", "IVF", DIM, index_options={"efSearch": 3})
