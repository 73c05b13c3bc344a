# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""DPRHybridRetriever over Elasticsearch: the same component, the same fusion, both searches in one request."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from haystack import Document, Pipeline
from haystack.errors import FilterError

from dpr_haystack import (
    DPRDocumentEmbedder,
    DPRHybridRetriever,
    DPRTextEmbedder,
    ElasticsearchBM25Retriever,
    ElasticsearchDPRRetriever,
    FAISSDocumentStore,
    create_elasticsearch_index,
)
from dpr_haystack.backends.registry import search_over
from dpr_haystack.core.fusion import fuse
from dpr_haystack.errors import EncoderMismatch, InputError, SearchServerUnavailable

pytestmark = pytest.mark.integration

QUESTION = "a river of the old world"
NOUNS = ("river", "mountain", "planet", "poem", "engine", "river delta")
DEPTH = 10


@pytest.fixture
def model(tiny_models: tuple[Path, Path]) -> str:
    return str(tiny_models[0])


@pytest.fixture
def documents(model: str) -> list[Document]:
    """Some without a vector, many without a word of the question."""
    made = [
        Document(
            id=f"d{number}",
            content=f"Passage {number}: {NOUNS[number % 6]}, {('new', 'old')[number % 2]} and {'far ' * (number % 5)}",
            meta={"number": number, "title": "World" if number % 7 == 0 else f"Title {number}"},
        )
        for number in range(60)
    ]
    return [*DPRDocumentEmbedder(model, progress_bar=False).run(made[:55])["documents"], *made[55:]]


@pytest.fixture
def store(elasticsearch_url: str, index: str, store_of: Callable[..., Any], documents: list[Document]) -> Any:
    create_elasticsearch_index(elasticsearch_url, index, embedding_dim=32)
    store = store_of(index)
    store.write_documents(documents, refresh=True)
    return store


@pytest.fixture
def hybrid_of(store: Any, model: str) -> Iterator[Callable[..., DPRHybridRetriever]]:
    made: list[DPRHybridRetriever] = []

    def make(**settings: Any) -> DPRHybridRetriever:
        made.append(DPRHybridRetriever(store, model, **{"candidates": DEPTH} | settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


Make = Callable[..., DPRHybridRetriever]


@pytest.fixture
def lists(store: Any, model: str) -> dict[str, dict[str, float]]:
    """What each search finds by itself."""
    found = {}
    retrievers: dict[str, Any] = {
        "bm25": ElasticsearchBM25Retriever(document_store=store, top_k=DEPTH),
        "dpr": ElasticsearchDPRRetriever(store, model, top_k=DEPTH),
    }
    for name, retriever in retrievers.items():
        found[name] = {each.id: each.score or 0.0 for each in retriever.run(QUESTION)["documents"]}
        retriever.close()
    assert set(found["bm25"]) - set(found["dpr"])
    assert set(found["dpr"]) - set(found["bm25"])
    return found


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"weights": {"bm25": 0.3, "dpr": 1.7}},
        {"fusion": "rrf", "rrf_k": 5},
        {"fusion": "dbsf"},
        {"normalization": "none", "missing": "zero"},
        {"normalization": "zscore"},
    ],
)
def test_it_fuses_what_the_two_searches_find(
    hybrid_of: Make, lists: dict[str, dict[str, float]], settings: dict[str, Any]
) -> None:
    weights = settings.get("weights", {"bm25": 1.0, "dpr": 1.0})
    expected = fuse(lists, weights, **{name: value for name, value in settings.items() if name != "weights"})
    found = hybrid_of(**settings, top_k=DEPTH).run(QUESTION)["documents"]
    assert [each.score for each in found] == pytest.approx([hit.score for hit in expected[:DEPTH]], abs=1e-5)
    assert {each.id for each in found} <= {hit.id for hit in expected}
    assert all(each.embedding is None and each.content and "title" in each.meta for each in found)


@pytest.mark.each_version
def test_missing_scores_are_computed_exactly(
    hybrid_of: Make, store: Any, model: str, documents: list[Document], lists: dict[str, dict[str, float]]
) -> None:
    """BM25 scores as a search that goes on for longer gives them, similarities as numpy computes them."""
    everything = ElasticsearchBM25Retriever(document_store=store, top_k=100)
    words = {each.id: each.score or 0.0 for each in everything.run(QUESTION)["documents"]}
    everything.close()
    question = DPRTextEmbedder(model).embed([QUESTION])[0].astype(np.float64)
    vectors = {each.id: np.asarray(each.embedding) for each in documents if each.embedding is not None}
    similar = {name: float(vector @ question) for name, vector in vectors.items()}
    either = set(lists["bm25"]) | set(lists["dpr"])
    runs = {
        "bm25": {name: words.get(name, 0.0) for name in either},
        "dpr": {name: similar[name] for name in either if name in similar},
    }
    expected = fuse(runs, {"bm25": 1.0, "dpr": 1.0})
    found = hybrid_of(exact_scores=True, explain=True, top_k=DEPTH).run(QUESTION)["documents"]
    assert [each.score for each in found] == pytest.approx([hit.score for hit in expected[:DEPTH]], abs=1e-4)
    assert {each.id for each in found} <= either
    for each in found:
        told = each.meta["hybrid"]
        assert told["bm25"]["score"] == pytest.approx(runs["bm25"][each.id], abs=1e-4)
        assert told["dpr"]["score"] == (None if each.id not in similar else pytest.approx(similar[each.id], abs=1e-4))


