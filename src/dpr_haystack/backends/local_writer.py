# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Indexing into our own store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from haystack.dataclasses import Document
from haystack.document_stores.types import DuplicatePolicy

from dpr_haystack.backends.passage_writer import NotWritten
from dpr_haystack.components.document_store import FAISSDocumentStore
from dpr_haystack.core.exact import Similarity
from dpr_haystack.core.hits import Kept
from dpr_haystack.store.layout import Layout
from dpr_haystack.store.manifests import manifest_of
from dpr_haystack.store.registry import is_store


class LocalTarget:
    """Our own store: what was written is durable when :meth:`write` returns.

    :param store: The store.
    """

    def __init__(self, store: FAISSDocumentStore) -> None:
        self._store = store
        self._switches: int | None = None

    @property
    def place(self) -> str:
        """Its directory."""
        return str(self._store.directory)

    @property
    def base(self) -> Path | None:
        """The folder that it lies in; None for one in a temporary place."""
        return None if self._store.index_path is None else (self._store.directory or Path()).resolve().parent

    @property
    def similarity(self) -> Similarity:
        """As the store was made, or will be."""
        return self._store.similarity

    def is_there(self) -> bool:
        """Whether the directory holds a store; one in a temporary place always does."""
        return self._store.directory is None or is_store(self._store.directory)

    @property
    def recorded_encoder(self) -> Mapping[str, Any] | None:
        """Which passage tower made the vectors, by the manifest."""
        self._note_vectors()
        return self._store.recorded_encoder

    def record_encoder(self, record: Mapping[str, Any]) -> None:
        """Note it in the manifest."""
        self._store.record_encoder(dict(record))

    def prepare(self, record: Mapping[str, Any], dimension: int) -> None:
        """Note the tower; a dimension that does not fit is refused by the write that follows."""
        manifest = manifest_of(Layout(self._store.directory or Path()))
        if manifest.dimension in (None, dimension) and manifest.encoder is None:
            self.record_encoder(record)

    def kept(self, ids: Sequence[str]) -> dict[str, Kept]:
        """Text and metadata by id."""
        self._note_vectors()
        return self._store.searching().kept(list(ids))

    def vectors(self, ids: Sequence[str]) -> dict[str, Any]:
        """Vectors by id."""
        return {old.id: old.embedding for old in self._store.get_documents_by_id(list(ids))}

    def write(self, documents: Sequence[Document]) -> None:
        """Write them, durably; refused if the store has been embedded anew since indexing began."""
        self._note_vectors()
        self._store.write_unless_embedded_anew(list(documents), DuplicatePolicy.OVERWRITE, self._switches or 0)

    def metas(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Id and metadata of every document."""
        yield from self._store.searching().metas()

    def delete(self, ids: Sequence[str]) -> None:
        """Take documents out."""
        self._store.delete_documents(list(ids))

    def count(self) -> int:
        """How many documents there are."""
        return self._store.count_documents()

    def settle(self) -> list[NotWritten]:
        """Let the derived indexes catch up; nothing is ever refused behind a write."""
        self._store.catch_up()
        return []

    def _note_vectors(self) -> None:
        if self._switches is None:
            self._switches = self._store.times_embedded_anew()

    def close(self) -> None:
        """The store is its owner's to close."""
