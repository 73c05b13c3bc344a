# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The embedded document store's Haystack face."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import threading
import weakref
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from haystack import default_from_dict, default_to_dict
from haystack.dataclasses import Document
from haystack.document_stores.types import DuplicatePolicy
from numpy.typing import ArrayLike

from dpr_haystack.components.document_methods import DocumentMethods
from dpr_haystack.core.exact import SIMILARITIES, Similarity
from dpr_haystack.core.hits import Hits
from dpr_haystack.engines.ann import check_index_string
from dpr_haystack.engines.keyword import check_language
from dpr_haystack.errors import InputError
from dpr_haystack.store.batch import prepare
from dpr_haystack.store.copies import save_copy
from dpr_haystack.store.engine import StoreEngine
from dpr_haystack.store.faiss_haystack_files import announce, left_by_faiss_haystack, read_documents, store_directory
from dpr_haystack.store.layout import Layout, Manifest
from dpr_haystack.store.manifests import as_record, manifest_of
from dpr_haystack.store.reembedding import Reembedding, drop, reembedding
from dpr_haystack.store.registry import acquire, is_store, release, was_written
from dpr_haystack.store.search import StoreSearch
from dpr_haystack.store.writing import StoreWriter


class FAISSDocumentStore(DocumentMethods):
    """Documents, their vectors and a keyword index in one directory, without a server.

    Takes the place of faiss-haystack's class of this name: change the import. What is written is durable when
    ``write_documents`` returns, whatever happens to the process afterwards; ``save`` is only needed for a copy
    somewhere else. Stores of one directory share one engine inside a process, and processes take turns in writing.

    Constructing a store touches no file; that waits for the first use.

    :param index_path: The store's directory, made on first use. None: a temporary one that goes with this object. The
        ``.faiss`` and ``.json`` files that faiss-haystack left under this name are taken over once.
    :param index_string: ``"Flat"`` searches exactly, ``"HNSW32"`` by a graph with 32 links.
    :param embedding_dim: Length of the vectors. None: what the store in ``index_path`` has, else that of the first one.
    :param similarity: ``"dot_product"``, what DPR is trained for, ``"cosine"`` or ``"l2"``, whose score is
        ``1 / (1 + squared distance)``. Scores are always the higher, the better.
    :param return_embedding: Whether documents that are found bring their embeddings.
    :param encoder: The passage tower that makes the vectors, by name or as the record that an embedder's ``identity``
        gives; kept in the store, so that a question tower that does not belong to it is refused.
    :param language: Language of the keyword index's stems and stop words; None for plain words.
    :param index_options: Settings of the index, e.g. ``{"efSearch": 256}`` for HNSW.
    :param lock_timeout: Seconds to wait for another process that writes.
    :raises ValueError: If an argument is not one of those.
    """

    __module__ = "haystack_integrations.document_stores.dpr"

    def __init__(
        self,
        index_path: str | None = None,
        index_string: str = "Flat",
        embedding_dim: int | None = 768,
        *,
        similarity: Similarity = "dot_product",
        return_embedding: bool = False,
        encoder: str | dict[str, Any] | None = None,
        language: str | None = "english",
        index_options: dict[str, int] | None = None,
        lock_timeout: float = 60.0,
    ) -> None:
        if similarity not in SIMILARITIES:
            msg = f"unknown similarity {similarity!r}; known are {', '.join(SIMILARITIES)}"
            raise InputError(msg)
        if embedding_dim is not None and (not isinstance(embedding_dim, int) or embedding_dim < 1):
            msg = f"embedding_dim must be a whole number of at least 1, or None, got {embedding_dim!r}"
            raise InputError(msg)
        check_index_string(index_string, index_options)
        check_language(language)
        self.index_path = str(index_path) if index_path is not None else None
        self.index_string = index_string
        self.embedding_dim = embedding_dim
        self.similarity: Similarity = similarity
        self.return_embedding = return_embedding
        self.encoder = encoder
        self.language = language
        self.index_options = index_options
        self.lock_timeout = lock_timeout
        self._engine: StoreEngine | None = None
        self._release: weakref.finalize[Any, Any] | None = None
        self._temporary: Path | None = None
        self._guard = threading.Lock()

    @classmethod
    def from_directory(cls, index_path: str | Path, **settings: Any) -> FAISSDocumentStore:
        """Open a store with the settings that it was made with.

        :param index_path: Its directory.
        :param settings: Arguments of the constructor that are to differ.
        :raises ValueError: If there is no store.
        """
        root = store_directory(index_path)
        if not is_store(root):
            msg = f"there is no store at {root}; `dpr-haystack index PATHS --store {root}` makes one"
            raise InputError(msg)
        manifest = manifest_of(Layout(root))
        made_with = {
            "index_string": manifest.index,
            "embedding_dim": manifest.dimension,
            "similarity": manifest.similarity,
            "language": manifest.language,
            # settings of one index mean nothing to another
            "index_options": manifest.index_options if "index_string" not in settings else None,
        }
        return cls(str(index_path), **{**made_with, **settings})

    def to_dict(self) -> dict[str, Any]:
        """Serialize the settings."""
        return default_to_dict(
            self,
            index_path=self.index_path,
            index_string=self.index_string,
            embedding_dim=self.embedding_dim,
            similarity=self.similarity,
            return_embedding=self.return_embedding,
            encoder=self.encoder,
            language=self.language,
            index_options=self.index_options,
            lock_timeout=self.lock_timeout,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> FAISSDocumentStore:
        """Make a store from :meth:`to_dict`."""
        store: FAISSDocumentStore = default_from_dict(cls, data)
        return store

    @property
    def directory(self) -> Path | None:
        """Where the store lies; None for a temporary store that was not used yet."""
        if self.index_path is None:
            return self._temporary
        return store_directory(self.index_path)

    @property
    def recorded_encoder(self) -> dict[str, Any] | None:
        """Which passage tower made the vectors, as far as the store knows: ``{"model": ..., "fingerprint": ...}``."""
        return self._opened().described().encoder

    def record_encoder(self, encoder: dict[str, Any] | None) -> None:
        """Say which passage tower made the vectors."""
        self._opened().record(encoder=encoder)

    def reembedding(
        self, encoder: dict[str, Any], dimension: int, *, restart: bool = False
    ) -> AbstractContextManager[Reembedding]:
        """Embed the whole store anew beside the vectors that are there; see :mod:`dpr_haystack.store.reembedding`."""
        return reembedding(self._opened(), encoder, dimension, restart=restart)

    def drop_reembedding(self) -> None:
        """Throw away what an interrupted :meth:`reembedding` has left."""
        drop(self._opened())

    def write_unless_embedded_anew(self, documents: list[Document], policy: DuplicatePolicy, switches: int) -> int:
        """:meth:`write_documents`, refused if all vectors have been replaced by another encoder's meanwhile.

        :param documents: The documents.
        :param policy: What to do about ids that are there.
        :param switches: What :meth:`times_embedded_anew` was when these vectors were made.
        :raises EncoderMismatch: If they have. Nothing is written then.
        """
        return StoreWriter(self._opened()).write(documents, policy, switches)

    def times_embedded_anew(self) -> int:
        """How often ``dpr-haystack reembed`` has replaced all vectors."""
        return self._opened().state().switches

    def search(
        self,
        query_embedding: ArrayLike,
        top_k: int = 10,
        filters: dict[str, Any] | None = None,
        *,
        return_embedding: bool | None = None,
    ) -> list[Document]:
        """The documents whose vectors are most similar to one question's.

        :param query_embedding: Shape (dim,).
        :param top_k: How many; with enough matching documents there are never fewer.
        :param filters: A Haystack filter, applied before the search.
        :param return_embedding: Overrides the store's setting.
        :returns: Copies with their scores, best first.
        :raises ValueError: If the embedding has the wrong length or holds NaN, or ``top_k`` is negative.
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
        """:meth:`search` for many questions at once; shape (questions, dim)."""
        if isinstance(query_embeddings, list) and not query_embeddings:
            return []
        with_vectors = self.return_embedding if return_embedding is None else return_embedding
        return self.searching().dense_documents(query_embeddings, top_k, filters, with_vectors=with_vectors)

    def bm25_retrieval(self, query: str, top_k: int = 10, filters: dict[str, Any] | None = None) -> list[Document]:
        """The documents with the highest BM25 scores for a query, over content and title.

        :param query: Plain words; no character has a special meaning.
        :param top_k: How many; fewer if fewer hold a word of the query.
        :param filters: A Haystack filter, applied before the search.
        :returns: Copies with their scores, best first.
        :raises ValueError: If ``query`` is no string or ``top_k`` is negative.
        :raises FilterError: If the filter is not valid.
        """
        if not isinstance(query, str):
            msg = f"query must be a str, got {type(query).__name__}"
            raise InputError(msg)
        return self.searching().keyword_documents(query, top_k, filters, with_vectors=self.return_embedding)

    def searching(self) -> StoreSearch:
        """The searches behind the methods above, for those who want ids and scores instead of documents."""
        return StoreSearch(self._opened(), self.index_string, self.index_options)

    def dense_hits(self, query_embeddings: ArrayLike, top_k: int, filters: dict[str, Any] | None = None) -> list[Hits]:
        """Like :meth:`search_many`, but ids and scores alone."""
        return self.searching().dense_hits(query_embeddings, top_k, filters)

    def catch_up(self) -> None:
        """Bring the derived indexes up to date now, instead of at the next search, and write them to disk."""
        self._opened().catch_up(self.index_string, self.index_options)

    def save(self, index_path: str | Path) -> None:
        """Write a consistent copy to another directory, while the store is in use.

        :param index_path: The directory of the copy; a store that is there is replaced.
        :raises DocumentStoreError: If there is something else, or the copy cannot be written.
        """
        save_copy(self._opened(), store_directory(index_path))

    def load(self, index_path: str | Path) -> None:
        """Go on with the store of another directory, with the settings that it was made with.

        :param index_path: Its directory.
        :raises ValueError: If there is no store.
        """
        root = store_directory(index_path)
        if not is_store(root) and left_by_faiss_haystack(index_path) is None:
            msg = f"there is no store at {root}, and no .faiss and .json file that faiss-haystack left"
            raise InputError(msg)
        self.close()
        self.index_path = str(index_path)
        if is_store(root):
            manifest = manifest_of(Layout(root))
            self.index_string, self.embedding_dim = manifest.index, manifest.dimension
            self.similarity, self.language = manifest.similarity, manifest.language
            self.index_options, self.encoder = manifest.index_options, None

    def record_index(self) -> None:
        """Note the dense index and its options as those that :meth:`from_directory` opens the store with."""
        self._opened().record(index=self.index_string, index_options=self.index_options)

    def close(self) -> None:
        """Let go of all files; the next use opens them again. A temporary store keeps its documents."""
        with self._guard:
            self._let_go()

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

    def _opened(self) -> StoreEngine:
        engine = self._engine
        if engine is not None and engine.is_current():
            return engine
        with self._guard:
            if self._engine is None or not self._engine.is_current():
                self._let_go()
                self._engine = self._open()
                self._release = weakref.finalize(self, release, self._engine)
            return self._engine

    def _let_go(self) -> None:
        self._engine = None
        if self._release is not None:
            self._release()

    def _open(self) -> StoreEngine:
        if self.index_path is None:
            return acquire(self._temporary_directory(), self._manifest(), self.lock_timeout)
        root = store_directory(self.index_path)
        left = left_by_faiss_haystack(self.index_path)
        if left is None or was_written(root, self.lock_timeout):
            return acquire(root, self._manifest(), self.lock_timeout)
        documents = read_documents(left)
        announce(left, len(documents), self.similarity)
        prepare(documents, DuplicatePolicy.SKIP, self.embedding_dim)  # refuses before there is a store
        engine = acquire(root, self._manifest(), self.lock_timeout)
        try:
            StoreWriter(engine).write(documents, DuplicatePolicy.SKIP)
        except BaseException:
            release(engine)
            raise
        return engine

    def _manifest(self) -> Manifest:
        encoder, options = as_record(self.encoder), self.index_options
        return Manifest(
            self.embedding_dim, self.similarity, self.index_string, self.language, encoder, index_options=options
        )

    def _temporary_directory(self) -> Path:
        if self._temporary is None:
            self._temporary = Path(tempfile.mkdtemp(prefix="dpr-haystack-"))
            weakref.finalize(self, _remove, self._temporary, os.getpid())
        return self._temporary


def _remove(directory: Path, owner: int) -> None:
    """Delete a temporary store; a forked process leaves its parent's alone."""
    if os.getpid() == owner:
        shutil.rmtree(directory, ignore_errors=True)
