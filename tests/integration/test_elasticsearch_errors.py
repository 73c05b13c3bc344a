# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What can go wrong, on a real server: each has its error, and no error, log or YAML has a password in it."""

from __future__ import annotations

import asyncio
import base64
import logging
import traceback
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from elasticsearch import Elasticsearch
from haystack import Pipeline
from haystack.utils import Secret
from haystack_integrations.document_stores.elasticsearch import ElasticsearchDocumentStore

from dpr_haystack import ElasticsearchBM25Retriever, create_elasticsearch_index
from dpr_haystack.errors import (
    SearchIndexMissing,
    SearchRequestRefused,
    SearchServerDenied,
    SearchServerError,
    SearchServerUnavailable,
)
from support.workspace import Ran

pytestmark = pytest.mark.integration

WRONG = "Not-The-Password-1"


@pytest.fixture
def admin(secured: Any) -> Iterator[Elasticsearch]:
    with Elasticsearch(secured.url, basic_auth=(secured.user, secured.password)) as client:
        yield client


@pytest.fixture
def secured_index(admin: Elasticsearch) -> Iterator[str]:
    name = f"test-{uuid4().hex}"
    yield name
    admin.options(ignore_status=404).indices.delete(index=name)


@pytest.fixture
def filled(secured: Any, secured_index: str, admin: Elasticsearch) -> str:
    create_elasticsearch_index(secured.url, secured_index, embedding_dim=4, basic_auth=(secured.user, secured.password))
    admin.index(index=secured_index, id="a", document={"id": "a", "content": "Ulm on the Danube"}, refresh=True)
    return secured_index


def key_for(admin: Elasticsearch, index: str, *privileges: str) -> str:
    role = {"index": [{"names": [index], "privileges": list(privileges)}]}
    return str(admin.security.create_api_key(name=uuid4().hex, role_descriptors={"only": role})["encoded"])


def failure_of(store: ElasticsearchDocumentStore, question: str = "Danube", **settings: Any) -> SearchServerError:
    """What both ways of running raise; they must not differ."""
    retriever = ElasticsearchBM25Retriever(document_store=store, **{"retries": 0} | settings)

    async def in_loop() -> None:
        try:
            await retriever.run_async(question)
        finally:
            await retriever.close_async()

    with pytest.raises(SearchServerError) as caught:
        retriever.run(question)
    with pytest.raises(type(caught.value)):
        asyncio.run(in_loop())
    retriever.close()
    return caught.value


@pytest.mark.each_version
def test_a_missing_index_is_an_error_and_stays_missing(
    elasticsearch_url: str, index: str, client: Elasticsearch, store_of: Callable[..., Any]
) -> None:
    failure = failure_of(store_of(index))
    assert type(failure) is SearchIndexMissing
    assert f"no such index [{index}]" in str(failure)
    assert "es-init" in str(failure)
    assert elasticsearch_url in str(failure)
    assert not client.indices.exists(index=index)


def test_an_index_that_goes_away_between_two_questions(
    elasticsearch_url: str, index: str, client: Elasticsearch, store_of: Callable[..., Any]
) -> None:
    create_elasticsearch_index(elasticsearch_url, index)
    retriever = ElasticsearchBM25Retriever(document_store=store_of(index))
    assert retriever.run("Danube") == {"documents": []}
    client.indices.delete(index=index)
    with pytest.raises(SearchIndexMissing):
        retriever.run("Danube")
    retriever.close()


def test_a_server_that_is_down() -> None:
    failure = failure_of(ElasticsearchDocumentStore(hosts="http://127.0.0.1:1"), retries=1)
    assert type(failure) is SearchServerUnavailable
    assert "http://127.0.0.1:1 cannot be reached" in str(failure)


@pytest.mark.each_version
def test_a_request_that_the_server_refuses(elasticsearch_url: str, index: str, store_of: Callable[..., Any]) -> None:
    create_elasticsearch_index(elasticsearch_url, index)
    failure = failure_of(store_of(index), "Danube Ulm", minimum_should_match="many")
    assert type(failure) is SearchRequestRefused
    assert isinstance(failure, ValueError)
    assert "many" in str(failure)


def test_a_cluster_without_all_its_shards(
    elasticsearch_url: str, index: str, client: Elasticsearch, store_of: Callable[..., Any]
) -> None:
    """Its shards may lie on no node: what there is beside them must not pass for everything."""
    lost = f"{index}-lost"
    create_elasticsearch_index(elasticsearch_url, index)
    client.index(index=index, document={"content": "Danube"}, refresh=True)
    client.indices.put_alias(index=index, name=f"{index}-both")
    client.indices.create(
        index=lost,
        aliases={f"{index}-both": {}},
        settings={"index.routing.allocation.require.nowhere": "x"},
        mappings={"properties": {"content": {"type": "text"}}},
        wait_for_active_shards=0,
        timeout="1s",
    )
    try:
        assert client.cluster.health(index=lost)["status"] == "red"
        assert client.search(index=f"{index}-both", query={"match_all": {}})["hits"]["hits"]
        for name in (lost, f"{index}-both"):
            failure = failure_of(store_of(name))
            assert type(failure) is SearchServerUnavailable
            assert failure.status == 503
    finally:
        client.indices.delete(index=lost)


