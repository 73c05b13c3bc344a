# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Searching the passages of an index in Elasticsearch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
    :param purpose: Who needs it, for the message if the extra is missing.
    :param dense: How vectors are searched.
    :param timeout: Seconds for a request; None for the store's own.
    :param retries: How often to ask again while the server is busy.
    :raises InputError: If it is another store.
    :raises MissingExtra: If elasticsearch-haystack is not installed.
    """

    def __init__(
        self,
        document_store: ElasticsearchDocumentStore,
        purpose: str,
        *,
        dense: DenseSearch | None = None,
        timeout: float | None = None,
        retries: int = 3,
    ) -> None:
        self._connection = ElasticsearchConnection(document_store, purpose, timeout)
        self._dense = dense or DenseSearch()
        self._retries = retries
        self._facts: Lazy[IndexFacts] = Lazy(self._read_facts)
        self._searched: Lazy[SearchedFields] = Lazy(self._read_fields)

    @property
    def place(self) -> str:
        """The index, by its name."""
        return f"index {self._connection.index!r}"

    @property
    def directory(self) -> Path | None:
        """None: it is on a server."""
        return None

    @property
    def recorded_encoder(self) -> Mapping[str, Any] | None:
        """Which passage tower made the vectors, by the index's mapping; read once, until :meth:`close`."""
        return self._facts.get().encoder

    def count(self) -> int:
        """How many passages can be found."""
        from dpr_haystack.engines.elasticsearch.documents import counting

        return self._connection.carry_out(counting(self._connection.index, self._retries))

    def has_vectors(self) -> bool:
        """Whether any passage has a vector."""
        from dpr_haystack.engines.elasticsearch.documents import counting

        return self._connection.carry_out(counting(self._connection.index, self._retries, with_vector=True)) > 0

    def keyword_hits(self, queries: Sequence[str], top_k: int, filters: Filters | None) -> list[Hits]:
        """The passages with the highest BM25 scores for each question; up to 64 questions in a request."""
        return [_hits(found) for found in self._connection.carry_out(self._by_words(queries, top_k, filters))]

    def nearest(self, embeddings: NDArray[np.float32], top_k: int, filters: Filters | None) -> list[list[Document]]:
        """The documents most similar to each vector, with their similarities; up to 64 vectors in a request.

        :param embeddings: Shape (questions, dim).
        """
        kind = self._similarity_for(embeddings)
        found = self._connection.carry_out(self._by_vector(embeddings, top_k, filters, self._connection.vector_fields))
        return [[self._document(hit, kind) for hit in hits] for hits in found]

    async def nearest_async(
        self, embeddings: NDArray[np.float32], top_k: int, filters: Filters | None
    ) -> list[list[Document]]:
        """See :meth:`nearest`; does not hold up the event loop once it is known what the index is like."""
        kind = self._similarity_for(embeddings)
        steps = self._by_vector(embeddings, top_k, filters, self._connection.vector_fields)
        found = await self._connection.carry_out_async(steps)
        return [[self._document(hit, kind) for hit in hits] for hits in found]

    def dense_hits(self, embeddings: NDArray[np.float32], top_k: int, filters: Filters | None) -> list[Hits]:
        """The passages most similar to each vector; up to 64 vectors in a request."""
        kind = self._similarity_for(embeddings)
        found = self._connection.carry_out(self._by_vector(embeddings, top_k, filters, excludes=None))
        return [_hits(hits, kind) for hits in found]

    def both_hits(
        self, queries: Sequence[str], embeddings: NDArray[np.float32], top_k: int, filters: Filters | None
    ) -> list[Both]:
        """Both searches of a question travel in one request."""
        from dpr_haystack.engines.elasticsearch.both import finding_both

        kind = self._similarity_for(embeddings)
        asked, ids_only = self._asked(queries, embeddings), replace(self._dense, excludes=None)
        found = self._connection.carry_out(finding_both(asked, ids_only, translated(filters), top_k))
        return [Both(_hits(by_words), _hits(by_vector, kind)) for by_words, by_vector in found]

    def scores(
        self, queries: Sequence[str], embeddings: NDArray[np.float32], wanted: Sequence[Ids]
    ) -> list[tuple[dict[str, float], dict[str, float]]]:
        """The server scores the passages named, as its searches do."""
        from dpr_haystack.engines.elasticsearch.both import scoring_missing

        kind = self._similarity_for(embeddings)
        steps = scoring_missing(
            self._asked(queries, embeddings), [ids.bm25 for ids in wanted], [ids.dpr for ids in wanted]
        )
        found = self._connection.carry_out(steps)
        return [
            (dict.fromkeys(ids.bm25, 0.0) | _hits(by_words).by_id(), _hits(by_vector, kind).by_id())
            for ids, (by_words, by_vector) in zip(wanted, found, strict=True)
        ]

    def documents(self, ids: Sequence[str]) -> dict[str, Document]:
        """Documents by their ids, without vectors."""
        from dpr_haystack.engines.elasticsearch.documents import reading_documents

        connection = self._connection
        steps = reading_documents(connection.index, ids, connection.vector_fields, self._retries)
        return {name: connection.document_of(hit) for name, hit in connection.carry_out(steps).items()}

    def refuse_to_write_secrets(self) -> None:
        """Before the store is serialized.

        :raises InputError: If a password or the like would be written in clear.
        """
        self._connection.refuse_to_write_secrets()

    def close(self) -> None:
        """Close the connection; what was read about the index is read again at the next use."""
        self._facts.close()
        self._searched.close()
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

    def _document(self, hit: Hit, kind: str) -> Document:
        return self._connection.document_of({**hit, "_score": similarity_of(hit["_score"], kind)})

    def _by_words(self, queries: Sequence[str], top_k: int, filters: Filters | None) -> Steps[list[list[Hit]]]:
        from dpr_haystack.engines.elasticsearch.bm25 import keyword_bodies
        from dpr_haystack.engines.elasticsearch.searching import searching

        index, clauses, searched = self._connection.index, translated(filters), self._searched.get()
        search = KeywordSearch(excludes=None)
        bodies = yield from keyword_bodies(index, search, searched, queries, clauses, top_k, self._retries)
        return (yield from searching(index, bodies, self._retries))

    def _asked(self, queries: Sequence[str], embeddings: NDArray[np.float32]) -> Questions:
        from dpr_haystack.engines.elasticsearch.both import Questions

        vectors: list[list[float]] = embeddings.tolist()
        return Questions(self._connection.index, self._searched.get(), queries, vectors, self._retries)

    def _similarity_for(self, embeddings: NDArray[np.float32]) -> str:
        """How the index compares vectors like these.

        :raises InputError: If it has others.
        """
        facts = self._facts.get()
        facts.check_dimension(embeddings.shape[1], self._connection.index)
        return facts.similarity

    def _read_facts(self) -> IndexFacts:
        from dpr_haystack.engines.elasticsearch.index_facts import reading_facts

        facts = self._connection.carry_out(reading_facts(self._connection.index, self._retries))
        if facts.similarity in _NOT_TRAINED_FOR:
            logger.warning(
                "{place} compares vectors by {similarity}, and so are its scores: DPR is trained for inner products, "
                "which an index made by create_elasticsearch_index or dpr-haystack es-init compares by",
                place=self.place,
                similarity=facts.similarity,
            )
        return facts

    def _read_fields(self) -> SearchedFields:
        from dpr_haystack.engines.elasticsearch.bm25 import finding_fields

        return self._connection.carry_out(finding_fields(self._connection.index, KeywordSearch(), self._retries))


def _hits(found: Iterable[Hit], similarity: str | None = None) -> Hits:
    """Ids and scores of hits; of dense ones the similarity behind the score."""
    pairs = [(hit["_id"], hit["_score"]) for hit in found]
    if similarity is not None:
        pairs = [(name, similarity_of(score, similarity)) for name, score in pairs]
    return Hits([name for name, _ in pairs], [score for _, score in pairs])