def test_it_works_as_over_our_own_store(
    hybrid_of: Make, store: Any, model: str, documents: list[Document], tmp_path: Path
) -> None:
    """The dense half is the same to float32; the words are counted by two different engines."""
    local = FAISSDocumentStore(str(tmp_path / "store"), embedding_dim=32)
    local.write_documents(documents)
    questions = [QUESTION, "the far mountain", "an engine"]
    here = DPRHybridRetriever(local, model, candidates=DEPTH).hybrid_search.hits(questions)
    there = hybrid_of().hybrid_search.hits(questions)
    for mine, other in zip(here, there, strict=True):
        assert other.both.dpr.ids == mine.both.dpr.ids
        assert other.both.dpr.scores == pytest.approx(mine.both.dpr.scores, abs=1e-4)
        assert len(other.both.bm25.ids) == len(mine.both.bm25.ids)
    with closing(search_over(store)) as search:
        alone = search.dense_hits(DPRTextEmbedder(model).embed(questions), DEPTH, None)
    assert alone == [found.both.dpr for found in there]
    settings: dict[str, Any] = {"weights": {"bm25": 0.0, "dpr": 1.0}, "top_k": 5, "explain": True}
    one = DPRHybridRetriever(local, model, candidates=DEPTH, **settings).run(QUESTION)["documents"]
    two = hybrid_of(**settings).run(QUESTION)["documents"]
    assert [(each.id, each.content, each.meta["title"]) for each in two] == [
        (each.id, each.content, each.meta["title"]) for each in one
    ]
    local.close()


@pytest.mark.each_version
def test_both_searches_are_one_round_trip(hybrid_of: Make, caplog: pytest.LogCaptureFixture) -> None:
    hybrid = hybrid_of(top_k=5)
    hybrid.run(QUESTION)

    def requests(count: int, **settings: Any) -> int:
        retriever = hybrid_of(top_k=5, **settings) if settings else hybrid
        retriever.run(QUESTION)
        caplog.clear()
        with caplog.at_level(logging.INFO, logger="elastic_transport.transport"):
            retriever.retrieve([QUESTION] * count)
        return len(caplog.records)

    assert requests(1) == 2  # both searches; the documents of the best
    assert requests(1, exact_scores=True) == 3
    assert requests(32) == 2
    hybrid.hybrid_search.hits([QUESTION])
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="elastic_transport.transport"):
        hybrid.hybrid_search.hits([QUESTION])
    assert len(caplog.records) == 1


@pytest.mark.each_version
def test_filters_hold_for_both_searches(hybrid_of: Make) -> None:
    few = {"field": "meta.number", "operator": "<", "value": 12}
    other = {"field": "meta.number", "operator": ">", "value": 5}

    def numbers(retriever: DPRHybridRetriever, filters: Any = None) -> set[int]:
        return {each.meta["number"] for each in retriever.run(QUESTION, filters, 50)["documents"]}

    assert numbers(hybrid_of(filters=few)) <= set(range(12))
    assert len(numbers(hybrid_of(filters=few))) >= DEPTH
    assert numbers(hybrid_of(filters=few, filter_policy="merge", exact_scores=True), other) == set(range(6, 12))
    assert max(numbers(hybrid_of(filters=few), other)) > 12
    with pytest.raises(FilterError):
        hybrid_of().run(QUESTION, {"field": "x", "operator": "?", "value": 1})


def test_asynchronous_runs_and_yaml(hybrid_of: Make) -> None:
    hybrid = hybrid_of(top_k=4, exact_scores=True)
    expected = hybrid.run(QUESTION)
    assert asyncio.run(hybrid.run_async(QUESTION)) == expected
    pipeline = Pipeline()
    pipeline.add_component("hybrid", hybrid)
    again = Pipeline.loads(pipeline.dumps())
    assert again.run({"hybrid": {"query": QUESTION}})["hybrid"] == expected
    assert again.to_dict() == pipeline.to_dict()
    again.close()


def test_nothing_to_find_and_nothing_asked(hybrid_of: Make) -> None:
    hybrid = hybrid_of()
    assert hybrid.retrieve([]) == []
    assert hybrid.run(QUESTION, top_k=0) == {"documents": []}
    assert len(hybrid.run("the of and")["documents"]) == 10  # stop words alone: by vectors
    assert len(hybrid.run("half a pair \ud83d of a river")["documents"]) == 10
    with pytest.raises(InputError, match="empty"):
        hybrid.run(" ")


def test_a_server_that_is_not_there_and_secrets(store_of: Any, model: str) -> None:
    from haystack_integrations.document_stores.elasticsearch import ElasticsearchDocumentStore

    gone = DPRHybridRetriever(ElasticsearchDocumentStore(hosts="http://127.0.0.1:9", index="x"), model)
    with pytest.raises(SearchServerUnavailable, match="cannot be reached"):
        gone.run(QUESTION)
    gone.close()
    plain = DPRHybridRetriever(ElasticsearchDocumentStore(hosts="http://a:secret@127.0.0.1:9", index="x"), model)
    with pytest.raises(InputError, match="password in hosts") as refused:
        plain.to_dict()
    assert "secret@" not in str(refused.value)


def test_another_encoder_is_refused(
    elasticsearch_url: str, index: str, store_of: Any, tiny_models: tuple[Path, Path]
) -> None:
    embedder = DPRDocumentEmbedder(str(tiny_models[1]), progress_bar=False)
    embedder.warm_up()
    record = embedder.identity.passage_record()
    create_elasticsearch_index(elasticsearch_url, index, embedding_dim=32, encoder=record)
    hybrid = DPRHybridRetriever(store_of(index), str(tiny_models[0]))
    with pytest.raises(EncoderMismatch, match=index):
        hybrid.warm_up()
    hybrid.close()
