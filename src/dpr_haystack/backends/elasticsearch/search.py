# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Searching an index in Elasticsearch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from haystack import logging
from haystack.dataclasses import Document
from numpy.typing import NDArray

from dpr_haystack.backends.elasticsearch.connection import ElasticsearchConnection, translated
from dpr_haystack.backends.passage_search import Filters
from dpr_haystack.core.hits import Both, Hits, Ids
from dpr_haystack.core.lazy import Lazy
from dpr_haystack.core.vector_origin import VectorOrigin
from dpr_haystack.engines.elasticsearch.bodies import KeywordSearch
from dpr_haystack.engines.elasticsearch.vectors import DenseSearch, dense_body, similarity_of

if TYPE_CHECKING:
    from haystack_integrations.document_stores.elasticsearch import ElasticsearchDocumentStore

    from dpr_haystack.engines.elasticsearch.bodies import SearchedFields
    from dpr_haystack.engines.elasticsearch.both import Questions
    from dpr_haystack.engines.elasticsearch.index_facts import IndexFacts
    from dpr_haystack.engines.elasticsearch.searching import Hit
    from dpr_haystack.engines.elasticsearch.sending import Steps

logger = logging.getLogger(__name__)

_NOT_TRAINED_FOR = ("cosine", "l2_norm")


