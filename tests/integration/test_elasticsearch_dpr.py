# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""ElasticsearchDPRRetriever on a real server, compared with exact inner products."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from elasticsearch import Elasticsearch
from haystack import Document, Pipeline
from haystack.errors import FilterError
from haystack.utils import Secret
from haystack_integrations.components.retrievers.elasticsearch import ElasticsearchEmbeddingRetriever

from dpr_haystack import (
    DPRDocumentEmbedder,
    DPRTextEmbedder,
    ElasticsearchDPRRetriever,
    create_elasticsearch_index,
)
from dpr_haystack.backends.elasticsearch.search import ElasticsearchSearch
from dpr_haystack.core.encoder_mark import MARK, checksums, mark_of, without_mark
from dpr_haystack.engines.elasticsearch.vectors import DenseSearch
from dpr_haystack.errors import EncoderMismatch, InputError, SearchIndexMissing, SearchServerDenied

pytestmark = pytest.mark.integration

QUESTION = "Which river flows through Ulm?"
TOPICS = ("river", "mountain", "planet", "poem", "engine")
TEXTS = [f"Passage {number} is about a {TOPICS[number % 5]} of the {number}th century." for number in range(60)]
ODD = {"field": "meta.odd", "operator": "==", "value": True}
FIRST_TEN = {"field": "meta.number", "operator": "<", "value": 10}


@pytest.fixture
def model(tiny_models: tuple[Path, Path]) -> str:
    return str(tiny_models[0])


@pytest.fixture
def documents(model: str) -> list[Document]:
    meta = [{"odd": bool(number % 2), "number": number, "title": f"Title {number}"} for number in range(len(TEXTS))]
    made = [Document(id=str(number), content=text, meta=meta[number]) for number, text in enumerate(TEXTS)]
    return list(DPRDocumentEmbedder(model, progress_bar=False).run(made)["documents"])


@pytest.fixture
def store(elasticsearch_url: str, index: str, store_of: Callable[..., Any], documents: list[Document]) -> Any:
    create_elasticsearch_index(elasticsearch_url, index, embedding_dim=32)
    store = store_of(index)
    store.write_documents(documents, refresh=True)
    return store


