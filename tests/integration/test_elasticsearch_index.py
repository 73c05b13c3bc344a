# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""create_elasticsearch_index on a real server: what it makes works with the official store, what differs is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from elasticsearch import Elasticsearch
from haystack import Document
from haystack_integrations.components.retrievers.elasticsearch import (
    ElasticsearchBM25Retriever,
    ElasticsearchEmbeddingRetriever,
)

from dpr_haystack import create_elasticsearch_index
from dpr_haystack.errors import InputError, SearchServerUnavailable
from support.workspace import Ran

pytestmark = pytest.mark.integration

DOCUMENTS = [
    Document(
        id="a", content="Einstein was born in Ulm.", meta={"title": "Albert Einstein", "year": 1879, "lang": "en"}
    ),
    Document(id="b", content="Curie discovered polonium.", meta={"title": "Marie Curie", "year": 1867, "lang": "en"}),
    Document(id="c", content="Bach schrieb Fugen.", meta={"title": "Bach", "date": "1750-07-28", "lang": "de"}),
]


def with_vectors(dimension: int, seed: int = 0) -> tuple[list[Document], np.ndarray]:
    vectors = np.random.default_rng(seed).normal(size=(len(DOCUMENTS), dimension)).astype(np.float32) * 3
    from dataclasses import replace

    return [replace(each, embedding=row.tolist()) for each, row in zip(DOCUMENTS, vectors, strict=True)], vectors


@pytest.mark.each_version
def test_the_index_is_as_it_was_asked_for(elasticsearch_url: str, index: str, client: Elasticsearch) -> None:
    encoder = {"model": "facebook/dpr-ctx_encoder-single-nq-base", "fingerprint": "abc"}
    made = create_elasticsearch_index(
        *(elasticsearch_url, index),
        embedding_dim=64,
        k1=1.1,
        b=0.3,
        index_options="bbq_hnsw",
        shards=2,
        encoder=encoder,
    )
    assert (made.index, made.created) == (index, True)
    assert index in str(made)
    assert "was created" in str(made)
    told = client.indices.get(index=index)[index]
    assert told["mappings"]["_meta"] == {"dpr_haystack": {"format": 1, "encoder": encoder}}
    properties, settings = told["mappings"]["properties"], told["settings"]["index"]
    assert properties["content"] == {"type": "text", "analyzer": "english", "similarity": "bm25"}
    assert properties["title"]["type"] == "keyword"
    assert properties["title"]["fields"]["text"] == properties["content"]
    vector = properties["embedding"]
    assert (vector["dims"], vector["similarity"], vector["index_options"]["type"]) == (
        64,
        "max_inner_product",
        "bbq_hnsw",
    )
    assert {name: str(value) for name, value in settings["similarity"]["bm25"].items()} == {
        "type": "BM25",
        "k1": "1.1",
        "b": "0.3",
    }
    assert (settings["number_of_shards"], settings["number_of_replicas"]) == ("2", "0")


@pytest.mark.each_version
def test_the_official_store_and_its_retrievers_work_with_it(
    elasticsearch_url: str, index: str, store_of: Callable[..., Any]
) -> None:
    create_elasticsearch_index(elasticsearch_url, index, embedding_dim=8)
    store = store_of(index)
    documents, vectors = with_vectors(8)
    assert store.write_documents(documents, refresh=True) == 3
    assert store.count_documents() == 3

    def ids(field: str, operator: str, value: Any) -> list[str]:
        found = store.filter_documents({"field": field, "operator": operator, "value": value})
        return sorted(each.id for each in found)

    assert ids("meta.title", "==", "Albert Einstein") == ["a"]
    assert ids("meta.title", "in", ["Bach", "Marie Curie"]) == ["b", "c"]
    assert ids("meta.year", ">", 1870) == ["a"]
    assert ids("meta.lang", "!=", "en") == ["c"]
    assert ids("meta.date", "<", "1800-01-01") == ["c"]
    assert ids("id", "==", "b") == ["b"]
    found = ElasticsearchBM25Retriever(document_store=store).run("polonium")["documents"]
    assert [each.id for each in found] == ["b"]
    question = vectors[1] - vectors[2]
    found = ElasticsearchEmbeddingRetriever(document_store=store).run(question.tolist())["documents"]
    products = vectors @ question
    assert [each.id for each in found] == [DOCUMENTS[row].id for row in np.argsort(-products)]
    scores = np.sort(products)[::-1]
    assert [each.score for each in found] == pytest.approx(
        [1 + each if each >= 0 else 1 / (1 - each) for each in scores.tolist()], rel=1e-5
    )
    store.delete_documents(["a"], refresh=True)
    assert store.count_documents() == 2


