# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The pipelines behind a real Hayhooks server: every one is deployed, one question is all a search needs."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from dpr_haystack import DPRHybridRetriever, DPRReader, FAISSDocumentStore
from dpr_haystack.pipelines import load_pipeline, pipeline_names
from support.files import ASKED_OF_FOUR, write_four
from support.workspace import Ran

pytestmark = [pytest.mark.integration, pytest.mark.slow]

HAYHOOKS = Path(sys.executable).with_name("hayhooks")
ANSWERING = {"bm25": "bm25", "dpr": "dpr", "hybrid": "hybrid"}
WRAPPERS = ("ask", "search")
PATIENCE = 120.0


class Server:
    """Hayhooks on the loopback interface, in a workspace."""

    def __init__(self, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
        self.port, self.process, self.log = port, process, log

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            data = None if body is None else json.dumps(body)
            headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
            connection.request(method, path, data, headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def remote(self, method: str, parameters: Any) -> Any:
        """The result of a method of MCP."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        status, answer = self.call("POST", "/mcp/", request)
        assert status == 200, answer
        return answer["result"]

    def documents(self, name: str, question: str) -> list[dict[str, Any]]:
        status, answer = self.call("POST", f"/{name}/run", {"query": question})
        assert status == 200, answer
        assert list(answer["result"]) == [ANSWERING[name]]
        return list(answer["result"][ANSWERING[name]]["documents"])


@pytest.fixture(scope="module")
def server(answering_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("served") / "demo"
    shutil.copytree(answering_root, root, ignore=shutil.ignore_patterns("model"))
    (root / "model").symlink_to(answering_root / "model")
    with running(root, root / "hayhooks.log", "run") as server:
        yield server


@contextmanager
def running(root: Path, log: Path, *command: str) -> Iterator[Server]:
    """Hayhooks in a workspace, until the end of the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ours = ("HAYHOOKS_", "HAYSTACK_DESERIALIZATION")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environment |= {"HAYHOOKS_HOST": "127.0.0.1", "HAYHOOKS_PORT": str(port), "HAYHOOKS_PIPELINES_DIR": "pipelines"}
    environment |= {"HAYHOOKS_MCP_HOST": "127.0.0.1", "HAYHOOKS_MCP_PORT": str(port)}
    with log.open("wb") as output:
        process = subprocess.Popen([HAYHOOKS, *command], cwd=root, env=environment, stdout=output, stderr=output)
    server = Server(port, process, log)
    try:
        _wait_for(server)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(server: Server) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert server.process.poll() is None, server.log.read_text()
        try:
            if server.call("GET", "/status")[0] == 200:
                return
        except (OSError, http.client.HTTPException):
            time.sleep(0.2)
    pytest.fail(f"Hayhooks did not start: {server.log.read_text()[-3000:]}")


def test_every_pipeline_is_deployed(server: Server) -> None:
    status, answer = server.call("GET", "/status")
    assert status == 200
    assert sorted(answer["pipelines"]) == sorted([*pipeline_names(), *WRAPPERS])


def test_wrappers_take_top_k_and_filters_and_say_what_is_wrong(server: Server) -> None:
    question = "Who is the bad guy in The Lord of the Rings?"
    expected = [document["id"] for document in server.documents("hybrid", question)]
    for given, ids in (({}, expected), ({"top_k": 3}, expected[:3])):
        status, answer = server.call("POST", "/search/run", {"query": question, **given})
        assert (status, [document["id"] for document in answer["result"]["documents"]]) == (200, ids)
    only = {"field": "meta.title", "operator": "==", "value": "Sauron"}
    status, answer = server.call("POST", "/search/run", {"query": question, "filters": only})
    assert (status, [document["meta"]["title"] for document in answer["result"]["documents"]]) == (200, ["Sauron"])
    for wrong in ({"query": " "}, {"query": "x", "filters": {"a": 1}}, {"query": "x", "top_k": -1}, {"query": 3}, {}):
        for name in WRAPPERS:
            status, answer = server.call("POST", f"/{name}/run", wrong)
            assert status == 422, (name, wrong, answer)
            assert answer["detail"]


def test_ask_answers_over_http_and_in_a_chat(server: Server) -> None:
    question = "Which physicist was born in Ulm?"
    _, expected = server.call("POST", "/hybrid_qa/run", {"query": question})
    status, told = server.call("POST", "/ask/run", {"query": question, "top_k": 1})
    assert status == 200, told
    (answer,) = told["result"]["answers"]
    assert answer["answer"] == expected["result"]["reader"]["answers"][0]["data"]
    assert answer["answer"] in answer["document"]["content"]
    body = {"model": "ask", "messages": [{"role": "user", "content": question}]}
    status, chat = server.call("POST", "/v1/chat/completions", body)
    assert status == 200, chat
    title = answer["document"]["meta"]["title"]
    assert chat["choices"][0]["message"]["content"] == f"{answer['answer']} ({title})"


def test_mcp_offers_the_wrappers_as_tools(answering_root: Path, tmp_path: Path) -> None:
    command = ("mcp", "run", "--pipelines-dir", "pipelines", "--json-response")
    with running(answering_root, tmp_path / "mcp.log", *command) as server:
        listed = server.remote("tools/list", {})["tools"]
        tools = {tool["name"]: tool for tool in listed}
        assert tools["search"]["inputSchema"]["required"] == ["query"]
        assert "passages that answer a question" in tools["search"]["description"]
        assert "quotation" in tools["ask"]["description"]
        arguments = {"query": "who wrote Dune?", "top_k": 1}
        called = server.remote("tools/call", {"name": "search", "arguments": arguments})
        (document,) = json.loads(called["content"][0]["text"])["documents"]
        assert document["meta"]["title"] == "Dune"
        refused = server.remote("tools/call", {"name": "search", "arguments": {"query": " "}})
        assert refused["isError"]
        assert "the question is empty" in refused["content"][0]["text"]


@pytest.mark.parametrize("name", list(ANSWERING))
def test_one_question_is_all_it_needs(server: Server, name: str) -> None:
    documents = server.documents(name, "Where was Albert Einstein born?")
    assert documents[0]["meta"]["title"] == "Albert Einstein"
    assert "Ulm" in documents[0]["content"]
    assert 1 <= len(documents) <= 10
    assert all(not document.get("embedding") for document in documents)
    assert [document["score"] for document in documents] == sorted(
        (document["score"] for document in documents), reverse=True
    )
    assert server.call("POST", f"/{name}/run", {})[0] == 422


@pytest.mark.parametrize("name", list(ANSWERING))
def test_answers_over_http_are_those_of_code_yaml_and_command(
    server: Server, name: str, in_answering: Path, cli: Callable[..., Ran]
) -> None:
    question = "Which physicist was born in Ulm?"
    status, told = server.call("POST", f"/{name}_qa/run", {"query": question})
    assert status == 200, told
    over_http = [(each["data"], each["document_offset"]) for each in told["result"]["reader"]["answers"]]
    scores = [each["score"] for each in told["result"]["reader"]["answers"]]
    pipeline = load_pipeline(f"{name}_qa")
    data = {part: {"query": question} for part in (name, "reader")}
    by_yaml = pipeline.run(data)["reader"]["answers"]
    pipeline.close()
    store = FAISSDocumentStore.from_directory("store")
    hybrid = DPRHybridRetriever(store, "model", top_k=20)
    found = {
        "bm25": lambda: store.bm25_retrieval(question, 20),
        "dpr": lambda: store.search(hybrid.hybrid_search.embed([question])[0], 20),
        "hybrid": lambda: hybrid.run(question)["documents"],
    }[name]()
    by_code = DPRReader("model", top_k=3).run(question, found)["answers"]
    store.close()
    for answers in (by_yaml, by_code):
        assert [(each.data, asdict(each.document_offset)) for each in answers] == over_http
        assert [each.score for each in answers] == pytest.approx(scores, abs=1e-6)
    by_command = json.loads(cli("ask", question, "--store", "store", "--mode", name, "--json").out)["answers"]
    assert [(each["answer"], {"start": each["start"], "end": each["end"]}) for each in by_command] == over_http
    assert [each["score"] for each in by_command] == pytest.approx(scores, abs=1e-6)


def test_many_at_once_get_what_each_alone_gets(server: Server) -> None:
    questions = ["Where was Albert Einstein born?", "What is BWV 988?", "Which metal melts in the hand?"] * 4
    alone = {question: server.documents("hybrid", question) for question in set(questions)}
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda question: server.documents("hybrid", question), questions))
    for question, documents in zip(questions, together, strict=True):
        assert [each["id"] for each in documents] == [each["id"] for each in alone[question]]
        assert [each["score"] for each in documents] == pytest.approx([each["score"] for each in alone[question]])


def test_indexing_takes_sources_and_the_searches_find_them(server: Server, tmp_path: Path) -> None:
    files = [str(path) for path in write_four(tmp_path / "new").values()]
    status, answer = server.call("POST", "/indexing/run", {"sources": files})
    assert status == 200, answer
    assert answer["result"]["writer"]["documents_written"] == 5  # the PDF has two pages
    assert "embedding" not in json.dumps(answer)
    for name in ANSWERING:
        for question, word in ASKED_OF_FOUR.items():
            assert word in server.documents(name, question)[0]["content"]


def test_an_empty_question_is_an_error_and_not_the_end(server: Server) -> None:
    status, _ = server.call("POST", "/dpr/run", {"query": " "})
    assert status >= 400
    assert server.documents("dpr", "What is BWV 988?")
