# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Searching the passages of our own store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from haystack.dataclasses import Document
from numpy.typing import NDArray

from dpr_haystack.backends.passage_search import Filters
from dpr_haystack.components.document_store import FAISSDocumentStore
from dpr_haystack.core.hits import Both, Hits, Ids

_HAS_VECTOR = {"field": "embedding", "operator": "!=", "value": None}


class LocalSearch:
    """A :class:`~dpr_haystack.backends.passage_search.PassageSearch` over a ``FAISSDocumentStore``.

    :param document_store: The store.
    """

    def __init__(self, document_store: FAISSDocumentStore) -> None:
        self._store = document_store

    @property
    def place(self) -> str:
        """Its directory."""
        return str(self._store.directory)

    @property
    def directory(self) -> Path | None:
        """Its directory, once it is known."""
        return self._store.directory

    @property
    def recorded_encoder(self) -> Mapping[str, Any] | None:
        """Which passage tower made the vectors, by the store's manifest."""
        return self._store.recorded_encoder

    def count(self) -> int:
        """How many passages there are."""
        return self._store.count_documents()

    def has_vectors(self) -> bool:
        """Whether any passage has a vector."""
        return self._store.count_documents_by_filter(_HAS_VECTOR) > 0

    def keyword_hits(self, queries: Sequence[str], top_k: int, filters: Filters | None) -> list[Hits]:
        """The passages with the highest BM25 scores for each question."""
        search = self._store.searching()
        return [search.keyword_hits(query, top_k, filters) for query in queries]

    def dense_hits(self, embeddings: NDArray[np.float32], top_k: int, filters: Filters | None) -> list[Hits]:
        """The passages most similar to each vector, in one search for all."""
        return self._store.searching().dense_hits(embeddings, top_k, filters)

    def both_hits(
        self, queries: Sequence[str], embeddings: NDArray[np.float32], top_k: int, filters: Filters | None
    ) -> list[Both]:
        """Found one after the other: dense in one search for all questions."""
        dense = self.dense_hits(embeddings, top_k, filters)
        return [Both(*pair) for pair in zip(self.keyword_hits(queries, top_k, filters), dense, strict=True)]

    def scores(
        self, queries: Sequence[str], embeddings: NDArray[np.float32], wanted: Sequence[Ids]
    ) -> list[tuple[dict[str, float], dict[str, float]]]:
        """Vectors and keyword index are there: both are computed."""
        search = self._store.searching()
        return [
            (search.keyword_scores(query, ids.bm25), search.dense_scores(embedding, ids.dpr))
            for query, embedding, ids in zip(queries, embeddings, wanted, strict=True)
        ]

    def documents(self, ids: Sequence[str]) -> dict[str, Document]:
        """Documents by their ids, without vectors."""
        found = self._store.searching().documents(list(ids), dict.fromkeys(ids, 0.0))
        return {document.id: document for document in found}

    def refuse_to_write_secrets(self) -> None:
        """It has none."""

    def close(self) -> None:
        """Let go of the store's files."""
        self._store.close()
