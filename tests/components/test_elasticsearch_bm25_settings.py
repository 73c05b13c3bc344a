# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""ElasticsearchBM25Retriever without Elasticsearch: its settings, its YAML, and servers that answer amiss."""

from __future__ import annotations

import asyncio
import inspect
import json
import subprocess
import sys
import time
from typing import Any

import pytest
from haystack import Pipeline
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.utils import Secret
from haystack_integrations.components.retrievers.elasticsearch import ElasticsearchBM25Retriever as Official
from haystack_integrations.document_stores.elasticsearch import ElasticsearchDocumentStore

from dpr_haystack import ElasticsearchBM25Retriever
from dpr_haystack.errors import InputError, SearchServerError, SearchServerUnavailable
from support.answering_server import AnsweringServer, answering

CAPS = (200, {"indices": ["i"], "fields": {"content": {"text": {"type": "text"}}}})
HIT = {"_index": "i", "_id": "1", "_score": 2.0, "_source": {"id": "1", "content": "Ulm"}}
FOUND = {"status": 200, "hits": {"hits": [HIT]}}
BUSY = {"error": {"type": "es_rejected_execution_exception", "reason": "queue is full"}, "status": 429}
RED = {"error": {"type": "search_phase_execution_exception", "reason": "all shards failed"}, "status": 503}
OK = (200, {"responses": [FOUND]})


def retriever_of(server: AnsweringServer, **settings: Any) -> ElasticsearchBM25Retriever:
    store = ElasticsearchDocumentStore(hosts=server.url, index="i", api_key=None)
    return ElasticsearchBM25Retriever(document_store=store, **settings)


def searches_of(server: AnsweringServer) -> list[list[Any]]:
    """The questions of each request."""
    bodies = [body for path, body in server.asked if path.endswith("_msearch")]
    lines = [[json.loads(line) for line in body.splitlines()[1::2]] for body in bodies]
    return [[each["query"]["bool"]["must"][0]["multi_match"]["query"] for each in request] for request in lines]


def test_every_argument_of_the_official_retriever_works_in_its_order() -> None:
    theirs = inspect.signature(Official.__init__).parameters
    ours = inspect.signature(ElasticsearchBM25Retriever.__init__).parameters
    assert list(ours)[: len(theirs)] == list(theirs)
    assert {name: each.default for name, each in theirs.items() if name != "fuzziness"} == {
        name: ours[name].default for name in theirs if name != "fuzziness"
    }
    assert ours["fuzziness"].default is None
    assert {each.kind for name, each in ours.items() if name != "self"} == {inspect.Parameter.KEYWORD_ONLY}


def test_yaml_of_the_official_retriever_loads_with_the_type_changed() -> None:
    secret = Secret.from_env_var("ELASTIC_API_KEY", strict=False)
    store = ElasticsearchDocumentStore(hosts="http://localhost:9200", index="i", api_key=secret)
    pipeline = Pipeline()
    filters = {"field": "meta.x", "operator": "==", "value": 1}
    pipeline.add_component(
        "bm25", Official(document_store=store, filters=filters, top_k=3, scale_score=True, filter_policy="merge")
    )
    text = pipeline.dumps().replace(
        "retrievers.elasticsearch.bm25_retriever.Elastic", "retrievers.dpr_elasticsearch.Elastic"
    )
    ours = Pipeline.loads(text).get_component("bm25")
    assert isinstance(ours, ElasticsearchBM25Retriever)
    assert (ours.fuzziness, ours.top_k, ours.scale_score, ours.filters) == ("AUTO", 3, True, filters)
    assert ours.filter_policy.value == "merge"
    assert ours.document_store._index == "i"


