# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The examples with a chat model, over a small server that answers as OpenAI's interface does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.answering_server import AnsweringServer, answering

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[1] / "examples"
WITHOUT_KEY = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}


def completion(message: dict[str, Any], reason: str = "stop") -> tuple[int, dict[str, Any]]:
    choice = {"index": 0, "finish_reason": reason, "message": {"role": "assistant", **message}}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    return 200, {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
        "usage": usage,
    }


def printed(name: str, server: AnsweringServer) -> list[str]:
    command = [sys.executable, str(EXAMPLES / name), f"{server.url}/v1", "m"]
    done = subprocess.run(command, env=WITHOUT_KEY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def asked(server: AnsweringServer) -> list[dict[str, Any]]:
    return [json.loads(body) for _, body in server.asked]


def test_the_prompt_has_the_passages_that_were_found() -> None:
    answer = completion({"content": "In Ulm [Albert Einstein]."})
    with answering({"/chat/completions": [answer]}) as server:
        lines = printed("rag_pipeline.py", server)
    assert lines[0] == "In Ulm [Albert Einstein]."
    assert lines[1].startswith("from: Albert Einstein, ")
    (request,) = asked(server)
    prompt = request["messages"][-1]["content"]
    assert "[Albert Einstein] Einstein was born in 1879 in Ulm" in prompt
    assert prompt.count("[") == 2
    assert prompt.endswith("Question: Where was Einstein born?")


def test_the_agent_searches_with_the_retriever_and_reads_texts_without_vectors() -> None:
    function = {"name": "search", "arguments": json.dumps({"query": "Einstein's birthplace", "top_k": 1})}
    call = {"content": None, "tool_calls": [{"id": "c1", "type": "function", "function": function}]}
    answers = [completion(call, "tool_calls"), completion({"content": "In Ulm, on the Danube."})]
    with answering({"/chat/completions": answers}) as server:
        assert printed("agent.py", server) == ["searched for: Einstein's birthplace", "In Ulm, on the Danube."]
    first, second = asked(server)
    (tool,) = first["tools"]
    assert tool["function"]["description"].startswith("Finds passages by BM25 and by DPR")
    assert len(tool["function"]["description"]) < 200
    assert set(tool["function"]["parameters"]["properties"]) == {"query", "filters", "top_k"}
    (result,) = (message["content"] for message in second["messages"] if message["role"] == "tool")
    assert result == "[Albert Einstein] Einstein was born in 1879 in Ulm and grew up in Munich."
    assert "embedding" not in json.dumps(second["messages"])
