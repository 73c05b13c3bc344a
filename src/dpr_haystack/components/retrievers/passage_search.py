# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Searching passages, wherever they are: in our store or in Elasticsearch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

import numpy as np
from haystack.dataclasses import Document
from numpy.typing import NDArray

from dpr_haystack.components.document_store import FAISSDocumentStore
from dpr_haystack.errors import InputError
from dpr_haystack.store.search import Hits

if TYPE_CHECKING:
    from haystack_integrations.document_stores.elasticsearch import ElasticsearchDocumentStore

    AnyStore: TypeAlias = FAISSDocumentStore | ElasticsearchDocumentStore

Filters = dict[str, Any]
_ELASTICSEARCH = "haystack_integrations.document_stores.elasticsearch"


class Both(NamedTuple):
    """What was found for one question by words and by its vector."""

    bm25: Hits
    dpr: Hits


class Ids(NamedTuple):
    """The passages of one question that need a score by words, and those that need one by its vector."""

    bm25: list[str]
    dpr: list[str]


class PassageSearch(Protocol):
    """What can be asked of the place where passages are."""

    @property
    def place(self) -> str:
        """Where it is, for messages."""

    @property
    def directory(self) -> Path | None:
        """The store's directory, if it has one."""

    @property
    def recorded_encoder(self) -> Mapping[str, Any] | None:
        """Which passage tower made the vectors; None if that is not recorded."""

    def count(self) -> int:
        """How many passages there are."""

    def has_vectors(self) -> bool:
        """Whether any passage has a vector."""

    def keyword_hits(self, queries: Sequence[str], top_k: int, filters: Filters | None) -> list[Hits]:
        """The passages with the highest BM25 scores for each question."""

    def both_hits(
        self, queries: Sequence[str], embeddings: NDArray[np.float32], top_k: int, filters: Filters | None
    ) -> list[Both]:
        """For each question the passages with the highest BM25 scores and those most similar to its vector.

        :param embeddings: Shape (questions, dim).
        """

    def scores(
        self, queries: Sequence[str], embeddings: NDArray[np.float32], wanted: Sequence[Ids]
    ) -> list[tuple[dict[str, float], dict[str, float]]]:
        """For each question the BM25 scores and the similarities of given passages.

        A passage without a word of the question has the BM25 score 0; one without a vector has no similarity.
        """

    def documents(self, ids: Sequence[str]) -> dict[str, Document]:
        """Documents by their ids, without vectors; those that are gone are missing."""

    def refuse_to_write_secrets(self) -> None:
        """Before the store is serialized: refuse if a password would be written in clear."""

    def close(self) -> None:
        """Let go of files and connections; the next use opens them again."""


def search_over(document_store: AnyStore, *, purpose: str = "a search", retries: int = 3) -> PassageSearch:
    """The search over a document store: ours, or the official one of Elasticsearch.

    :param document_store: The store.
    :param purpose: Who needs it, for the message if an extra is missing.
    :param retries: How often to ask Elasticsearch again while it is busy.
    :raises InputError: If it is another store.
    """
    if isinstance(document_store, FAISSDocumentStore):
        from dpr_haystack.components.retrievers.local_search import LocalSearch

        return LocalSearch(document_store)
    kind = type(document_store)
    if any(each.__module__.startswith(_ELASTICSEARCH) for each in kind.__mro__):
        from dpr_haystack.components.retrievers.elasticsearch_search import ElasticsearchSearch

        return ElasticsearchSearch(document_store, purpose, retries=retries)
    msg = (
        "document_store must be a FAISSDocumentStore of dpr_haystack or an ElasticsearchDocumentStore of "
        f"elasticsearch-haystack, got {kind.__module__}.{kind.__name__}"
    )
    raise InputError(msg)


def in_order(documents: Mapping[str, Document], hits: Mapping[str, float]) -> list[Document]:
    """The documents of hits with their scores, in the order of the hits; those that are gone are left out."""
    return [replace(documents[name], score=score) for name, score in hits.items() if name in documents]