def test_settings_survive_yaml() -> None:
    store = ElasticsearchDocumentStore(hosts=["http://localhost:9200"], index="i")
    settings: dict[str, Any] = {
        "fuzziness": 1,
        "fields": ["content^2", "title"],
        "operator": "AND",
        "minimum_should_match": "75%",
        "search_type": "dfs_query_then_fetch",
        "timeout": 2.5,
        "retries": 0,
        "highlight": True,
        "top_k": 7,
    }
    pipeline = Pipeline()
    pipeline.add_component("bm25", ElasticsearchBM25Retriever(document_store=store, **settings))
    again = Pipeline.loads(pipeline.dumps())
    assert again.dumps() == pipeline.dumps()
    assert {name: getattr(again.get_component("bm25"), name) for name in settings} == settings


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"hosts": "http://localhost:9200", "basic_auth": ("elastic", "S3cret!")}, "basic_auth"),
        ({"hosts": "http://localhost:9200", "bearer_auth": "S3cret!"}, "bearer_auth"),
        ({"hosts": "http://elastic:S3cret!@localhost:9200"}, "password in hosts"),
        ({"hosts": ["http://localhost:9200", "http://elastic:S3cret!@localhost:9201"]}, "password in hosts"),
    ],
)
def test_a_password_is_not_written_in_clear(settings: dict[str, Any], word: str) -> None:
    pipeline = Pipeline()
    pipeline.add_component("bm25", ElasticsearchBM25Retriever(document_store=ElasticsearchDocumentStore(**settings)))
    with pytest.raises(InputError, match=word) as caught:
        pipeline.dumps()
    assert "S3cret" not in str(caught.value)
    assert "Secret.from_env_var" in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"document_store": InMemoryDocumentStore()}, "InMemoryDocumentStore"),
        ({"top_k": 0}, "top_k"),
        ({"filter_policy": "sometimes"}, "sometimes"),
        ({"operator": "or"}, "OR, AND"),
        ({"search_type": "scan"}, "scan"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": -1.0}, "timeout"),
        ({"retries": -1}, "retries"),
        ({"retries": 1.5}, "retries"),
        ({"fields": []}, "fields"),
        ({"fields": "content"}, "fields"),
        ({"fields": ["content^x"]}, r"content\^x"),
        ({"fields": ["content^-1"]}, "boost of at least 0"),
        ({"fields": ["^2"]}, r"\^2"),
        ({"fields": [3]}, "3"),
        ({"fields": {"content": float("nan")}}, "nan"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(settings: dict[str, Any], word: str) -> None:
    store = ElasticsearchDocumentStore(hosts="http://localhost:9200")
    with pytest.raises(ValueError, match=word):
        ElasticsearchBM25Retriever(**{"document_store": store} | settings)


def test_a_busy_server_is_asked_again_with_pauses() -> None:
    with answering({"_field_caps": [(429, BUSY), CAPS], "_msearch": [(429, BUSY), (503, RED), OK]}) as server:
        retriever = retriever_of(server, retries=2)
        started = time.monotonic()
        assert [each.content for each in retriever.run("Ulm")["documents"]] == ["Ulm"]
        assert time.monotonic() - started >= 0.1 + 0.1 + 0.2
        assert len(server.asked) == 2 + 3
        retriever.close()


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(("status", "body", "said"), [(429, BUSY, "busy"), (503, RED, "all shards failed")])
def test_a_server_that_stays_busy_or_red_is_said_to_be(status: int, body: Any, said: str, asynchronous: bool) -> None:
    answers: list[Any]
    for answers in ([(status, body)], [(200, {"responses": [{**body, "status": status}]})]):
        with answering({"_field_caps": [CAPS], "_msearch": answers}) as server:
            retriever = retriever_of(server, retries=1)

            async def in_loop(retriever: ElasticsearchBM25Retriever = retriever) -> None:
                try:
                    await retriever.run_async("Ulm")
                finally:
                    await retriever.close_async()

            with pytest.raises(SearchServerUnavailable, match=said) as caught:
                asyncio.run(in_loop()) if asynchronous else retriever.run("Ulm")
            assert caught.value.status == status
            assert len(searches_of(server)) == 2
            retriever.close()


def test_only_the_questions_that_were_too_much_are_asked_again() -> None:
    second = {**HIT, "_id": "2", "_source": {"id": "2", "content": "Bonn"}}
    answers: list[Any] = [
        (200, {"responses": [FOUND, {**BUSY, "status": 429}, FOUND]}),
        (200, {"responses": [{"status": 200, "hits": {"hits": [second]}}]}),
    ]
    with answering({"_field_caps": [CAPS], "_msearch": answers}) as server:
        retriever = retriever_of(server)
        found = retriever.retrieve(["a", "b", "c"])
        assert [[each.id for each in row] for row in found] == [["1"], ["2"], ["1"]]
        assert searches_of(server) == [["a", "b", "c"], ["b"]]
        retriever.close()


def test_one_question_that_fails_for_good_fails_all() -> None:
    broken = {"status": 500, "error": {"type": "null_pointer_exception", "reason": "oops"}}
    with answering({"_field_caps": [CAPS], "_msearch": [(200, {"responses": [FOUND, broken]})]}) as server:
        retriever = retriever_of(server)
        with pytest.raises(SearchServerError, match="500: oops") as caught:
            retriever.retrieve(["a", "b"])
        assert type(caught.value) is SearchServerError
        assert len(searches_of(server)) == 1
        retriever.close()


def test_a_server_that_takes_too_long() -> None:
    with answering({"_field_caps": [CAPS], "_msearch": [0.5]}) as server:
        retriever = retriever_of(server, timeout=0.1, retries=0)
        with pytest.raises(SearchServerUnavailable, match="did not answer in time"):
            retriever.run("Ulm")
        retriever.close()


def test_no_question_asks_for_more_than_its_chunk_may_hold() -> None:
    """Many questions, long ones, and many hits each: requests stay bounded, and every answer finds its question."""

    def requests(questions: list[str], top_k: int) -> list[list[str]]:
        with answering({"_field_caps": [CAPS], "_msearch": [(200, {})]}) as server:

            def answer(path: str, body: bytes, given: Any = server.answer) -> Any:
                status, told = given(path, body)
                if path.endswith("_msearch"):
                    lines = [json.loads(line) for line in body.splitlines()[1::2]]
                    texts = [each["query"]["bool"]["must"][0]["multi_match"]["query"] for each in lines]
                    hits = [{**HIT, "_source": {"id": "1", "content": text}} for text in texts]
                    told = {"responses": [{"status": 200, "hits": {"hits": [hit]}} for hit in hits]}
                return status, told

            server.answer = answer  # type: ignore[method-assign]
            retriever = retriever_of(server, top_k=top_k)
            found = retriever.retrieve(questions)
            assert [row[0].content for row in found] == questions
            retriever.close()
            return searches_of(server)

    numbered = [f"question {number}" for number in range(150)]
    assert [len(each) for each in requests(numbered, 10)] == [64, 64, 22]
    assert max(len(each) for each in requests(numbered[:30], 5_000)) == 4


@pytest.mark.slow
def test_without_the_extra_the_message_names_it() -> None:
    code = """
import importlib.abc, sys
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "elasticsearch" or name.startswith("haystack_integrations.document_stores.elasticsearch"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from dpr_haystack import *
def retriever(): ElasticsearchBM25Retriever(document_store=None)
def index(): create_elasticsearch_index("http://x:1", "i")
for use in (retriever, index):
    try:
        use()
    except ImportError as error:
        print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all(
        line.startswith("MissingExtra ") and "pip install 'elasticsearch-haystack>=7.1'" in line for line in lines
    )
