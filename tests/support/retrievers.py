# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The four retrievers of the embedded store, by their kind, and the input that each takes for a question."""

from __future__ import annotations

from typing import Any

from dpr_haystack import (
    DPRHybridRetriever,
    DPRRetriever,
    DPRTextEmbedder,
    FAISSBM25Retriever,
    FAISSEmbeddingRetriever,
)
from support.stores import MINILM

KINDS = ("embedding", "bm25", "dpr", "hybrid")
QUESTION = "Which river flows through the city of Paris?"


def make_retriever(kind: str, store: Any, **settings: Any) -> Any:
    """A retriever by its kind."""
    if kind == "embedding":
        return FAISSEmbeddingRetriever(document_store=store, **settings)
    if kind == "bm25":
        return FAISSBM25Retriever(store, **settings)
    return {"dpr": DPRRetriever, "hybrid": DPRHybridRetriever}[kind](store, MINILM, dtype="float32", **settings)


class Asking:
    """Turns questions into the inputs of each kind of retriever; one question tower embeds for those that need it."""

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
