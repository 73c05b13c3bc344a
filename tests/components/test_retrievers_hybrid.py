# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Hybrid search: the same ranking as the two retrievers behind a HybridJoiner, and true scores on request."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from haystack import Document, Pipeline

from dpr_haystack import DPRHybridRetriever, DPRRetriever, FAISSBM25Retriever, FAISSDocumentStore, HybridJoiner
from dpr_haystack.errors import InputError
from support.retrievers import QUESTION
from support.stores import MINILM, make_tenant_store, tenant_documents

QUESTIONS = [QUESTION, "Who wrote the laws of motion?", "mountain museum bread", "zzz qqq"]
FUSIONS: list[dict[str, Any]] = [
    {},
    {"weights": {"bm25": 0.3, "dpr": 2.0}},
    {"weights": {"bm25": 0.0, "dpr": 1.0}},
    {"normalization": "none", "weights": {"bm25": 1.0, "dpr": 1.1}},
    {"normalization": "zscore"},
    {"missing": "zero"},
    {"fusion": "rrf"},
    {"fusion": "rrf", "rrf_k": 1, "weights": {"bm25": 2.0, "dpr": 1.0}},
    {"fusion": "dbsf"},
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FAISSDocumentStore:
    return make_tenant_store(tmp_path_factory.mktemp("hybrid") / "store")


def hybrid(store: FAISSDocumentStore, **settings: Any) -> DPRHybridRetriever:
    return DPRHybridRetriever(store, MINILM, dtype="float32", **{"top_k": 16, **settings})


def pairs(found: list[Document]) -> list[tuple[str, float]]:
    return [(document.id, round(document.score or 0.0, 6)) for document in found]


@pytest.mark.slow
@pytest.mark.parametrize("settings", FUSIONS, ids=str)
@pytest.mark.parametrize("candidates", [3, 100])
def test_it_is_the_two_retrievers_behind_a_joiner(
    store: FAISSDocumentStore, settings: dict[str, Any], candidates: int
) -> None:
    retriever = hybrid(store, **settings, candidates=candidates, top_k=3)
    joiner = HybridJoiner(**settings, top_k=3)
    for question in QUESTIONS:
        words = store.bm25_retrieval(question, candidates)
        vectors = store.search(retriever.hybrid_search.embed([question])[0], candidates)
        expected = joiner.run(bm25=words, dpr=vectors)["documents"]
        assert pairs(retriever.run(question)["documents"]) == pairs(expected)


@pytest.mark.slow
def test_it_is_the_hybrid_pipeline(store: FAISSDocumentStore) -> None:
    pipeline = Pipeline()
    pipeline.add_component("bm25", FAISSBM25Retriever(store, top_k=100))
    pipeline.add_component("dpr", DPRRetriever(store, MINILM, dtype="float32", top_k=100))
    pipeline.add_component("joiner", HybridJoiner(top_k=10))
    pipeline.connect("bm25.documents", "joiner.bm25")
    pipeline.connect("dpr.documents", "joiner.dpr")
    found = pipeline.run({"bm25": {"query": QUESTION}, "dpr": {"query": QUESTION}})["joiner"]["documents"]
    assert pairs(found) == pairs(hybrid(store).run(QUESTION, top_k=10)["documents"])


def test_more_results_than_candidates_raise_the_candidates(store: FAISSDocumentStore) -> None:
    retriever = hybrid(store, candidates=1)
    assert len(retriever.run(QUESTION, top_k=16)["documents"]) == 16


def test_exact_scores_are_the_true_ones(store: FAISSDocumentStore) -> None:
    """With two candidates each: what only one search found gets the score that the other one would have given."""
    retriever = hybrid(store, candidates=2, top_k=2, exact_scores=True, explain=True, normalization="none")
    vectors = {document.id: np.array(document.embedding) for document in store.filter_documents()}
    seen_missing = 0
    for question in QUESTIONS[:3]:
        embedding = retriever.hybrid_search.embed([question])[0]
        words = {document.id: document.score or 0.0 for document in store.bm25_retrieval(question, 100)}
        shallow = {document.id for document in store.bm25_retrieval(question, 2)}
        near = {document.id for document in store.search(embedding, 2)}
        seen_missing += len(shallow ^ near)
        for found in retriever.hybrid_search.hits([question]):
            assert {hit.id for hit in found.fused} == shallow | near
            for hit in found.fused:
                word_score, vector_score = words.get(hit.id, 0.0), float(vectors[hit.id] @ embedding)
                assert hit.contributions["bm25"].score == pytest.approx(word_score, abs=1e-4)
                assert hit.contributions["dpr"].score == pytest.approx(vector_score, abs=1e-5)
                assert hit.score == pytest.approx(word_score + vector_score, abs=1e-4)
    assert seen_missing > 2


def test_without_exact_scores_the_lowest_of_the_list_stands_in(store: FAISSDocumentStore) -> None:
    retriever = hybrid(store, candidates=2, top_k=2, normalization="none")
    embedding = retriever.hybrid_search.embed([QUESTION])[0]
    words = store.bm25_retrieval(QUESTION, 2)
    near = {document.id: document.score or 0.0 for document in store.search(embedding, 2)}
    for hit in retriever.hybrid_search.hits([QUESTION])[0].fused:
        word_score = {document.id: document.score for document in words}.get(hit.id, words[-1].score) or 0.0
        vector_score = near.get(hit.id, min(near.values()))
        assert hit.score == pytest.approx(word_score + vector_score, abs=1e-5)


def test_all_candidates_and_exact_scores_change_nothing_that_both_found(store: FAISSDocumentStore) -> None:
    retriever = hybrid(store, normalization="none", weights={"bm25": 1.0, "dpr": 1.1}, exact_scores=True)
    words = {document.id: document.score or 0.0 for document in store.bm25_retrieval(QUESTION, 100)}
    near = {
        document.id: document.score or 0.0
        for document in store.search(retriever.hybrid_search.embed([QUESTION])[0], 100)
    }
    expected = {name: words.get(name, 0.0) + 1.1 * near[name] for name in near}
    found = {document.id: document.score for document in retriever.run(QUESTION)["documents"]}
    assert found == pytest.approx(expected, abs=1e-4)


def test_it_explains_itself(store: FAISSDocumentStore) -> None:
    retriever = hybrid(store, explain=True, candidates=3, top_k=6, weights={"bm25": 0.5, "dpr": 1.0})
    words = store.bm25_retrieval(QUESTION, 3)
    near = store.search(retriever.hybrid_search.embed([QUESTION])[0], 3)
    known = {document.id: document.meta for document in tenant_documents()}
    retriever.top_k = 3
    for document in retriever.run(QUESTION)["documents"]:
        told = document.meta["hybrid"]
        for name, run in (("bm25", words), ("dpr", near)):
            rank = next((rank for rank, each in enumerate(run, 1) if each.id == document.id), None)
            assert told[name]["rank"] == rank
            if rank is not None:
                assert told[name]["score"] == pytest.approx(run[rank - 1].score, abs=1e-5)
        assert document.score == pytest.approx(sum(part["part"] for part in told.values()))
        assert {key: value for key, value in document.meta.items() if key != "hybrid"} == known[document.id]
    joined = HybridJoiner({"bm25": 0.5, "dpr": 1.0}, explain=True, top_k=3).run(bm25=words, dpr=near)["documents"]
    found = retriever.run(QUESTION)["documents"]
    assert [document.meta["hybrid"].keys() for document in found] == [each.meta["hybrid"].keys() for each in joined]
    assert [document.meta["hybrid"]["dpr"] for document in found] == [
        {**each.meta["hybrid"]["dpr"], "score": pytest.approx(each.meta["hybrid"]["dpr"]["score"])}
        if each.meta["hybrid"]["dpr"]["score"] is not None
        else each.meta["hybrid"]["dpr"]
        for each in joined
    ]
    silent = hybrid(store, candidates=3, top_k=3)
    assert all("hybrid" not in document.meta for document in silent.run(QUESTION)["documents"])


@pytest.mark.parametrize(
    "settings",
    [
        {"weights": {"bm25": 1.0}},
        {"weights": {"bm25": 1.0, "dpr": 1.0, "other": 1.0}},
        {"weights": {"bm25": -1.0, "dpr": 1.0}},
        {"weights": {"bm25": float("nan"), "dpr": 1.0}},
        {"fusion": "sum"},
        {"normalization": "softmax"},
        {"missing": "max"},
        {"rrf_k": -1},
        {"candidates": 0},
        {"candidates": -5},
    ],
    ids=str,
)
def test_what_cannot_be_set_is_refused(store: FAISSDocumentStore, settings: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        DPRHybridRetriever(store, MINILM, **settings)


def test_the_weights_of_the_caller_stay_theirs(store: FAISSDocumentStore) -> None:
    weights = {"bm25": 1.0, "dpr": 2.0}
    retriever = DPRHybridRetriever(store, MINILM, weights=weights)
    weights["bm25"] = 9.0
    assert retriever.weights == {"bm25": 1.0, "dpr": 2.0}
