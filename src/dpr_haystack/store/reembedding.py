# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""New vectors for a whole store, written beside the old ones and switched to in one transaction.

Until that transaction commits nothing has changed for anybody; after it everything has. What is embedded meanwhile is
kept: vectors are durable in their file before the database notes them, like those of every write.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from haystack import logging
from haystack.dataclasses import Document

from dpr_haystack.core.files import fsync_directory
from dpr_haystack.errors import EncoderMismatch
from dpr_haystack.store import reembedding_state as staging
from dpr_haystack.store.batch import vectors_of
from dpr_haystack.store.database import read_state
from dpr_haystack.store.engine import StoreEngine
from dpr_haystack.store.errors import StoreFailure, StoreLocked
from dpr_haystack.store.locks import across_processes
from dpr_haystack.store.manifests import pin
from dpr_haystack.store.records import COLUMNS, checksums, document_of
from dpr_haystack.store.reembedding_state import Staging
from dpr_haystack.store.vectors import VectorFile

logger = logging.getLogger(__name__)

Embed = Callable[[list[Document]], list[Document]]

# So many documents that came at the very last are embedded while other writers wait.
_LATE = 32


@dataclass(frozen=True)
class Pending:
    """Documents that come next.

    :param keys: Of those with a text.
    :param documents: Those with a text, without their vectors.
    :param position: The last key that was looked at.
    :param without_text: How many others there are among them.
    """

    keys: list[int]
    documents: list[Document]
    position: int
    without_text: int

    def __bool__(self) -> bool:
        return bool(self.documents) or self.without_text > 0


