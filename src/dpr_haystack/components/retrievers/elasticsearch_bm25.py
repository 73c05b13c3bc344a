# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""BM25 over the official Elasticsearch document store."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from haystack import component, default_to_dict
from haystack.dataclasses import Document
from haystack.document_stores.types import FilterPolicy

from dpr_haystack.backends.elasticsearch.connection import check_patience, check_serializable
from dpr_haystack.backends.elasticsearch.search import ElasticsearchSearch
from dpr_haystack.components.retrievers.common import RetrieverBasics
from dpr_haystack.engines.elasticsearch.bodies import KeywordSearch
from dpr_haystack.errors import InputError

if TYPE_CHECKING:
    from haystack_integrations.document_stores.elasticsearch import ElasticsearchDocumentStore


# As the official retriever scales: a score of 8 becomes 0.73.
_SCALE = 8.0


@component
class ElasticsearchBM25Retriever(RetrieverBasics):
    """BM25 in Elasticsearch.

    A replacement for elasticsearch-haystack's class of the same name, with all of its arguments. Unlike that class it
    searches contents and titles instead of all fields, has no fuzziness by default, returns no vectors, and never
    creates a missing index. :func:`~dpr_haystack.create_elasticsearch_index` creates a suitable one.

    :param document_store: The ``ElasticsearchDocumentStore`` of elasticsearch-haystack.
    :param filters: A Haystack filter for every run.
    :param fuzziness: Edit distance up to which words match: 0, 1, 2 or ``"AUTO"``; None for exact matches.
    :param top_k: How many documents to return, at most 10,000 unless the index allows more.
    :param scale_score: Map scores to 0..1 with the logistic function of score / 8.
    :param filter_policy: REPLACE: a run's own filter is used instead. MERGE: a document must match both.
    :param fields: Fields with boosts: ``["content", "title^0.3"]`` or ``{"content": 1, "title": 0.3}``. The score is
        the sum over all fields. None for these two, or for contents only if titles are not analysed.
    :param operator: "OR": any word may match. "AND": a field must contain all words.
    :param minimum_should_match: How many words a field must contain, e.g. ``2`` or ``"75%"``.
    :param search_type: "dfs_query_then_fetch" makes scores of several shards comparable, at the cost of a round trip
        inside the cluster.
    :param timeout: Seconds for a request; None for the store's setting.
    :param retries: How often to repeat a request, with growing pauses, while the server is busy or unreachable.
    :param highlight: Put the matching fragments of each field into ``meta["highlights"]``.
    :param min_top_k: The lowest number of documents that a run asks for, for pipelines in which a later component
        selects from them: ``pipeline.run({"query": ..., "top_k": 3})`` gives ``top_k`` to every component.
    :raises ValueError: If the store is of another class, or a setting is unknown or out of range.
    :raises MissingExtra: If elasticsearch-haystack is not installed.
    """

    __module__ = "haystack_integrations.components.retrievers.dpr_elasticsearch"

    def __init__(
        self,
        *,
        document_store: ElasticsearchDocumentStore,
        filters: dict[str, Any] | None = None,
        fuzziness: str | int | None = None,
        top_k: int = 10,
        scale_score: bool = False,
        filter_policy: str | FilterPolicy = FilterPolicy.REPLACE,
        fields: Sequence[str] | Mapping[str, float] | None = None,
        operator: Literal["OR", "AND"] = "OR",
        minimum_should_match: str | int | None = None,
        search_type: Literal["query_then_fetch", "dfs_query_then_fetch"] = "query_then_fetch",
        timeout: float | None = None,
        retries: int = 3,
        highlight: bool = False,
        min_top_k: int = 0,
    ) -> None:
        self._set_defaults(top_k, min_top_k, filters, filter_policy)
        _check_one_of("operator", operator, ("OR", "AND"))
        _check_one_of("search_type", search_type, ("query_then_fetch", "dfs_query_then_fetch"))
        check_patience(timeout, retries)
        self.document_store = document_store
        self.fuzziness = fuzziness
        self.scale_score = scale_score
        self.fields = _listed(fields)
        self.operator = operator
        self.minimum_should_match = minimum_should_match
        self.search_type = search_type
        self.timeout = timeout
        self.retries = retries
        self.highlight = highlight
        self._search = self._make_search()

    def _make_search(self) -> ElasticsearchSearch:
        keyword = KeywordSearch(
            fields=None if self.fields is None else tuple(self.fields),
            fuzziness=self.fuzziness,
            operator=self.operator,
            minimum_should_match=self.minimum_should_match,
            highlight=self.highlight,
        )
        return ElasticsearchSearch(
            self.document_store,
            "ElasticsearchBM25Retriever",
            keyword=keyword,
            search_type=self.search_type,
            timeout=self.timeout,
            retries=self.retries,
        )

    def to_dict(self) -> dict[str, Any]:
        """Serialise the settings.

        :raises ValueError: If the store has a password in plain text.
        """
        check_serializable(self.document_store)
        return default_to_dict(
            self,
            document_store=self.document_store,
            **self._parameters(),
            fuzziness=self.fuzziness,
            scale_score=self.scale_score,
            fields=self.fields,
            operator=self.operator,
            minimum_should_match=self.minimum_should_match,
            search_type=self.search_type,
            timeout=self.timeout,
            retries=self.retries,
            highlight=self.highlight,
        )

    @component.output_types(documents=list[Document])
    def run(
        self, query: str, filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> dict[str, list[Document]]:
        """Retrieve documents for one question.

        :param query: The question; no character has a special meaning. If it has more than 400 words, the
            rarest 400 are searched, each once.
        :param filters: A filter for this run, see ``filter_policy``.
        :param top_k: Overrides the constructor's; 0 returns nothing.
        :returns: ``documents``: best first, with BM25 scores, without embeddings; fewer than ``top_k`` if fewer match.
        :raises ValueError: If the question is empty or not a string, or ``top_k`` is negative.
        :raises FilterError: If the filter is not valid.
        :raises SearchServerError: If the server fails; see its subclasses.
        """
        return {"documents": self.retrieve([query], filters, top_k)[0]}

    @component.output_types(documents=list[Document])
    async def run_async(
        self, query: str, filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> dict[str, list[Document]]:
        """See :meth:`run`; does not block the event loop."""
        _check_questions([query])
        documents = await self._search.keyword_documents_async([query], *self._chosen(top_k, filters))
        return {"documents": self._scaled(documents)[0]}

    def retrieve(
        self, queries: Sequence[str], filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> list[list[Document]]:
        """:meth:`run` for many questions, up to 64 per request.

        :param queries: The questions.
        :param filters: A filter for this run, see ``filter_policy``.
        :param top_k: Overrides the constructor's; 0 returns nothing.
        :returns: Documents for each question, best first.
        :raises ValueError: Also if ``queries`` is a string instead of a list.
        """
        _check_questions(queries)
        return self._scaled(self._search.keyword_documents(queries, *self._chosen(top_k, filters)))

    def close(self) -> None:
        """Close the connections; the next use opens others."""
        self._search.close()
        self.document_store.close()

    async def close_async(self) -> None:
        """Close the asynchronous connections; the next use opens others."""
        await self._search.close_async()
        await self.document_store.close_async()

    def _scaled(self, documents: list[list[Document]]) -> list[list[Document]]:
        if not self.scale_score:
            return documents
        return [[replace(document, score=_scaled(document.score or 0.0)) for document in row] for row in documents]


def _scaled(score: float) -> float:
    return 1.0 / (1.0 + math.exp(-score / _SCALE))


def _check_questions(queries: Sequence[str]) -> None:
    if isinstance(queries, str):
        msg = "queries must be a list of questions: got a string; call run(query=...) for a single question"
        raise InputError(msg)
    for query in queries:
        if not isinstance(query, str):
            msg = f"a question must be a string: got {type(query).__name__}"
            raise InputError(msg)
        if not query.strip():
            msg = "the question is empty"
            raise InputError(msg)


def _check_one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        msg = f"{name} must be one of {', '.join(known)}: got {value!r}"
        raise InputError(msg)


def _listed(fields: Sequence[str] | Mapping[str, float] | None) -> list[str] | None:
    """Fields with boosts in Elasticsearch's notation, ``name^boost``."""
    if fields is None:
        return None
    if isinstance(fields, Mapping):
        fields = [f"{name}^{boost}" for name, boost in fields.items()]
    if isinstance(fields, str) or not fields:
        msg = f"fields must be a list of field names such as ['content', 'title^0.3']: got {fields!r}"
        raise InputError(msg)
    for field in fields:
        _check_field(field)
    return list(fields)


def _check_field(field: str) -> None:
    name, hat, boost = field.partition("^") if isinstance(field, str) else ("", "", "")
    try:
        number = float(boost) if hat else 1.0
    except ValueError:
        number = -1.0
    if not name or not (math.isfinite(number) and number >= 0):
        msg = f"a field must be a name, optionally with a boost of at least 0 as in title^0.3: got {field!r}"
        raise InputError(msg)
