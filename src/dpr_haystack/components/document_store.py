# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The embedded document store as a Haystack component."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from haystack import default_from_dict, default_to_dict
from haystack.dataclasses import Document
from numpy.typing import ArrayLike

from dpr_haystack.components.document_methods import DocumentMethods
from dpr_haystack.core.checks import check_integer
from dpr_haystack.core.hits import Hits
from dpr_haystack.core.identity import EncoderIdentity, encoder_record
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.engines.ann import check_index_string
from dpr_haystack.engines.keyword import check_language
from dpr_haystack.errors import InputError
from dpr_haystack.store.copies import save_copy
from dpr_haystack.store.faiss_haystack_files import left_by_faiss_haystack, store_directory
from dpr_haystack.store.handle import no_store
from dpr_haystack.store.layout import Layout
from dpr_haystack.store.manifests import manifest_of
from dpr_haystack.store.registry import is_store
from dpr_haystack.store.settings import STORES_OWN


class FAISSDocumentStore(DocumentMethods):
    """Documents, their vectors and a keyword index in one directory, without a server.

    A replacement for faiss-haystack's class of the same name: change the import. Documents are durable when
    ``write_documents`` returns, even if the process is killed afterwards; ``save`` only makes copies. Stores of one
    directory share one engine inside a process. Several processes may use a directory; only one writes at a time.

    Constructing a store touches no file. The directory is opened at the first use, with its own settings where none are
    given. ``write_documents`` and ``delete_all_documents`` create a missing store; all other methods raise an
    error. Copies of this object, also pickled ones, open the same directory.

    :param index_path: The store's directory. None for a temporary directory, deleted together with this object and its
        copies. ``.faiss`` and ``.json`` files of this name, written by faiss-haystack, are imported once.
    :param index_string: ``"Flat"`` for exact search, ``"HNSW32"`` for a graph with 32 links per node; None for that of
        the existing store, or ``"Flat"``.
    :param embedding_dim: Length of the vectors. None for that of the existing store, or of the first vector written.
    :param similarity: ``"dot_product"``, which DPR is trained for, ``"cosine"``, or ``"l2"`` with the score
        ``1 / (1 + squared distance)``. Higher scores are always better. None for that of the existing store, or
        ``"dot_product"``.
    :param return_embedding: Whether search results include embeddings.
    :param encoder: The passage tower that makes the vectors: its name or path, or an embedder's ``identity``. Documents
        from :class:`DPRDocumentEmbedder` say it themselves. It is recorded in the store; vectors of another one are
        refused, and so is a question tower that belongs to another one.
    :param language: Language of the keyword index, for stemming and stop words; None for neither, ``"auto"`` for that
        of the existing store, or English.
    :param index_options: Settings of the index, e.g. ``{"efSearch": 256}`` for HNSW; None for those of the existing
        store if ``index_string`` is None, too, or the defaults.
    :param lock_timeout: Seconds to wait for another process that writes.
    :raises ValueError: If an argument is unknown or out of range.
    """

    __module__ = "haystack_integrations.document_stores.dpr"

    def __init__(
        self,
        index_path: str | None = None,
        index_string: str | None = None,
        embedding_dim: int | None = None,
        *,
        similarity: str | None = None,
        return_embedding: bool = False,
        encoder: str | dict[str, Any] | EncoderIdentity | None = None,
        language: str | None = STORES_OWN,
        index_options: dict[str, int] | None = None,
        lock_timeout: float = 60.0,
    ) -> None:
        super().__init__()
        if embedding_dim is not None:
            check_integer("embedding_dim", embedding_dim)
        if index_string is not None:
            check_index_string(index_string, index_options)
        if language != STORES_OWN:
            check_language(language)
        self.index_path = str(index_path) if index_path is not None else None
        self.index_string = index_string
        self.embedding_dim = embedding_dim
        self.similarity = None if similarity is None else Similarity.parse(similarity)
        self.return_embedding = return_embedding
        self.encoder = encoder if isinstance(encoder, str) else encoder_record(encoder)
        self.language = language
        self.index_options = index_options
        self.lock_timeout = lock_timeout

    @classmethod
    def from_directory(cls, index_path: str | Path, **settings: Any) -> FAISSDocumentStore:
        """Open an existing store with its own settings.

        :param index_path: Its directory.
        :param settings: Arguments of the constructor that override them.
        :returns: The store.
        :raises ValueError: If there is no store.
        """
        root = store_directory(index_path)
        if not is_store(root):
            raise no_store(root)
        manifest = manifest_of(Layout(root))
        recorded = {
            "index_string": manifest.index,
            "embedding_dim": manifest.dimension,
            "similarity": manifest.similarity.value,
            "language": manifest.language,
            # options of one kind of index have no meaning for another
            "index_options": manifest.index_options if "index_string" not in settings else None,
        }
        return cls(str(index_path), **{**recorded, **settings})

    def to_dict(self) -> dict[str, Any]:
        """Serialise the settings."""
        return default_to_dict(
            self,
            index_path=self.index_path,
            index_string=self.index_string,
            embedding_dim=self.embedding_dim,
            similarity=None if self.similarity is None else self.similarity.value,
            return_embedding=self.return_embedding,
            encoder=self.encoder,
            language=self.language,
            index_options=self.index_options,
            lock_timeout=self.lock_timeout,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> FAISSDocumentStore:
        """Create a store from the result of :meth:`to_dict`.

        :param data: The dictionary.
        """
        store: FAISSDocumentStore = default_from_dict(cls, data)
        return store

    def search(
        self,
        query_embedding: ArrayLike,
        top_k: int = 10,
        filters: dict[str, Any] | None = None,
        *,
        return_embedding: bool | None = None,
    ) -> list[Document]:
        """The documents most similar to one vector.

        :param query_embedding: Shape (dim,).
        :param top_k: How many documents; never fewer if enough documents match.
        :param filters: A Haystack filter, applied before the search.
        :param return_embedding: Overrides the store's setting.
        :returns: Copies with their scores, best first.
        :raises ValueError: If the embedding has the wrong length or contains NaN, or ``top_k`` is negative.
        :raises FilterError: If the filter is not valid.
        """
        return self.search_many([query_embedding], top_k, filters, return_embedding=return_embedding)[0]

    def search_many(
        self,
        query_embeddings: ArrayLike | list[ArrayLike],
        top_k: int = 10,
        filters: dict[str, Any] | None = None,
        *,
        return_embedding: bool | None = None,
    ) -> list[list[Document]]:
        """:meth:`search` for many vectors at once.

        :param query_embeddings: Shape (questions, dim).
        :param top_k: How many documents for each.
        :param filters: A Haystack filter, applied before the search.
        :param return_embedding: Overrides the store's setting.
        :returns: Documents for each vector, best first.
        """
        if isinstance(query_embeddings, list) and not query_embeddings:
            return []
        with_vectors = self.return_embedding if return_embedding is None else return_embedding
        return self.searching().dense_documents(query_embeddings, top_k, filters, with_vectors=with_vectors)

    def bm25_retrieval(self, query: str, top_k: int = 10, filters: dict[str, Any] | None = None) -> list[Document]:
        """The documents with the highest BM25 scores for a query, over content and title.

        :param query: Plain words; no character has a special meaning.
        :param top_k: How many documents; fewer if fewer share a word with the query.
        :param filters: A Haystack filter, applied before the search.
        :returns: Copies with their scores, best first.
        :raises ValueError: If ``query`` is not a string or ``top_k`` is negative.
        :raises FilterError: If the filter is not valid.
        """
        if not isinstance(query, str):
            msg = f"query must be a string: got {type(query).__name__}"
            raise InputError(msg)
        return self.searching().keyword_documents(query, top_k, filters, with_vectors=self.return_embedding)

    def dense_hits(self, query_embeddings: ArrayLike, top_k: int, filters: dict[str, Any] | None = None) -> list[Hits]:
        """Like :meth:`search_many`, but returns ids and scores only.

        :param query_embeddings: Shape (questions, dim).
        :param top_k: How many hits for each.
        :param filters: A Haystack filter, applied before the search.
        :returns: Hits for each vector.
        """
        return self.searching().dense_hits(query_embeddings, top_k, filters)

    def save(self, index_path: str | Path) -> None:
        """Write a consistent copy to another directory, while the store is in use.

        :param index_path: The directory of the copy; an existing store there is replaced.
        :raises DocumentStoreError: If something else is there, or the copy cannot be written.
        """
        save_copy(self.opened(), store_directory(index_path))

    def load(self, index_path: str | Path) -> None:
        """Switch to the store of another directory, with its own settings.

        :param index_path: Its directory.
        :raises ValueError: If there is no store.
        """
        root = store_directory(index_path)
        if not is_store(root) and left_by_faiss_haystack(index_path) is None:
            raise no_store(root)
        self.close()
        self.index_path = str(index_path)
        if is_store(root):
            manifest = manifest_of(Layout(root))
            self.index_string, self.embedding_dim = manifest.index, manifest.dimension
            self.similarity, self.language = manifest.similarity, manifest.language
            self.index_options, self.encoder = manifest.index_options, None

    async def close_async(self) -> None:
        """See :meth:`close`."""
        await asyncio.to_thread(self.close)

    async def search_async(
        self, query_embedding: ArrayLike, top_k: int = 10, filters: dict[str, Any] | None = None
    ) -> list[Document]:
        """See :meth:`search`."""
        return await asyncio.to_thread(self.search, query_embedding, top_k, filters)

    async def bm25_retrieval_async(
        self, query: str, top_k: int = 10, filters: dict[str, Any] | None = None
    ) -> list[Document]:
        """See :meth:`bm25_retrieval`."""
        return await asyncio.to_thread(self.bm25_retrieval, query, top_k, filters)
