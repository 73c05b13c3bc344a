# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Dense retrieval for a given question embedding."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
from haystack import component, default_to_dict
from haystack.dataclasses import Document
from haystack.document_stores.types import FilterPolicy
from numpy.typing import ArrayLike

from dpr_haystack.backends.local import LocalSearch
from dpr_haystack.components._recent_vectors import maker_of
from dpr_haystack.components.document_store import FAISSDocumentStore
from dpr_haystack.components.retrievers.common import RetrieverBasics, check_store
from dpr_haystack.components.retrievers.question_tower import QuestionGuard


@component
class FAISSEmbeddingRetriever(RetrieverBasics):
    """Finds the documents of a :class:`FAISSDocumentStore` that are most similar to a question's embedding.

    An embedding that :class:`DPRTextEmbedder` has made in the same process is refused if its question tower is known to
    belong to another passage tower than the store's vectors.

    :param document_store: The store.
    :param filters: A Haystack filter for every run.
    :param top_k: How many documents to return.
    :param filter_policy: REPLACE: a run's own filter is used instead. MERGE: a document must match both.
    :param min_top_k: The lowest number of documents that a run asks for, for pipelines in which a later component
        selects from them: ``pipeline.run({"query": ..., "top_k": 3})`` gives ``top_k`` to every component.
    :raises ValueError: If the store is not a ``FAISSDocumentStore``, ``top_k`` is below 1 or the policy is unknown.
    """

    __module__ = "haystack_integrations.components.retrievers.dpr"

    def __init__(
        self,
        *,
        document_store: FAISSDocumentStore,
        filters: dict[str, Any] | None = None,
        top_k: int = 10,
        filter_policy: str | FilterPolicy = FilterPolicy.REPLACE,
        min_top_k: int = 0,
    ) -> None:
        check_store(document_store)
        self._set_defaults(top_k, min_top_k, filters, filter_policy)
        self.document_store = document_store
        self._question_guard = QuestionGuard(LocalSearch(document_store))

    def to_dict(self) -> dict[str, Any]:
        """Serialise the settings."""
        return default_to_dict(
            self,
            document_store=self.document_store,
            **self._parameters(),
        )

    @component.output_types(documents=list[Document])
    def run(
        self, query_embedding: list[float], filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> dict[str, list[Document]]:
        """Retrieve documents for one question.

        :param query_embedding: The question's embedding, shape (dim,).
        :param filters: A filter for this run, see ``filter_policy``.
        :param top_k: Overrides the constructor's; 0 returns nothing.
        :returns: ``documents``: best first, with scores, without embeddings.
        :raises ValueError: If the embedding has the wrong length or contains NaN, ``top_k`` is negative, or the
            embedding's encoder is known to belong to other vectors.
        :raises FilterError: If the filter is not valid.
        """
        return {"documents": self.retrieve([query_embedding], filters, top_k)[0]}

    @component.output_types(documents=list[Document])
    async def run_async(
        self, query_embedding: list[float], filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> dict[str, list[Document]]:
        """See :meth:`run`; works in a thread."""
        return await asyncio.to_thread(self.run, query_embedding, filters, top_k)

    def retrieve(
        self,
        query_embeddings: ArrayLike | list[Any],
        filters: dict[str, Any] | None = None,
        top_k: int | None = None,
    ) -> list[list[Document]]:
        """:meth:`run` for many questions in one search.

        :param query_embeddings: Shape (questions, dim).
        :param filters: A filter for this run, see ``filter_policy``.
        :param top_k: Overrides the constructor's; 0 returns nothing.
        :returns: Documents for each question, best first.
        """
        count, chosen = self._chosen(top_k, filters)
        found = self.document_store.search_many(query_embeddings, count, chosen)
        self._check_makers(query_embeddings)
        return found

    def _check_makers(self, query_embeddings: ArrayLike | list[Any]) -> None:
        """Refuse vectors that a question embedder of this process has made, if it does not fit the store's."""
        makers = (maker_of(vector) for vector in np.asarray(query_embeddings, dtype=np.float32))
        for maker in {each for each in makers if each is not None}:
            self._question_guard.check(maker, self._question_guard.recorded())

    def close(self) -> None:
        """Close the store's files; the next use opens them again."""
        self.document_store.close()