class ElasticsearchSearch:
    """A :class:`~dpr_haystack.backends.passage_search.PassageSearch` over the official document store.

    :param document_store: The ``ElasticsearchDocumentStore``.
    :param purpose: What needs it, for the message if the extra is missing.
    :param keyword: How words are searched.
    :param dense: How vectors are searched.
    :param search_type: ``"query_then_fetch"`` or ``"dfs_query_then_fetch"``, for searches by words.
    :param timeout: Seconds for a request; None for the store's own.
    :param retries: How often to repeat a request while the server is busy.
    :raises InputError: If it is another store.
    :raises MissingExtra: If elasticsearch-haystack is not installed.
    """

    def __init__(
        self,
        document_store: ElasticsearchDocumentStore,
        purpose: str,
        *,
        keyword: KeywordSearch | None = None,
        dense: DenseSearch | None = None,
        search_type: str = "query_then_fetch",
        timeout: float | None = None,
        retries: int = 3,
    ) -> None:
        self._connection = ElasticsearchConnection(document_store, purpose, timeout)
        self._keyword = keyword or KeywordSearch()
        self._dense = dense or DenseSearch()
        self._search_type = search_type
        self._retries = retries
        self._facts: Lazy[IndexFacts] = Lazy(self._read_facts)
        self._origin: Lazy[VectorOrigin] = Lazy(self.origin)
        self._searched: SearchedFields | None = None

    @property
    def location(self) -> str:
        """The index by its name, for messages."""
        return f"index {self._connection.index!r}"

    @property
    def directory(self) -> Path | None:
        """None: the index is on a server."""
        return None

    @property
    def recorded_encoder(self) -> Mapping[str, Any] | None:
        """The passage tower that made the vectors, from mapping or documents; read once, until :meth:`close`."""
        return self._facts.get().encoder or self._origin.get().encoder

    def origin(self) -> VectorOrigin:
        """See :meth:`PassageSearch.origin`."""
        from dpr_haystack.engines.elasticsearch.origin import finding_origin

        index, recorded = self._connection.index, self._facts.get().encoder
        return self._connection.carry_out(finding_origin(index, recorded, self._retries))

    def count(self) -> int:
        """How many passages can be found."""
        from dpr_haystack.engines.elasticsearch.documents import counting

        return self._connection.carry_out(counting(self._connection.index, self._retries))

    def has_vectors(self) -> bool:
        """Whether any passage has a vector."""
        from dpr_haystack.engines.elasticsearch.documents import counting

        return self._connection.carry_out(counting(self._connection.index, self._retries, with_vector=True)) > 0

    @contextmanager
    def at_one_moment(self) -> Iterator[ElasticsearchSearch]:
        """This search itself: each request sees the index as it is then."""
        yield self

    def keyword_hits(self, queries: Sequence[str], top_k: int, filters: Filters | None) -> list[Hits]:
        """See :meth:`PassageSearch.keyword_hits`; up to 64 questions in a request."""
        steps = self._by_words(queries, top_k, filters, excludes=None)
        return [_hits(hits) for hits in self._connection.carry_out(steps)]

    def keyword_documents(self, queries: Sequence[str], top_k: int, filters: Filters | None) -> list[list[Document]]:
        """The documents with the highest BM25 scores, without vectors; up to 64 questions in a request.

        :param queries: The questions.
        :param top_k: How many documents for each.
        :param filters: A Haystack filter; None for all documents.
        :returns: Documents for each question, best first.
        """
        steps = self._by_words(queries, top_k, filters, self._connection.vector_fields)
        return self._documents(self._connection.carry_out(steps))

    async def keyword_documents_async(
        self, queries: Sequence[str], top_k: int, filters: Filters | None
    ) -> list[list[Document]]:
        """See :meth:`keyword_documents`; does not block the event loop."""
        steps = self._by_words(queries, top_k, filters, self._connection.vector_fields)
        return self._documents(await self._connection.carry_out_async(steps))

    def dense_documents(
        self, embeddings: NDArray[np.float32], top_k: int, filters: Filters | None
    ) -> list[list[Document]]:
        """The documents most similar to each vector, without vectors; up to 64 questions in a request.

        :param embeddings: Vectors of the questions, shape (questions, dim).
        :param top_k: How many documents for each.
        :param filters: A Haystack filter; None for all documents.
        :returns: Documents for each question with their similarities, best first.
        """
        kind = self._similarity_for(embeddings)
        steps = self._by_vector(embeddings, top_k, filters, self._connection.vector_fields)
        return self._documents(self._connection.carry_out(steps), kind)

    async def dense_documents_async(
        self, embeddings: NDArray[np.float32], top_k: int, filters: Filters | None
    ) -> list[list[Document]]:
        """See :meth:`dense_documents`; blocks the event loop only at the first use, to read the mapping."""
        kind = self._similarity_for(embeddings)
        steps = self._by_vector(embeddings, top_k, filters, self._connection.vector_fields)
        return self._documents(await self._connection.carry_out_async(steps), kind)

    def dense_hits(self, embeddings: NDArray[np.float32], top_k: int, filters: Filters | None) -> list[Hits]:
        """See :meth:`PassageSearch.dense_hits`; up to 64 questions in a request."""
        kind = self._similarity_for(embeddings)
        results = self._connection.carry_out(self._by_vector(embeddings, top_k, filters, excludes=None))
        return [_hits(hits, kind) for hits in results]

    def both_hits(
        self, queries: Sequence[str], embeddings: NDArray[np.float32], top_k: int, filters: Filters | None
    ) -> list[Both]:
        """See :meth:`PassageSearch.both_hits`; both searches of a question travel in one request."""
        from dpr_haystack.engines.elasticsearch.both import finding_both

        kind = self._similarity_for(embeddings)
        questions, ids_only = self._asked(queries, embeddings), replace(self._dense, excludes=None)
        results = self._connection.carry_out(finding_both(questions, ids_only, translated(filters), top_k))
        return [Both(_hits(by_words), _hits(by_vector, kind)) for by_words, by_vector in results]

    def scores(self, queries: Sequence[str], embeddings: NDArray[np.float32], wanted: Sequence[Ids]) -> list[Both]:
        """See :meth:`PassageSearch.scores`; the server scores the passages as its searches do."""
        from dpr_haystack.engines.elasticsearch.both import scoring_missing

        kind = self._similarity_for(embeddings)
        steps = scoring_missing(
            self._asked(queries, embeddings), [ids.bm25 for ids in wanted], [ids.dpr for ids in wanted]
        )
        results = self._connection.carry_out(steps)
        return [
            Both(_hits(by_words, default=ids.bm25), _hits(by_vector, kind))
            for ids, (by_words, by_vector) in zip(wanted, results, strict=True)
        ]

    def documents(self, ids: Sequence[str]) -> dict[str, Document]:
        """See :meth:`PassageSearch.documents`."""
        from dpr_haystack.engines.elasticsearch.documents import reading_documents

        connection = self._connection
        steps = reading_documents(connection.index, ids, connection.vector_fields, self._retries)
        return {name: connection.document_of(hit) for name, hit in connection.carry_out(steps).items()}

    def close(self) -> None:
        """Close the connection; the next use opens another and reads the mapping again."""
        self._facts.close()
        self._origin.close()
        self._searched = None
        self._connection.close()

    async def close_async(self) -> None:
        """Close the asynchronous connection; the next use opens another."""
        await self._connection.close_async()

    def _by_vector(
        self, embeddings: NDArray[np.float32], top_k: int, filters: Filters | None, excludes: tuple[str, ...] | None
    ) -> Steps[list[list[Hit]]]:
        from dpr_haystack.engines.elasticsearch.searching import searching

        clauses = translated(filters)
        if top_k == 0:
            return [[] for _ in embeddings]
        search = replace(self._dense, excludes=excludes)
        bodies = [dense_body(vector, search, clauses, top_k) for vector in embeddings.tolist()]
        return (yield from searching(self._connection.index, bodies, self._retries))

    def _documents(self, results: list[list[Hit]], kind: str | None = None) -> list[list[Document]]:
        return [[self._document(hit, kind) for hit in hits] for hits in results]

    def _document(self, hit: Hit, kind: str | None) -> Document:
        score = hit["_score"] if kind is None else similarity_of(hit["_score"], kind)
        return self._connection.document_of({**hit, "_score": score})

    def _by_words(
        self, queries: Sequence[str], top_k: int, filters: Filters | None, excludes: tuple[str, ...] | None
    ) -> Steps[list[list[Hit]]]:
        from dpr_haystack.engines.elasticsearch.bm25 import keyword_bodies
        from dpr_haystack.engines.elasticsearch.searching import searching

        clauses = translated(filters)
        if top_k == 0 or not queries:
            return [[] for _ in queries]
        index, search = self._connection.index, replace(self._keyword, excludes=excludes)
        fields = yield from self._fields()
        bodies = yield from keyword_bodies(index, search, fields, queries, clauses, top_k, self._retries)
        return (yield from searching(index, bodies, self._retries, search_type=self._search_type))

    def _fields(self) -> Steps[SearchedFields]:
        from dpr_haystack.engines.elasticsearch.bm25 import finding_fields

        if self._searched is None:
            self._searched = yield from finding_fields(self._connection.index, self._keyword, self._retries)
        return self._searched

    def _asked(self, queries: Sequence[str], embeddings: NDArray[np.float32]) -> Questions:
        from dpr_haystack.engines.elasticsearch.both import Questions

        vectors: list[list[float]] = embeddings.tolist()
        fields = self._connection.carry_out(self._fields())
        return Questions(self._connection.index, fields, queries, vectors, self._retries)

    def _similarity_for(self, embeddings: NDArray[np.float32]) -> str:
        """How the index compares vectors; refuses vectors of another length."""
        facts = self._facts.get()
        facts.check_dimension(embeddings.shape[1], self._connection.index)
        return facts.similarity

    def _read_facts(self) -> IndexFacts:
        from dpr_haystack.engines.elasticsearch.index_facts import reading_facts

        facts = self._connection.carry_out(reading_facts(self._connection.index, self._retries))
        if facts.similarity in _NOT_TRAINED_FOR:
            logger.warning(
                "{index} compares vectors by {similarity}, but DPR is trained for inner products. Create an index for "
                "inner products with create_elasticsearch_index or dpr-haystack es-init.",
                index=self.location,
                similarity=facts.similarity,
            )
        return facts


def _hits(found: Iterable[Hit], similarity: str | None = None, default: Sequence[str] = ()) -> Hits:
    """Ids and scores of hits, for dense hits similarities; ids in ``default`` without a hit score 0."""
    scores = dict.fromkeys(default, 0.0)
    for hit in found:
        scores[hit["_id"]] = hit["_score"] if similarity is None else similarity_of(hit["_score"], similarity)
    return Hits(list(scores), list(scores.values()))
