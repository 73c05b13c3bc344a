# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A store's settings and its engine: opening, re-embedding, derived indexes; no part of Haystack's protocol."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from haystack.dataclasses import Document
from haystack.document_stores.types import DuplicatePolicy

from dpr_haystack.core.identity import EncoderIdentity, encoder_record
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.core.vector_origin import VectorOrigin
from dpr_haystack.store.attribution import origin_in
from dpr_haystack.store.batch import prepare
from dpr_haystack.store.database import read_state
from dpr_haystack.store.engine import StoreEngine
from dpr_haystack.store.errors import NotAStore
from dpr_haystack.store.faiss_haystack_files import announce, left_by_faiss_haystack, read_documents, store_directory
from dpr_haystack.store.layout import Layout, Manifest
from dpr_haystack.store.manifests import manifest_of
from dpr_haystack.store.reembedding import Reembedding, drop, reembedding
from dpr_haystack.store.registry import acquire, is_store, release, was_written
from dpr_haystack.store.search import StoreSearch
from dpr_haystack.store.settings import StoreSettings
from dpr_haystack.store.temporary import TemporaryDirectory
from dpr_haystack.store.writing import StoreWriter


class StoreHandle:
    """The settings of a store, and the engine that is opened with them at the first use.

    Only a write creates a store. A copy, also a pickled one, has the same settings and opens the store by itself.

    :ivar index_path: The store's directory; None for a temporary one, deleted together with this object.
    :ivar index_string: The dense index, if it was given.
    :ivar embedding_dim: Length of the vectors, if it was given.
    :ivar similarity: How vectors are compared, if it was given.
    :ivar encoder: The passage tower that makes the vectors, if it was given.
    :ivar language: Language of the keyword index; None for no stemming, ``"auto"`` if it was not given.
    :ivar index_options: Settings of the dense index, if they were given.
    :ivar lock_timeout: Seconds to wait for another process that writes.
    """

    index_path: str | None
    index_string: str | None
    embedding_dim: int | None
    similarity: Similarity | None
    encoder: str | dict[str, Any] | None
    language: str | None
    index_options: dict[str, int] | None
    lock_timeout: float

    def __init__(self) -> None:
        self._engine: StoreEngine | None = None
        self._release: weakref.finalize[Any, Any] | None = None
        self._temporary = TemporaryDirectory()
        self._encoder: Mapping[str, Any] | None = None
        self._guard = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_engine": None, "_release": None, "_guard": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _guard=threading.Lock())

    @property
    def directory(self) -> Path | None:
        """The store's directory; None for a temporary store that was not used yet."""
        if self.index_path is None:
            return self._temporary.path
        return store_directory(self.index_path)

    def exists(self) -> bool:
        """Whether there is a store, or one that faiss-haystack saved; a temporary one always exists."""
        if self.index_path is None or is_store(store_directory(self.index_path)):
            return True
        return left_by_faiss_haystack(self.index_path) is not None

    def settings(self) -> Manifest:
        """The settings of the store, or those that it will be created with."""
        directory = self.directory
        if directory is None or not is_store(directory):
            return self._given().of_new_store()
        return manifest_of(Layout(directory))

    @property
    def recorded_encoder(self) -> dict[str, Any] | None:
        """The passage tower that made the vectors: ``{"model": ..., "fingerprint": ...}``; None if not recorded."""
        return self.opened().described().encoder

    def record_encoder(self, encoder: str | dict[str, Any] | EncoderIdentity | None) -> None:
        """Record which passage tower made the vectors: all of them, also those of unknown origin.

        Creates the store if there is none.

        :param encoder: Its name or path, an embedder's ``identity``, or ``{"model": ..., "fingerprint": ...}``; None
            for unknown.
        :raises ValueError: If it is anything else.
        """
        record = encoder_record(encoder)
        self.writer(create=True).declare(record)

    def origin(self) -> VectorOrigin:
        """What is known about which encoder made the vectors."""
        engine = self.opened()
        with engine.database.reading() as connection:
            return origin_in(connection, engine.layout, engine.described(read_state(connection)))

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
        return self.writer(create=True).write(documents, policy, reembeddings)

    def reembedding_count(self) -> int:
        """How many times ``dpr-haystack reembed`` has replaced all vectors."""
        return self.opened().state().switches

    def searching(self) -> StoreSearch:
        """Searches that return ids and scores as well as documents."""
        engine = self.opened()
        return StoreSearch(engine, *self._given().index_in(engine.manifest))

    def catch_up(self) -> None:
        """Update the derived indexes now, instead of at the next search, and write them to disk."""
        engine = self.opened()
        engine.catch_up(*self._given().index_in(engine.manifest))

    def record_index(self) -> None:
        """Record the dense index and its options: a store opened without these arguments gets them."""
        engine = self.opened()
        index, options = self._given().index_in(engine.manifest)
        engine.record(index=index, index_options=options)

    def close(self) -> None:
        """Close all files; the next use opens them again. A temporary store keeps its documents."""
        with self._guard:
            self._let_go()

    def writer(self, *, create: bool = False) -> StoreWriter:
        """What writes to the store.

        :param create: Create the store if there is none.
        :raises NotAStore: If there is none and it is not created.
        """
        engine = self.opened(create=create)
        return StoreWriter(engine, self._encoder)

    def opened(self, *, create: bool = False) -> StoreEngine:
        """The engine; opened at the first use, and again after :meth:`close`, a fork, or if the files were replaced.

        :param create: Create the store if there is none.
        :raises NotAStore: If there is none and it is not created.
        """
        engine = self._engine
        if engine is not None and engine.is_current():
            return engine
        with self._guard:
            if self._engine is None or not self._engine.is_current():
                self._let_go()
                self._engine = self._open(create=create)
                self._release = weakref.finalize(self, release, self._engine)
            return self._engine

    def _let_go(self) -> None:
        self._engine = None
        if self._release is not None:
            self._release()

    def _open(self, *, create: bool) -> StoreEngine:
        given = self._given()
        self._encoder = given.encoder  # once: a relative path depends on the current directory
        if self.index_path is None:
            return acquire(self._temporary.made(), given, self.lock_timeout)
        root = store_directory(self.index_path)
        old_files = left_by_faiss_haystack(self.index_path)
        if old_files is None or was_written(root, self.lock_timeout):
            is_damaged = Layout(root).database.exists()  # acquire reports what is missing
            if not create and not is_store(root) and not is_damaged:
                raise no_store(root)
            return acquire(root, given, self.lock_timeout)
        documents = read_documents(old_files)
        announce(old_files, len(documents), given.of_new_store().similarity)
        prepare(documents, DuplicatePolicy.SKIP, self.embedding_dim)  # refuses before there is a store
        engine = acquire(root, given, self.lock_timeout)
        try:
            StoreWriter(engine, self._encoder).write(documents, DuplicatePolicy.SKIP)
        except BaseException:
            release(engine)
            raise
        return engine

    def _given(self) -> StoreSettings:
        return StoreSettings(
            self.embedding_dim,
            self.similarity,
            self.index_string,
            self.language,
            encoder_record(self.encoder),
            self.index_options,
        )


def no_store(root: Path) -> NotAStore:
    """The error for a directory without a store.

    :param root: The directory.
    """
    place = str(root) if root.is_absolute() else f"{root} (in {Path.cwd()})"
    msg = (
        f"there is no store at {place}: check the path. `dpr-haystack index PATHS --store {root}` or write_documents "
        "creates one"
    )
    return NotAStore(msg)
