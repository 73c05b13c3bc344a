# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Where passages are indexed to: our own store, or an index in Elasticsearch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from haystack.dataclasses import Document
from haystack.document_stores.types import DuplicatePolicy

from dpr_haystack.components.document_store import FAISSDocumentStore
from dpr_haystack.store.layout import Layout, read_manifest
from dpr_haystack.store.registry import is_store
from dpr_haystack.store.search import Kept

if TYPE_CHECKING:
    from dpr_haystack.components.retrievers.passage_search import AnyStore


class NotWritten(NamedTuple):
    """A document that was not taken.

    :param id: Its id.
    :param reason: Why.
    """

    id: str
    reason: str


class IndexTarget(Protocol):
    """What indexing needs of the place where passages go."""

    @property
    def place(self) -> str:
        """Where it is, for messages."""

    @property
    def base(self) -> Path | None:
        """What a passage's ``file`` is relative to, where the place moves together with its sources."""

    def is_there(self) -> bool:
        """Whether anything was made there yet."""

    @property
    def recorded_encoder(self) -> Mapping[str, Any] | None:
        """Which passage tower made the vectors; None if that is not recorded."""

    def record_encoder(self, record: Mapping[str, Any]) -> None:
        """Note which passage tower makes the vectors."""

    def prepare(self, record: Mapping[str, Any], dimension: int) -> None:
        """Make ready for vectors of a passage tower, before the first is written: no interruption comes between.

        :param record: The tower.
        :param dimension: Numbers in a vector.
        """

    def kept(self, ids: Sequence[str]) -> dict[str, Kept]:
        """Text and metadata of what was there when indexing began; what is not there is missing."""

    def vectors(self, ids: Sequence[str]) -> dict[str, Any]:
        """Vectors by id."""

    def write(self, documents: Sequence[Document]) -> None:
        """Write documents over those of the same ids; they may be on their way for a while."""

    def metas(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Id of every document and the metadata ``file``."""

    def delete(self, ids: Sequence[str]) -> None:
        """Take documents out."""

    def count(self) -> int:
        """How many documents there are."""

    def settle(self) -> list[NotWritten]:
        """Wait until everything is written and can be found.

        :returns: What was not taken.
        """

    def close(self) -> None:
        """Let go of what this made itself."""


def target_over(store: AnyStore, language: str | None = None) -> IndexTarget:
    """The target for a document store: ours, or the official one of Elasticsearch.

    :param store: The store.
    :param language: Language of an index that has to be made in Elasticsearch; None for English.
    """
    if isinstance(store, FAISSDocumentStore):
        return LocalTarget(store)
    from dpr_haystack.workflows.elasticsearch_target import ElasticsearchTarget

    return ElasticsearchTarget(store, language)


class LocalTarget:
    """Our own store: what was written is durable when :meth:`write` returns.

    :param store: The store.
    """

    def __init__(self, store: FAISSDocumentStore) -> None:
        self._store = store

    @property
    def place(self) -> str:
        """Its directory."""
        return str(self._store.directory)

    @property
    def base(self) -> Path | None:
        """The folder that it lies in."""
        return (self._store.directory or Path()).resolve().parent

    def is_there(self) -> bool:
        """Whether the directory holds a store; one in a temporary place always does."""
        return self._store.directory is None or is_store(self._store.directory)

    @property
    def recorded_encoder(self) -> Mapping[str, Any] | None:
        """Which passage tower made the vectors, by the manifest."""
        return self._store.recorded_encoder

    def record_encoder(self, record: Mapping[str, Any]) -> None:
        """Note it in the manifest."""
        self._store.record_encoder(dict(record))

    def prepare(self, record: Mapping[str, Any], dimension: int) -> None:
        """Note the tower; a dimension that does not fit is refused by the write that follows."""
        manifest = read_manifest(Layout(self._store.directory or Path()))
        if manifest.dimension in (None, dimension) and manifest.encoder is None:
            self.record_encoder(record)

    def kept(self, ids: Sequence[str]) -> dict[str, Kept]:
        """Text and metadata by id."""
        return self._store.searching().kept(list(ids))

    def vectors(self, ids: Sequence[str]) -> dict[str, Any]:
        """Vectors by id."""
        return {old.id: old.embedding for old in self._store.get_documents_by_id(list(ids))}

    def write(self, documents: Sequence[Document]) -> None:
        """Write them, durably."""
        self._store.write_documents(list(documents), DuplicatePolicy.OVERWRITE)

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

    def close(self) -> None:
        """The store is its owner's to close."""
