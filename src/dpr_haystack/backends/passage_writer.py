# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What indexing needs of the place where passages go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from haystack.dataclasses import Document

from dpr_haystack.core.exact import Similarity
from dpr_haystack.core.hits import Kept

if TYPE_CHECKING:
    pass


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

    @property
    def similarity(self) -> Similarity:
        """What it compares vectors by."""

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
