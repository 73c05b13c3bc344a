# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""BM25 over the embedded store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from haystack import component, default_to_dict
from haystack.dataclasses import Document
from haystack.document_stores.types import FilterPolicy

from dpr_haystack.components.document_store import FAISSDocumentStore
from dpr_haystack.components.retrievers.common import RetrieverBasics, check_store
from dpr_haystack.errors import InputError


@component
class FAISSBM25Retriever(RetrieverBasics):
    """BM25 over a :class:`FAISSDocumentStore`; no server is needed.

    Content and title are searched, with stemming and stop words of the store's language.

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
        document_store: FAISSDocumentStore,
        *,
        filters: dict[str, Any] | None = None,
        top_k: int = 10,
        filter_policy: str | FilterPolicy = FilterPolicy.REPLACE,
        min_top_k: int = 0,
    ) -> None:
        check_store(document_store)
        self._set_defaults(top_k, min_top_k, filters, filter_policy)
        self.document_store = document_store

    def to_dict(self) -> dict[str, Any]:
        """Serialise the settings."""
        return default_to_dict(
            self,
            document_store=self.document_store,
            **self._parameters(),
        )

    @component.output_types(documents=list[Document])
    def run(
        self, query: str, filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> dict[str, list[Document]]:
        """Retrieve documents for one question.

        :param query: The question; no character has a special meaning.
        :param filters: A filter for this run, see ``filter_policy``.
        :param top_k: Overrides the constructor's; 0 returns nothing.
        :returns: ``documents``: best first, with BM25 scores; fewer than ``top_k`` if fewer share a word with it.
        :raises ValueError: If the question is not a string or ``top_k`` is negative.
        :raises FilterError: If the filter is not valid.
        """
        count, chosen = self._chosen(top_k, filters)
        return {"documents": self.document_store.bm25_retrieval(query, count, chosen)}

    @component.output_types(documents=list[Document])
    async def run_async(
        self, query: str, filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> dict[str, list[Document]]:
        """See :meth:`run`; works in a thread."""
        return await asyncio.to_thread(self.run, query, filters, top_k)

    def retrieve(
        self, queries: Sequence[str], filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> list[list[Document]]:
        """:meth:`run` for many questions.

        :param queries: The questions.
        :param filters: A filter for this run, see ``filter_policy``.
        :param top_k: Overrides the constructor's; 0 returns nothing.
        :returns: Documents for each question, best first.
        :raises ValueError: Also if ``queries`` is a string instead of a list.
        """
        if isinstance(queries, str):
            msg = "queries must be a list of questions: got a string; call run(query=...) for a single question"
            raise InputError(msg)
        return [self.run(query, filters, top_k)["documents"] for query in queries]

    def close(self) -> None:
        """Close the store's files; the next use opens them again."""
        self.document_store.close()
