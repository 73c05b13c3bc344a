# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A store's settings and its engine: opening, re-embedding, derived indexes; no part of Haystack's protocol."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import weakref
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from haystack.dataclasses import Document
from haystack.document_stores.types import DuplicatePolicy

from dpr_haystack.core.similarity import Similarity
from dpr_haystack.store.batch import prepare
from dpr_haystack.store.engine import StoreEngine
from dpr_haystack.store.faiss_haystack_files import announce, left_by_faiss_haystack, read_documents, store_directory
from dpr_haystack.store.layout import Manifest
from dpr_haystack.store.manifests import as_record
from dpr_haystack.store.reembedding import Reembedding, drop, reembedding
from dpr_haystack.store.registry import acquire, release, was_written
from dpr_haystack.store.search import StoreSearch
from dpr_haystack.store.writing import StoreWriter


class StoreHandle:
    """The settings of a store, and the engine that is opened with them at the first use.

    :ivar index_path: The store's directory; None for a temporary one, deleted together with this object.
    :ivar index_string: The dense index.
    :ivar embedding_dim: Length of the vectors; None for that of the existing store, or of the first vector.
    :ivar similarity: How vectors are compared.
    :ivar encoder: The passage tower that makes the vectors, if it was given.
    :ivar language: Language of the keyword index; None for no stemming.
    :ivar index_options: Settings of the dense index.
    :ivar lock_timeout: Seconds to wait for another process that writes.
    """

    index_path: str | None
    index_string: str
    embedding_dim: int | None
    similarity: Similarity
    encoder: str | dict[str, Any] | None
    language: str | None
    index_options: dict[str, int] | None
    lock_timeout: float

    def __init__(self) -> None:
        self._engine: StoreEngine | None = None
        self._release: weakref.finalize[Any, Any] | None = None
        self._temporary: Path | None = None
        self._guard = threading.Lock()

    @property
    def directory(self) -> Path | None:
        """The store's directory; None for a temporary store that was not used yet."""
        if self.index_path is None:
            return self._temporary
        return store_directory(self.index_path)

    @property
    def recorded_encoder(self) -> dict[str, Any] | None:
        """The passage tower that made the vectors: ``{"model": ..., "fingerprint": ...}``; None if not recorded."""
        return self.opened().described().encoder

    def record_encoder(self, encoder: dict[str, Any] | None) -> None:
        """Record which passage tower made the vectors.

        :param encoder: ``{"model": ..., "fingerprint": ...}``; None for unknown.
        """
        self.opened().record(encoder=encoder)

    def reembedding(
        self, encoder: dict[str, Any], dimension: int, *, restart: bool = False
    ) -> AbstractContextManager[Reembedding]:
        """Compute all vectors again with another encoder, next to the present ones.

        :param encoder: The passage tower that makes the new vectors, as recorded in the store.
        :param dimension: Length of the new vectors.
        :param restart: Discard what an interrupted re-embedding has computed.
        :returns: A context manager; see :mod:`dpr_haystack.store.reembedding`.
        """
        return reembedding(self.opened(), encoder, dimension, restart=restart)

    def drop_reembedding(self) -> None:
        """Discard what an interrupted re-embedding has computed."""
        drop(self.opened())

    def write_unless_reembedded(self, documents: list[Document], policy: DuplicatePolicy, reembeddings: int) -> int:
        """Write documents, unless all vectors were replaced by those of another encoder in the meantime.

        :param documents: The documents.
        :param policy: What to do about ids that exist.
        :param reembeddings: The value of :meth:`reembedding_count` when these vectors were computed.
        :returns: How many were written.
        :raises EncoderMismatch: If the vectors were replaced. Nothing is written then.
        """
        return self.writer().write(documents, policy, reembeddings)

    def reembedding_count(self) -> int:
        """How many times ``dpr-haystack reembed`` has replaced all vectors."""
        return self.opened().state().switches

    def searching(self) -> StoreSearch:
        """Searches that return ids and scores as well as documents."""
        return StoreSearch(self.opened(), self.index_string, self.index_options)

    def catch_up(self) -> None:
        """Update the derived indexes now, instead of at the next search, and write them to disk."""
        self.opened().catch_up(self.index_string, self.index_options)

    def record_index(self) -> None:
        """Record the dense index and its options: a store opened without these arguments gets them."""
        self.opened().record(index=self.index_string, index_options=self.index_options)

    def close(self) -> None:
        """Close all files; the next use opens them again. A temporary store keeps its documents."""
        with self._guard:
            self._let_go()

    def writer(self) -> StoreWriter:
        """What writes to the store."""
        return StoreWriter(self.opened())

    def opened(self) -> StoreEngine:
        """The engine; opened at the first use, and again after :meth:`close`, a fork, or if the files were replaced."""
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
        old_files = left_by_faiss_haystack(self.index_path)
        if old_files is None or was_written(root, self.lock_timeout):
            return acquire(root, self._manifest(), self.lock_timeout)
        documents = read_documents(old_files)
        announce(old_files, len(documents), self.similarity)
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