@contextmanager
def restaging(
    engine: StoreEngine, encoder: Mapping[str, Any], dimension: int, *, restart: bool = False
) -> Iterator[Restaging]:
    """Begin to embed a store anew, or go on with it; one process at a time.

    :param engine: The store.
    :param encoder: Which passage tower makes the vectors: ``{"model": ..., "fingerprint": ...}``.
    :param dimension: Their length.
    :param restart: Throw away what there is, also of another tower.
    :raises EncoderMismatch: If a re-embedding by another tower is under way.
    :raises StoreLocked: If another process is at it.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(across_processes(engine.layout.staging_lock, 0))
        except StoreLocked as error:
            msg = f"another process is embedding {engine.layout.root} anew; wait for it"
            raise StoreLocked(msg) from error
        yield Restaging(engine, encoder, dimension, restart=restart)


def drop(engine: StoreEngine) -> None:
    """Throw away what an interrupted re-embedding has left.

    :param engine: The store.
    :raises StoreLocked: If another process is at it.
    """
    with across_processes(engine.layout.staging_lock, 0), engine.database.writing() as connection:
        staging.forget(connection)
        engine.layout.staged.unlink(missing_ok=True)


class Restaging:
    """A re-embedding that is under way; made by :func:`restaging`."""

    def __init__(self, engine: StoreEngine, encoder: Mapping[str, Any], dimension: int, *, restart: bool) -> None:
        self._engine = engine
        self._file = VectorFile(engine.layout.staged, dimension)
        with engine.database.writing() as connection:
            there = None if restart else self._usable(staging.staging_in(connection), encoder, dimension)
            if there is None:
                engine.layout.staged.unlink(missing_ok=True)  # it may be a second name of the store's own vectors
                staging.begin(connection, encoder, dimension)
            if not read_state(connection).is_pinned:
                pin(connection, engine.described(read_state(connection)))

    @property
    def done(self) -> int:
        """How many vectors there are."""
        with self._engine.database.reading() as connection:
            return self._now(connection).next_row

    @property
    def remaining(self) -> int:
        """How many documents have none yet."""
        with self._engine.database.reading() as connection:
            query = "SELECT count(*) FROM documents WHERE key > ? AND content IS NOT NULL"
            (count,) = connection.execute(query, (self._now(connection).position,)).fetchone()
            return int(count)

    def check_space(self) -> None:
        """Refuse to begin what the disk has no room for.

        :raises StoreFailure: Saying what is needed and what is there.
        """
        needed = self.remaining * self._file.dimension * 4
        free = shutil.disk_usage(self._engine.layout.root).free
        if needed > free:
            msg = (
                f"the new vectors of {self._engine.layout.root} need {needed / 1e6:.0f} MB beside the old ones, and "
                f"{free / 1e6:.0f} MB are free"
            )
            raise StoreFailure(msg)

    def pending(self, count: int) -> Pending:
        """The next documents, at most so many."""
        with self._engine.database.reading() as connection:
            return self._pending(connection, count)

    def stage(self, pending: Pending, embedded: Sequence[Document]) -> None:
        """Keep the vectors of documents; durable when this returns.

        :param pending: What :meth:`pending` gave.
        :param embedded: Its documents with their vectors.
        """
        with self._engine.database.writing() as connection:
            self._stage(connection, pending, embedded)

    def switch(self, embed: Embed) -> bool:
        """Switch to the new vectors, in one step.

        :param embed: Embeds the few documents that came at the very last, while other writers wait.
        :returns: False if those are more than a few; :meth:`stage` them and try again.
        """
        target = self._engine.layout.vectors
        with self._engine.database.writing() as connection:
            late = self._pending(connection, _LATE + 1)
            if len(late.documents) + late.without_text > _LATE:
                return False
            if late:
                self._stage(connection, late, embed(late.documents) if late.documents else [])
            next_file = target(read_state(connection).generation + 1)
            try:
                self._name(next_file, self._now(connection))
                staging.adopt(connection)
            except BaseException:
                next_file.unlink(missing_ok=True)
                raise
        self._engine.layout.staged.unlink(missing_ok=True)
        self._engine.settle_switch()
        return True

    def _usable(self, there: Staging | None, encoder: Mapping[str, Any], dimension: int) -> Staging | None:
        if there is None:
            return None
        same = "fingerprint" if there.encoder.get("fingerprint") and encoder.get("fingerprint") else "model"
        if there.encoder.get(same) != encoder.get(same) or there.dimension != dimension:
            msg = (
                f"{self._engine.layout.root} is being embedded anew by {there.encoder.get('model')}, and "
                f"{there.next_row} vectors of it are there: go on with that model, or drop them: --restart"
            )
            raise EncoderMismatch(msg)
        if self._file.surplus(there.next_row) < 0:
            logger.warning("{file} is damaged: the re-embedding starts over", file=str(self._file.path))
            return None
        return there

    def _now(self, connection: sqlite3.Connection) -> Staging:
        there = staging.staging_in(connection)
        if there is None:
            msg = f"the re-embedding of {self._engine.layout.root} was dropped by somebody else; start it again"
            raise StoreFailure(msg)
        return there

    def _pending(self, connection: sqlite3.Connection, count: int) -> Pending:
        position = self._now(connection).position
        # Keys grow with every write, and writes take turns: none below the position will ever come.
        query = f"SELECT {COLUMNS} FROM documents WHERE key > ? ORDER BY key LIMIT ?"
        rows = connection.execute(query, (position, count)).fetchall()
        found = [(row[0], document_of(row, None)) for row in rows if row[2] is not None]
        return Pending(
            keys=[key for key, _ in found],
            documents=[document for _, document in found],
            position=rows[-1][0] if rows else position,
            without_text=len(rows) - len(found),
        )

    def _stage(self, connection: sqlite3.Connection, pending: Pending, embedded: Sequence[Document]) -> None:
        vectors = vectors_of(embedded, self._file.dimension)
        if len(vectors):
            self._file.append(self._now(connection).next_row, vectors)
        staging.add(connection, pending.keys, checksums(vectors), pending.position)

    def _name(self, target: Path, now: Staging) -> None:
        """Give the staged file the name of the next generation; it keeps its own until the switch is done."""
        target.unlink(missing_ok=True)  # what an interrupted switch or compaction left
        if not now.next_row:
            return
        try:
            os.link(self._file.path, target)
        except OSError:  # no hard links here
            shutil.copyfile(self._file.path, target)
            with target.open("rb+") as file:
                os.fsync(file.fileno())
        fsync_directory(target.parent)
