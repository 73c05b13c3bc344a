# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What indexing needs of a place that passages are written to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from haystack.dataclasses import Document

from dpr_haystack.core.hits import Kept
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.core.vector_origin import VectorOrigin


class NotWritten(NamedTuple):
    """A document that was refused.

    :param id: Its id.
    :param reason: Why.
    """

    id: str
    reason: str


class PassageWriter(Protocol):
    """What indexing needs of a place that passages are written to."""

    @property
    def location(self) -> str:
        """Where the passages are, for messages."""

    @property
    def base(self) -> Path | None:
        """The folder that a passage's ``file`` is relative to; None for absolute paths."""

    @property
    def similarity(self) -> Similarity:
        """How vectors are compared there."""

    def is_there(self) -> bool:
        """Whether the store or index exists."""

    @property
    def recorded_encoder(self) -> Mapping[str, Any] | None:
        """The passage tower that made the vectors; None if it is not recorded."""

    def origin(self) -> VectorOrigin:
        """What is known about which encoder made the vectors, with their numbers."""

    def record_encoder(self, record: Mapping[str, Any]) -> None:
        """Record which passage tower makes the vectors.

        :param record: ``{"model": ..., "fingerprint": ...}``.
        """

    def prepare(self, record: Mapping[str, Any], dimension: int) -> None:
        """Create what is missing and record the tower, before the first vector is written.

        :param record: The tower that makes the vectors.
        :param dimension: Length of the vectors.
        """

    def kept(self, ids: Sequence[str]) -> dict[str, Kept]:
        """Text and metadata of passages that existed when indexing began; others are missing.

        :param ids: Ids of passages.
        """

    def vectors(self, ids: Sequence[str]) -> dict[str, Any]:
        """Vectors by id.

        :param ids: Ids of passages.
        """

    def write(self, documents: Sequence[Document]) -> None:
        """Write documents, replacing those with the same ids. They may not be durable before :meth:`settle`.

        :param documents: Documents with embeddings.
        """

    def metas(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Id and metadata of every document; the metadata has at least ``file``, and ``also_in`` with its ``file``."""

    def from_files(self, files: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        """The same of the documents that come from any of these files; other documents may be among them.

        :param files: The files, as metadata names them.
        """

    def delete(self, ids: Sequence[str]) -> None:
        """Delete documents.

        :param ids: Their ids.
        """

    def count(self) -> int:
        """How many documents there are."""

    def settle(self) -> list[NotWritten]:
        """Wait until everything is written and can be found.

        :returns: The documents that were refused.
        """

    def close(self) -> None:
        """Close what this object opened itself."""