@pytest.mark.each_version
def test_documents_that_would_be_refused_are_stored(
    elasticsearch_url: str, index: str, store_of: Callable[..., Any]
) -> None:
    """Long text, something that is no date where a date was, fields without end: all of it comes back as it was."""
    create_elasticsearch_index(elasticsearch_url, index, embedding_dim=4)
    store = store_of(index)
    metas: list[dict[str, Any]] = [
        {"when": "2020-01-01"},
        {"when": "long ago", "abstract": "ä" * 40_000, "title": "t" * 40_000},
        {f"field {number}": number for number in range(1_200)},
    ]
    written = [Document(id=str(number), content=f"text {number}", meta=meta) for number, meta in enumerate(metas)]
    store.write_documents(written, refresh=True)
    assert sorted((each.id, each.meta) for each in store.filter_documents()) == [
        (each.id, each.meta) for each in written
    ]


@pytest.mark.each_version
def test_an_index_that_fits_stays_as_it_is(
    elasticsearch_url: str, index: str, client: Elasticsearch, store_of: Callable[..., Any]
) -> None:
    encoder = {"model": "m", "fingerprint": "f"}
    create_elasticsearch_index(elasticsearch_url, index, embedding_dim=8, encoder=encoder)
    store_of(index).write_documents(with_vectors(8)[0], refresh=True)
    before = client.indices.get(index=index)[index]
    for asked in ({"shards": 3, "replicas": 1}, {"encoder": encoder}, {"encoder": "m"}):
        again = create_elasticsearch_index([elasticsearch_url], index, embedding_dim=8, **asked)
        assert not again.created
        assert "nothing was changed" in str(again)
    assert client.indices.get(index=index)[index] == before
    client.indices.put_alias(index=index, name=f"{index}-alias")
    assert not create_elasticsearch_index(elasticsearch_url, f"{index}-alias", embedding_dim=8).created
    with pytest.raises(InputError, match=f"{index}' .alias .*dimension of embedding is 8, not 9"):
        create_elasticsearch_index(elasticsearch_url, f"{index}-alias", embedding_dim=9)


DIFFERENT: dict[str, tuple[dict[str, Any], list[str]]] = {
    "dimension": ({"embedding_dim": 9}, ["dimension of embedding is 8, not 9"]),
    "index options": ({"index_options": "flat"}, ["index options of embedding is hnsw, not flat"]),
    "k1": (
        {"k1": 1.2},
        [
            f"similarity of {name} is BM25 with k1 0.9 and b 0.4, not BM25 with k1 1.2 and b 0.4"
            for name in ("content", "title.text")
        ],
    ),
    "b": ({"b": 0.75}, ["b 0.4, not BM25 with k1 0.9 and b 0.75"]),
    "analyzer": ({"analyzer": "german"}, ["analyzer of content is english, not german"]),
    "encoder": ({"encoder": "other"}, ["encoder is {'model': 'm'}, not {'model': 'other'}"]),
    "two at once": ({"embedding_dim": 9, "b": 0.5}, ["dimension of embedding is 8, not 9", "b 0.4, not BM25"]),
}


@pytest.mark.parametrize("case", list(DIFFERENT))
def test_an_index_that_differs_is_refused_with_the_differences(
    case: str, elasticsearch_url: str, index: str, client: Elasticsearch
) -> None:
    create_elasticsearch_index(elasticsearch_url, index, embedding_dim=8, encoder="m")
    before = client.indices.get(index=index)[index]
    asked, expected = DIFFERENT[case]
    with pytest.raises(InputError) as caught:
        create_elasticsearch_index(elasticsearch_url, index, **{"embedding_dim": 8} | asked)
    for phrase in expected:
        assert phrase in str(caught.value)
    assert index in str(caught.value)
    assert client.indices.get(index=index)[index] == before