@pytest.mark.parametrize("how", ["basic_auth", "api_key", "nothing"])
def test_wrong_credentials(how: str, secured: Any, secured_index: str, caplog: pytest.LogCaptureFixture) -> None:
    encoded = base64.b64encode(f"some-id:{WRONG}".encode()).decode()
    accounts: dict[str, dict[str, Any]] = {
        "basic_auth": {"basic_auth": (secured.user, WRONG), "api_key": None},
        "api_key": {"api_key": Secret.from_token(encoded)},
        "nothing": {"api_key": None},
    }
    given = accounts[how]
    hidden = (WRONG, encoded, base64.b64encode(f"{secured.user}:{WRONG}".encode()).decode())
    with caplog.at_level(logging.DEBUG):
        failure = failure_of(ElasticsearchDocumentStore(hosts=secured.url, index=secured_index, **given))
    assert type(failure) is SearchServerDenied
    assert failure.status == 401
    assert "missing or wrong" in str(failure)
    said = "".join(traceback.format_exception(failure)) + repr(failure) + caplog.text
    assert not [each for each in hidden if each in said]


def test_credentials_that_are_not_enough(secured: Any, filled: str, admin: Elasticsearch) -> None:
    """A key that may read is enough to search, one for another index is not."""
    enough = Secret.from_token(key_for(admin, filled, "read"))
    store = ElasticsearchDocumentStore(hosts=secured.url, index=filled, api_key=enough)
    retriever = ElasticsearchBM25Retriever(document_store=store)
    assert [each.id for each in retriever.run("Danube")["documents"]] == ["a"]
    assert [each.id for each in retriever.run("Danube " + "unheard " * 500)["documents"]] == ["a"]
    retriever.close()
    other = Secret.from_token(key_for(admin, "another-index", "read"))
    failure = failure_of(ElasticsearchDocumentStore(hosts=secured.url, index=filled, api_key=other))
    assert type(failure) is SearchServerDenied
    assert failure.status == 403
    assert "do not permit this" in str(failure)


def test_the_command_takes_credentials_from_the_environment_and_shows_none(
    secured: Any, secured_index: str, admin: Elasticsearch, cli: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ELASTIC_API_KEY", "ELASTIC_API_KEY_ID", "ELASTIC_USER", "ELASTIC_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    line = ("es-init", secured.url, "--index", secured_index)
    assert "missing or wrong credentials" in cli(*line).err
    monkeypatch.setenv("ELASTIC_USER", secured.user)
    monkeypatch.setenv("ELASTIC_PASSWORD", WRONG)
    ran = cli(*line)
    assert (ran.code, ran.out) == (1, "")
    assert "missing or wrong credentials" in ran.err
    assert WRONG not in ran.err
    monkeypatch.setenv("ELASTIC_PASSWORD", secured.password)
    assert cli(*line).out == f"index {secured_index!r} was created\n"
    monkeypatch.setenv("ELASTIC_API_KEY", key_for(admin, secured_index, "manage"))
    monkeypatch.setenv("ELASTIC_PASSWORD", WRONG)
    assert "nothing was changed" in cli(*line).out
    monkeypatch.setenv("ELASTIC_API_KEY", key_for(admin, "another-index", "manage"))
    ran = cli(*line)
    assert (ran.code, ran.out) == (1, "")
    assert "do not permit this" in ran.err


def test_a_user_who_may_make_an_index_but_not_try_analyzers(
    secured: Any, secured_index: str, admin: Elasticsearch
) -> None:
    from dpr_haystack.errors import InputError

    key = Secret.from_token(key_for(admin, secured_index, "create_index", "view_index_metadata"))
    with pytest.raises(InputError, match="unknown analyzer 'klingon'; available on this server: standard"):
        create_elasticsearch_index(secured.url, secured_index, analyzer="klingon", api_key=key)
    assert create_elasticsearch_index(secured.url, secured_index, api_key=key).created


def test_the_pipeline_that_travels_with_the_package(
    secured: Any, filled: str, admin: Elasticsearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its key comes from the environment and is not in what it writes; address and index are changed as users do."""
    import yaml

    from dpr_haystack.resources import pipelines_directory

    told = yaml.safe_load((pipelines_directory() / "elasticsearch_bm25.yml").read_text())
    settings = told["components"]["bm25"]["init_parameters"]["document_store"]["init_parameters"]
    settings |= {"hosts": secured.url, "index": filled}
    key = key_for(admin, filled, "read")
    monkeypatch.setenv("ELASTIC_API_KEY", key)
    pipeline = Pipeline.loads(yaml.safe_dump(told))
    for _ in range(2):
        found = pipeline.run({"bm25": {"query": "Where is the Danube?"}})["bm25"]["documents"]
        assert [(each.id, each.content) for each in found] == [("a", "Ulm on the Danube")]
        pipeline.close()
        assert key not in pipeline.dumps()
        pipeline = Pipeline.loads(pipeline.dumps())
    monkeypatch.delenv("ELASTIC_API_KEY")
    with pytest.raises(SearchServerDenied):
        Pipeline.loads(pipeline.dumps()).get_component("bm25").run("Danube")
