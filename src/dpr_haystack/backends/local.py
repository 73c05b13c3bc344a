# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Passages in the embedded store: searching and writing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from haystack.dataclasses import Document
from haystack.document_stores.types import DuplicatePolicy
from numpy.typing import NDArray

from dpr_haystack.backends.passage_search import Filters
from dpr_haystack.backends.passage_writer import NotWritten
from dpr_haystack.core.hits import Both, Hits, Ids, Kept
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.core.vector_origin import VectorOrigin
from dpr_haystack.store.handle import StoreHandle
from dpr_haystack.store.search import StoreSearch


class LocalSearch:
    """A :class:`~dpr_haystack.backends.passage_search.PassageSearch` over a ``FAISSDocumentStore``.

    :param store: The store.
    :param moment: Searches of one moment of the store; None to search it as it is at each call.
    """

    def __init__(self, store: StoreHandle, moment: StoreSearch | None = None) -> None:
        self._store = store
        self._moment = moment

    @property
    def location(self) -> str:
        """The store's directory, for messages."""
        return str(self._store.directory)

    @property
    def directory(self) -> Path | None:
        """The store's directory; None for a temporary store that was not used yet."""
        return self._store.directory

    @property
    def recorded_encoder(self) -> Mapping[str, Any] | None:
        """The passage tower that made the vectors, from the store's manifest."""
        return self._store.recorded_encoder

    def origin(self) -> VectorOrigin:
        """See :meth:`PassageSearch.origin`."""
        return self._store.origin()

    def count(self) -> int:
        """How many passages there are."""
        return self._searching().count()

    def has_vectors(self) -> bool:
        """Whether any passage has a vector."""
        return self._searching().has_vectors()

    @contextmanager
    def at_one_moment(self) -> Iterator[LocalSearch]:
        """Searches that all see the same passages, whatever is written or deleted while the block runs."""
        with self._searching().at_one_moment() as moment:
            yield LocalSearch(self._store, moment)

    def keyword_hits(self, queries: Sequence[str], top_k: int, filters: Filters | None) -> list[Hits]:
        """See :meth:`PassageSearch.keyword_hits`; one search for each question."""
        search = self._searching()
        return [search.keyword_hits(query, top_k, filters) for query in queries]

    def dense_hits(self, embeddings: NDArray[np.float32], top_k: int, filters: Filters | None) -> list[Hits]:
        """See :meth:`PassageSearch.dense_hits`; one search for all questions."""
        return self._searching().dense_hits(embeddings, top_k, filters)

    def both_hits(
        self, queries: Sequence[str], embeddings: NDArray[np.float32], top_k: int, filters: Filters | None
    ) -> list[Both]:
        """See :meth:`PassageSearch.both_hits`; both searches see the same moment."""
        with self.at_one_moment() as search:
            dense = search.dense_hits(embeddings, top_k, filters)
            keyword = search.keyword_hits(queries, top_k, filters)
        return [Both(*pair) for pair in zip(keyword, dense, strict=True)]

    def scores(self, queries: Sequence[str], embeddings: NDArray[np.float32], wanted: Sequence[Ids]) -> list[Both]:
        """See :meth:`PassageSearch.scores`; computed with the raw vectors and the keyword index."""
        search = self._searching()
        return [
            Both(_hits(search.keyword_scores(query, ids.bm25)), _hits(search.dense_scores(embedding, ids.dpr)))
            for query, embedding, ids in zip(queries, embeddings, wanted, strict=True)
        ]

    def documents(self, ids: Sequence[str]) -> dict[str, Document]:
        """See :meth:`PassageSearch.documents`."""
        return self._searching().documents(ids)

    def close(self) -> None:
        """Close the store's files."""
        self._store.close()

    def _searching(self) -> StoreSearch:
        return self._moment or self._store.searching()


class LocalWriter:
    """A :class:`~dpr_haystack.backends.passage_writer.PassageWriter` to a ``FAISSDocumentStore``.

    What was written is durable when :meth:`write` returns.

    :param store: The store.
    """

    def __init__(self, store: StoreHandle) -> None:
        self._store = store
        self._reembeddings: int | None = None

    @property
    def location(self) -> str:
        """The store's directory, for messages."""
        return str(self._store.directory)

    @property
    def base(self) -> Path | None:
        """The folder that the store's directory is in; None for a temporary store."""
        return None if self._store.index_path is None else (self._store.directory or Path()).resolve().parent

    @property
    def similarity(self) -> Similarity:
        """How vectors are compared in the store, or will be once it exists."""
        return self._store.settings().similarity

    def is_there(self) -> bool:
        """Whether the directory holds a store, or files to import; a temporary store always exists."""
        return self._store.exists()

    @property
    def recorded_encoder(self) -> Mapping[str, Any] | None:
        """The passage tower that made the vectors, from the store's manifest; None also if there is no store yet."""
        if not self.is_there():
            return None
        self._count_reembeddings()
        return self._store.recorded_encoder

    def origin(self) -> VectorOrigin:
        """See :meth:`PassageWriter.origin`."""
        self._count_reembeddings()
        return self._store.origin()

    def record_encoder(self, record: Mapping[str, Any]) -> None:
        """See :meth:`PassageWriter.record_encoder`; says nothing about vectors of unknown origin."""
        self._store.opened().record(encoder=dict(record))

    def prepare(self, record: Mapping[str, Any], dimension: int) -> None:  # noqa: ARG002
        """Create the store; the first write records the tower, together with its vectors.

        :param record: Has no effect: documents say it themselves.
        :param dimension: Has no effect: the first write decides it.
        """
        self._store.opened(create=True)

    def kept(self, ids: Sequence[str]) -> dict[str, Kept]:
        """See :meth:`PassageWriter.kept`; nothing if there is no store yet."""
        if not self.is_there():
            return {}
        self._count_reembeddings()
        return self._store.searching().kept(list(ids))

    def vectors(self, ids: Sequence[str]) -> dict[str, Any]:
        """See :meth:`PassageWriter.vectors`."""
        documents = self._store.searching().documents(ids, with_vectors=True)
        return {name: document.embedding for name, document in documents.items()}

    def write(self, documents: Sequence[Document]) -> None:
        """See :meth:`PassageWriter.write`; durable at once, refused if the store was re-embedded meanwhile."""
        self._count_reembeddings()
        self._store.write_unless_reembedded(list(documents), DuplicatePolicy.OVERWRITE, self._reembeddings or 0)

    def metas(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Id and metadata of every document."""
        yield from self._store.searching().metas()

    def from_files(self, files: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        """See :meth:`PassageWriter.from_files`."""
        yield from self._store.searching().metas_from_files(files)

    def delete(self, ids: Sequence[str]) -> None:
        """See :meth:`PassageWriter.delete`."""
        self._store.writer().delete(list(ids))

    def count(self) -> int:
        """How many documents there are."""
        return self._store.searching().count()

    def settle(self) -> list[NotWritten]:
        """Update the derived indexes; nothing is refused after a write."""
        self._store.catch_up()
        return []

    def close(self) -> None:
        """Nothing: whoever opened the store closes it."""

    def _count_reembeddings(self) -> None:
        if self._reembeddings is None and self.is_there():
            self._reembeddings = self._store.reembedding_count()


def _hits(scores: Mapping[str, float]) -> Hits:
    return Hits(list(scores), list(scores.values()))