@pytest.mark.each_version
@pytest.mark.parametrize("dimension", [32, 768])
def test_the_index_of_the_official_store_is_refused(
    elasticsearch_url: str, index: str, client: Elasticsearch, store_of: Callable[..., Any], dimension: int
) -> None:
    """From version 9.1 on, the server's default for 384 dimensions and more is an index of one bit per dimension."""
    version = tuple(map(int, client.info()["version"]["number"].split(".")))
    kind = "bbq_hnsw" if version >= (9, 1) and dimension >= 384 else "int8_hnsw"
    store = store_of(index)
    assert store.count_documents() == 0
    with pytest.raises(InputError, match=f"dimension of embedding is None, not {dimension}"):
        create_elasticsearch_index(elasticsearch_url, index, embedding_dim=dimension)
    store.write_documents(with_vectors(dimension)[0], refresh=True)
    with pytest.raises(InputError) as caught:
        create_elasticsearch_index(elasticsearch_url, index, embedding_dim=dimension, encoder="m")
    for phrase in (
        "analyzer of content is standard, not english",
        "similarity of content is BM25 with k1 1.2 and b 0.75, not BM25 with k1 0.9 and b 0.4",
        "type of title.text is None, not text",
        "similarity of embedding is cosine, not max_inner_product",
        f"index options of embedding is {kind}, not hnsw",
        "encoder is None, not {'model': 'm'}",
    ):
        assert phrase in str(caught.value)
    assert "type of title is" not in str(caught.value)


@pytest.mark.each_version
def test_an_analyzer_that_is_not_there_is_said_with_those_that_are(
    elasticsearch_url: str, index: str, client: Elasticsearch
) -> None:
    with pytest.raises(
        InputError,
        match=r"unknown analyzer 'klingon'; available on this server: standard, .*english, .*german.*'standard'",
    ):
        create_elasticsearch_index(elasticsearch_url, index, analyzer="klingon")
    assert not client.indices.exists(index=index)
    assert create_elasticsearch_index(elasticsearch_url, index, analyzer="french").created


@pytest.mark.parametrize("name", ["UPPER", "_hidden", "a b", "x" * 300])
def test_a_name_that_cannot_be_is_refused(name: str, elasticsearch_url: str) -> None:
    with pytest.raises(InputError, match=r"[Ii]nvalid index name|too long"):
        create_elasticsearch_index(elasticsearch_url, name)


def test_the_command_makes_it_says_so_and_says_when_it_is_there(
    elasticsearch_url: str, index: str, client: Elasticsearch, cli: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ELASTIC_API_KEY", "ELASTIC_USER", "ELASTIC_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    line = ("es-init", elasticsearch_url, "--index", index, "--embedding-dim", 32, "--analyzer", "german", "--k1", 1.5)
    ran = cli(*line)
    assert (ran.code, ran.out, ran.err) == (0, f"index {index!r} was created\n", "")
    told = client.indices.get(index=index)[index]
    assert told["mappings"]["properties"]["embedding"]["dims"] == 32
    assert told["mappings"]["properties"]["content"]["analyzer"] == "german"
    assert float(told["settings"]["index"]["similarity"]["bm25"]["k1"]) == 1.5
    assert cli(*line).out == f"index {index!r} exists and fits: nothing was changed\n"
    refused = cli(*line[:-1], 1.4)
    assert (refused.code, refused.out) == (2, "")
    assert "k1 1.5 and b 0.4, not BM25 with k1 1.4" in refused.err


def test_a_server_that_is_not_there(cli: Callable[..., Ran]) -> None:
    with pytest.raises(SearchServerUnavailable, match=r"http://127\.0\.0\.1:1 cannot be reached"):
        create_elasticsearch_index("http://127.0.0.1:1", "any")
    ran = cli("es-init", "http://127.0.0.1:1")
    assert (ran.code, ran.out) == (1, "")
    assert "cannot be reached" in ran.err