@pytest.fixture
def retriever_of(store: Any, model: str) -> Iterator[Callable[..., ElasticsearchDPRRetriever]]:
    made: list[ElasticsearchDPRRetriever] = []

    def make(**settings: Any) -> ElasticsearchDPRRetriever:
        made.append(ElasticsearchDPRRetriever(**{"document_store": store, "model": model} | settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


Make = Callable[..., ElasticsearchDPRRetriever]


def exact(documents: list[Document], question: str, model: str) -> dict[str, float]:
    """Inner products with every document in float64, best first."""
    vector = DPRTextEmbedder(model).embed([question])[0].astype(np.float64)
    scores = {each.id: float(np.asarray(each.embedding, dtype=np.float64) @ vector) for each in documents}
    return dict(sorted(scores.items(), key=lambda pair: -pair[1]))


@pytest.mark.each_version
def test_it_finds_what_exact_search_finds(retriever_of: Make, documents: list[Document], model: str) -> None:
    retriever = retriever_of(top_k=7)
    expected = exact(documents, QUESTION, model)
    found = retriever.run(QUESTION)["documents"]
    assert [each.id for each in found] == list(expected)[:7]
    assert [each.score for each in found] == pytest.approx(list(expected.values())[:7], abs=1e-4)
    whole = {each.id: each for each in documents}
    assert [(each.content, each.meta, each.embedding) for each in found] == [
        (whole[each.id].content, without_mark(whole[each.id].meta)[0], None) for each in found
    ]
    assert len(retriever.run(QUESTION, top_k=60)["documents"]) == 60
    assert retriever.run(QUESTION, top_k=0) == {"documents": []}


@pytest.mark.each_version
@pytest.mark.parametrize(
    ("options", "least"),
    [("hnsw", 1.0), ("flat", 1.0), ("int8_hnsw", 0.99), ("int4_hnsw", 0.99), ("bbq_hnsw", 0.94), ("bbq_flat", 0.94)],
)
def test_scores_are_inner_products_whatever_the_index_makes_of_vectors(
    elasticsearch_url: str,
    client: Elasticsearch,
    index: str,
    store_of: Callable[..., Any],
    options: str,
    least: float,
) -> None:
    """Of random vectors of very different lengths, which quantising is worst for."""
    random = np.random.default_rng(7)
    vectors = (random.normal(size=(1200, 64)) * random.uniform(0.5, 3, size=(1200, 1))).astype(np.float32)
    questions = random.normal(size=(20, 64)).astype(np.float32)
    create_elasticsearch_index(elasticsearch_url, index, embedding_dim=64, index_options=options)
    # a refresh of its own, at a time that depends on the machine, would cut the graph into other segments
    client.indices.put_settings(index=index, settings={"refresh_interval": "-1"})
    store = store_of(index)
    store.write_documents(
        [Document(id=str(row), content="x", embedding=vector.tolist()) for row, vector in enumerate(vectors)],
        refresh=True,
    )
    truth = questions.astype(np.float64) @ vectors.T.astype(np.float64)
    search = ElasticsearchSearch(store, "this test")
    found = search.dense_documents(questions, 20, None)
    search.close()
    hits = [(number, int(each.id), each.score) for number, row in enumerate(found) for each in row]
    assert len(hits) == 400
    assert [score for *_, score in hits] == pytest.approx([truth[number, row] for number, row, _ in hits], abs=1e-4)
    borders = -np.sort(-truth, axis=1)[:, 19]
    assert np.mean([truth[number, row] >= borders[number] - 1e-4 for number, row, _ in hits]) >= least


@pytest.mark.each_version
def test_without_rescoring_the_scores_of_a_quantised_index_are_wrong(
    elasticsearch_url: str, index: str, store_of: Callable[..., Any]
) -> None:
    """Why rescoring is asked for: this is what the server gives by itself. Elasticsearch 9 errs less than 8."""
    random = np.random.default_rng(7)
    vectors = (random.normal(size=(300, 64)) * random.uniform(0.5, 3, size=(300, 1))).astype(np.float32)
    create_elasticsearch_index(elasticsearch_url, index, embedding_dim=64, index_options="int8_hnsw")
    store = store_of(index)
    documents = [Document(id=str(row), content="x", embedding=each.tolist()) for row, each in enumerate(vectors)]
    store.write_documents(documents, refresh=True)
    question = random.normal(size=(1, 64)).astype(np.float32)
    worst = {}
    for oversample in (None, 1.0):
        search = ElasticsearchSearch(store, "this test", dense=DenseSearch(oversample=oversample))
        (found,) = search.dense_documents(question, 20, None)
        worst[oversample] = max(abs(float(question[0] @ vectors[int(each.id)]) - (each.score or 0)) for each in found)
        search.close()
    assert worst[1.0] < 1e-4 < 0.1 < worst[None]


@pytest.mark.each_version
def test_a_filter_costs_no_results(retriever_of: Make, documents: list[Document], model: str) -> None:
    ranked = exact(documents, QUESTION, model)
    odd, first = {each.id for each in documents if each.meta["odd"]}, {str(number) for number in range(10)}

    def ids(found: dict[str, list[Document]]) -> list[str]:
        return [each.id for each in found["documents"]]

    retriever = retriever_of(top_k=20, filters=ODD)
    assert ids(retriever.run(QUESTION)) == [name for name in ranked if name in odd][:20]
    assert ids(retriever.run(QUESTION, FIRST_TEN)) == [name for name in ranked if name in first]
    merging = retriever_of(top_k=20, filters=ODD, filter_policy="merge")
    assert ids(merging.run(QUESTION, FIRST_TEN)) == [name for name in ranked if name in first & odd]
    assert ids(merging.run(QUESTION, {"field": "meta.title", "operator": "==", "value": "Title 3"})) == ["3"]
    for top_k in (0, 5):
        with pytest.raises(FilterError):
            retriever.run(QUESTION, {"field": "x", "operator": "?", "value": 1}, top_k=top_k)


def test_many_questions_travel_together(
    retriever_of: Make, caplog: pytest.LogCaptureFixture, documents: list[Document], model: str
) -> None:
    retriever = retriever_of(top_k=3)
    questions = [f"{QUESTION} {number}" for number in range(130)]
    retriever.warm_up()
    with caplog.at_level(logging.INFO, logger="elastic_transport.transport"):
        found = retriever.retrieve(questions)
    assert [each.getMessage().count("_msearch") for each in caplog.records] == [1, 1, 1]
    assert [each.id for each in found[129]] == list(exact(documents, questions[129], model))[:3]
    assert retriever.retrieve([]) == []


@pytest.mark.each_version
def test_asynchronous_runs_give_the_same(retriever_of: Make) -> None:
    retriever = retriever_of()

    async def both() -> list[dict[str, list[Document]]]:
        found = await asyncio.gather(retriever.run_async(QUESTION), retriever.run_async("a poem", ODD, 3))
        await retriever.close_async()
        return list(found)

    assert asyncio.run(both()) == [retriever.run(QUESTION), retriever.run("a poem", ODD, 3)]


def test_it_goes_through_yaml_and_the_official_retriever_works_beside_it(
    store: Any, model: str, documents: list[Document]
) -> None:
    pipeline = Pipeline()
    settings: dict[str, Any] = {
        "top_k": 3,
        "num_candidates": 50,
        "oversample": 2.0,
        "filters": ODD,
        "timeout": 7,
        "retries": 1,
    }
    pipeline.add_component("mine", ElasticsearchDPRRetriever(store, model, **settings))
    pipeline.add_component("embedder", DPRTextEmbedder(model))
    pipeline.add_component("official", ElasticsearchEmbeddingRetriever(document_store=store, top_k=3, filters=ODD))
    pipeline.connect("embedder.embedding", "official.query_embedding")
    again = Pipeline.loads(pipeline.dumps())
    assert again.to_dict() == pipeline.to_dict()
    told = again.to_dict()["components"]["mine"]
    assert told["type"] == "haystack_integrations.components.retrievers.dpr_elasticsearch.ElasticsearchDPRRetriever"
    assert settings.items() <= told["init_parameters"].items()
    for each in (pipeline, again):
        found = each.run({"mine": {"query": QUESTION}, "embedder": {"text": QUESTION}})
        ids = [each.id for each in found["mine"]["documents"]]
        assert ids == [each.id for each in found["official"]["documents"]]
        assert len(ids) == 3
        each.close()


def test_a_known_other_encoder_is_refused(
    elasticsearch_url: str, client: Elasticsearch, index: str, store_of: Any, tiny_models: tuple[Path, Path]
) -> None:
    first, second = map(str, tiny_models)
    embedder = DPRDocumentEmbedder(first, progress_bar=False)
    embedder.warm_up()
    create_elasticsearch_index(elasticsearch_url, index, embedding_dim=32, encoder=embedder.identity.passage_record())
    store = store_of(index)
    store.write_documents(embedder.run([Document(content=TEXTS[0])])["documents"], refresh=True)
    right, wrong = ElasticsearchDPRRetriever(store, first), ElasticsearchDPRRetriever(store, second)
    assert len(right.run(QUESTION)["documents"]) == 1
    with pytest.raises(EncoderMismatch, match=f"{index}.*{first}"):
        wrong.run(QUESTION)
    client.indices.put_mapping(index=index, meta={})
    wrong.close()
    with pytest.raises(EncoderMismatch, match=first):  # the documents say it themselves
        wrong.run(QUESTION)
    store.delete_documents([each.id for each in store.filter_documents()], refresh=True)
    store.write_documents([Document(content=TEXTS[0], embedding=[0.1] * 32)], refresh=True)
    wrong.close()
    assert len(wrong.run(QUESTION)["documents"]) == 1  # what is unknown is accepted
    right.close()
    wrong.close()


@pytest.mark.each_version
@pytest.mark.parametrize("recorded", [True, False])
def test_a_tower_with_other_settings_is_another_one(
    elasticsearch_url: str, index: str, store_of: Any, recorded: bool
) -> None:
    """Its fingerprint begins with that of the tower."""
    one, other = ({"model": "m", "fingerprint": each} for each in ("abc", "abc+0123"))
    create_elasticsearch_index(elasticsearch_url, index, embedding_dim=32, encoder=one if recorded else None)
    store = store_of(index)
    vector = [0.5] * 32

    def write(name: str, record: dict[str, str]) -> None:
        meta = {MARK: mark_of(record, checksums(np.array([vector], dtype=np.float32))[0])}
        store.write_documents([Document(id=name, content=name, embedding=vector, meta=meta)], refresh=True)

    search = ElasticsearchSearch(store, "this test")
    write("a", one)
    write("b", one)
    assert (search.origin().encoder, search.origin().vectors, search.origin().unknown) == (one, 2, 0)
    write("c", other)
    write("d", other)
    assert (search.origin().vectors, search.origin().unknown) == (4, 2)
    search.close()


@pytest.mark.each_version
def test_an_index_that_does_not_fit_is_told(
    elasticsearch_url: str, client: Elasticsearch, index: str, store_of: Any, model: str
) -> None:
    store = store_of(index)
    retriever = ElasticsearchDPRRetriever(store, model)
    with pytest.raises(SearchIndexMissing, match=index):
        retriever.run(QUESTION)
    assert not client.indices.exists(index=index)
    client.indices.create(index=index, mappings={"properties": {"content": {"type": "text"}}})
    with pytest.raises(InputError, match="no searchable vectors"):
        retriever.run(QUESTION)
    client.indices.delete(index=index)
    create_elasticsearch_index(elasticsearch_url, index, embedding_dim=48)
    with pytest.raises(InputError, match="have dimension 48, those of this model 32"):
        retriever.run(QUESTION)
    retriever.close()


@pytest.mark.each_version
def test_an_index_of_the_official_store_gives_cosines_and_a_warning(
    index: str, store_of: Any, model: str, documents: list[Document], caplog: pytest.LogCaptureFixture
) -> None:
    store = store_of(index)
    store.write_documents(documents, refresh=True)
    retriever = ElasticsearchDPRRetriever(store, model, top_k=5)
    found = retriever.run(QUESTION)["documents"]
    retriever.run(QUESTION)
    retriever.close()
    assert [each.message.count("cosine") for each in caplog.records if "cosine" in each.message] == [1]
    question = DPRTextEmbedder(model).embed([QUESTION])[0]
    vectors = {each.id: np.asarray(each.embedding) for each in documents}
    cosines = {
        name: each @ question / np.linalg.norm(each) / np.linalg.norm(question) for name, each in vectors.items()
    }
    assert [each.score for each in found] == pytest.approx(sorted(cosines.values(), reverse=True)[:5], abs=1e-4)


def test_who_may_only_read_can_search(
    secured: Any, model: str, documents: list[Document], store_of: Any, index: str
) -> None:
    """The mapping is not for such a user to see: inner products are taken for granted."""
    from haystack_integrations.document_stores.elasticsearch import ElasticsearchDocumentStore

    account: dict[str, Any] = {"basic_auth": (secured.user, secured.password)}
    create_elasticsearch_index(secured.url, index, embedding_dim=32, **account)
    with Elasticsearch(secured.url, **account) as admin:
        roles = {"reader": {"indices": [{"names": [index], "privileges": ["read"]}]}}
        key = admin.security.create_api_key(name=index, role_descriptors=roles)["encoded"]
        written = ElasticsearchDocumentStore(hosts=secured.url, index=index, **account)
        written.write_documents(documents, refresh=True)
        store = ElasticsearchDocumentStore(hosts=secured.url, index=index, api_key=Secret.from_token(key))
        retriever = ElasticsearchDPRRetriever(store, model, top_k=5)
        found = retriever.run(QUESTION)["documents"]
        assert [each.score for each in found] == pytest.approx(
            list(exact(documents, QUESTION, model).values())[:5], abs=1e-4
        )
        with pytest.raises(InputError, match="basic_auth"):
            ElasticsearchDPRRetriever(written, model).to_dict()
        wrong = ElasticsearchDocumentStore(hosts=secured.url, index=index, basic_auth=("elastic", "wrong-password"))
        with pytest.raises(SearchServerDenied) as denied:
            ElasticsearchDPRRetriever(wrong, model).run(QUESTION)
        assert "wrong-password" not in str(denied.value)
        retriever.close()
        written.close()
        admin.indices.delete(index=index)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"top_k": 0}, "top_k"),
        ({"num_candidates": 0}, "num_candidates must be 1 to 10000"),
        ({"num_candidates": 10_001}, "10001"),
        ({"num_candidates": True}, "True"),
        ({"oversample": 0.5}, "oversample must be 1 to 10"),
        ({"oversample": 11}, "11"),
        ({"filter_policy": "both"}, "both"),
        ({"dtype": "float8"}, "dtype"),
        ({"model": " "}, "model"),
        ({"timeout": 0}, "timeout"),
        ({"retries": -1}, "retries"),
        ({"token": "hf_secret"}, "token must be a Secret"),
    ],
)
def test_settings_that_cannot_be(store_of: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ElasticsearchDPRRetriever(**{"document_store": store_of("none"), "model": "m"} | settings)


def test_questions_that_are_none(retriever_of: Make) -> None:
    retriever = retriever_of()
    for wrong in ("", "  ", None, 7, ["a"]):
        with pytest.raises(InputError):
            retriever.run(wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="must be a list: got a string"):
        retriever.retrieve("abc")
    with pytest.raises(InputError, match="10000"):
        retriever.run(QUESTION, top_k=10_001)
    with pytest.raises(InputError, match="top_k"):
        retriever.run(QUESTION, top_k=-1)
