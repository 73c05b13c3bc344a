# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Re-embedding a whole store: new vectors are written beside the old ones and switched to in one transaction.

Nothing changes for readers until that transaction commits. An interrupted re-embedding can be continued: as in every
write, vectors are durable in their file before the database records them.
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

from dpr_haystack.core.encoder_mark import checksums
from dpr_haystack.core.files import fsync_directory
from dpr_haystack.errors import EncoderMismatch
from dpr_haystack.store import reembedding_state
from dpr_haystack.store.batch import vectors_of
from dpr_haystack.store.database import read_state
from dpr_haystack.store.engine import StoreEngine
from dpr_haystack.store.errors import StoreFailure, StoreLocked
from dpr_haystack.store.locks import across_processes
from dpr_haystack.store.manifests import pin
from dpr_haystack.store.records import COLUMNS, document_of
from dpr_haystack.store.reembedding_state import ReembeddingState
from dpr_haystack.store.vectors import VectorFile
from dpr_haystack.store.writing import StoreWriter

logger = logging.getLogger(__name__)

Embed = Callable[[list[Document]], list[Document]]

# At most this many documents are embedded inside the switching transaction, while other writers wait.
_MOST_LATE = 32


@dataclass(frozen=True)
class Pending:
    """The next documents to embed.

    :param keys: Keys of the documents with text.
    :param documents: Documents with text, without vectors.
    :param position: The last key that was read.
    :param without_text: Number of documents without text that were read.
    """

    keys: list[int]
    documents: list[Document]
    position: int
    without_text: int

    def __bool__(self) -> bool:
        return bool(self.documents) or self.without_text > 0


@contextmanager
def reembedding(
    engine: StoreEngine, encoder: Mapping[str, Any], dimension: int, *, restart: bool = False
) -> Iterator[Reembedding]:
    """Start or continue re-embedding a store; only one process can do so at a time.

    :param engine: The store.
    :param encoder: The passage tower that makes the vectors: ``{"model": ..., "fingerprint": ...}``.
    :param dimension: Length of the vectors.
    :param restart: Discard what an interrupted re-embedding left, even of another tower.
    :raises EncoderMismatch: If a re-embedding with another tower is in progress.
    :raises StoreLocked: If another process is re-embedding the store.
    """
    with _alone(engine):
        yield Reembedding(engine, encoder, dimension, restart=restart)


def drop(engine: StoreEngine) -> None:
    """Discard what an interrupted re-embedding left.

    :param engine: The store.
    :raises StoreLocked: If another process is re-embedding the store.
    """
    with _alone(engine), engine.database.writing() as connection:
        reembedding_state.discard(connection)
        engine.layout.new_vectors.unlink(missing_ok=True)


@contextmanager
def _alone(engine: StoreEngine) -> Iterator[None]:
    engine.database.check_writable()
    with ExitStack() as stack:
        try:
            stack.enter_context(across_processes(engine.layout.reembedding_lock, 0))
        except StoreLocked as error:
            msg = f"another process is re-embedding {engine.layout.root}; wait until it has finished"
            raise StoreLocked(msg) from error
        yield


class Reembedding:
    """A re-embedding in progress; made by :func:`reembedding`.

    :param engine: The store.
    :param encoder: The passage tower that makes the vectors.
    :param dimension: Length of the vectors.
    :param restart: Discard what an interrupted re-embedding left.
    :raises EncoderMismatch: If a re-embedding with another tower is in progress.
    """

    def __init__(self, engine: StoreEngine, encoder: Mapping[str, Any], dimension: int, *, restart: bool) -> None:
        self._engine = engine
        self._file = VectorFile(engine.layout.new_vectors, dimension)
        with engine.database.writing() as connection:
            interrupted = None if restart else reembedding_state.reembedding_in(connection)
            if interrupted is None or not self._can_continue(interrupted, encoder, dimension):
                engine.layout.new_vectors.unlink(missing_ok=True)  # it may be a second name of the store's own vectors
                reembedding_state.begin(connection, encoder, dimension)
            if not read_state(connection).is_pinned:
                pin(connection, engine.described(read_state(connection)))

    @property
    def done(self) -> int:
        """Number of new vectors."""
        with self._engine.database.reading() as connection:
            return self._state(connection).next_row

    @property
    def remaining(self) -> int:
        """Number of documents with text that have no new vector yet."""
        with self._engine.database.reading() as connection:
            query = "SELECT count(*) FROM documents WHERE key > ? AND content IS NOT NULL"
            (count,) = connection.execute(query, (self._state(connection).position,)).fetchone()
            return int(count)

    def check_space(self) -> None:
        """Check that the disk has room for the remaining vectors.

        :raises StoreFailure: With the space needed and the space available.
        """
        needed = self.remaining * self._file.dimension * 4
        free = shutil.disk_usage(self._engine.layout.root).free
        if needed > free:
            msg = (
                f"not enough disk space to re-embed {self._engine.layout.root}: the new vectors need "
                f"{needed / 1e6:.0f} MB beside the old ones, {free / 1e6:.0f} MB are free"
            )
            raise StoreFailure(msg)

    def pending(self, count: int) -> Pending:
        """The next documents to embed.

        :param count: At most this many.
        """
        with self._engine.database.reading() as connection:
            return self._pending(connection, count)

    def add(self, pending: Pending, embedded: Sequence[Document]) -> None:
        """Store new vectors; they are durable when this returns.

        :param pending: What :meth:`pending` returned.
        :param embedded: Its documents with their new vectors.
        """
        with self._engine.database.writing() as connection:
            self._add(connection, pending, embedded)

    def switch(self, embed: Embed) -> bool:
        """Switch to the new vectors in one transaction.

        :param embed: Embeds the few documents that were written last, while other writers wait.
        :returns: False if there are too many of those; :meth:`add` their vectors and try again.
        """
        with self._engine.database.writing() as connection:
            late = self._pending(connection, _MOST_LATE + 1)
            if len(late.documents) + late.without_text > _MOST_LATE:
                return False
            if late:
                self._add(connection, late, embed(late.documents) if late.documents else [])
            next_file = self._engine.layout.vectors(read_state(connection).generation + 1)
            try:
                self._link(next_file, self._state(connection))
                reembedding_state.adopt(connection)
            except BaseException:
                next_file.unlink(missing_ok=True)
                raise
        self._engine.layout.new_vectors.unlink(missing_ok=True)
        StoreWriter(self._engine).finish_switch()
        return True

    def _can_continue(self, interrupted: ReembeddingState, encoder: Mapping[str, Any], dimension: int) -> bool:
        have_fingerprints = interrupted.encoder.get("fingerprint") and encoder.get("fingerprint")
        field = "fingerprint" if have_fingerprints else "model"
        if interrupted.encoder.get(field) != encoder.get(field) or interrupted.dimension != dimension:
            msg = (
                f"{self._engine.layout.root} is being re-embedded with {interrupted.encoder.get('model')}, "
                f"{interrupted.next_row} vectors are done: continue with that model, or discard them with --restart"
            )
            raise EncoderMismatch(msg)
        if self._file.surplus(interrupted.next_row) < 0:
            logger.warning("{file} is damaged: the re-embedding starts over", file=str(self._file.path))
            return False
        return True

    def _state(self, connection: sqlite3.Connection) -> ReembeddingState:
        state = reembedding_state.reembedding_in(connection)
        if state is None:
            msg = f"the re-embedding of {self._engine.layout.root} was discarded by another process; start it again"
            raise StoreFailure(msg)
        return state

    def _pending(self, connection: sqlite3.Connection, count: int) -> Pending:
        position = self._state(connection).position
        # Keys grow with every write, and only one process writes at a time: no key up to the position can be added.
        query = f"SELECT {COLUMNS} FROM documents WHERE key > ? ORDER BY key LIMIT ?"
        rows = connection.execute(query, (position, count)).fetchall()
        with_text = [row for row in rows if row[2] is not None]
        return Pending(
            keys=[row[0] for row in with_text],
            documents=[document_of(row, None) for row in with_text],
            position=rows[-1][0] if rows else position,
            without_text=len(rows) - len(with_text),
        )

    def _add(self, connection: sqlite3.Connection, pending: Pending, embedded: Sequence[Document]) -> None:
        vectors = vectors_of(embedded, self._file.dimension)
        if len(vectors):
            self._file.append(self._state(connection).next_row, vectors)
        reembedding_state.add(connection, pending.keys, checksums(vectors), pending.position)

    def _link(self, target: Path, state: ReembeddingState) -> None:
        """Give the new vectors the file name of the next generation; they keep their own until the switch is done."""
        target.unlink(missing_ok=True)  # left by an interrupted switch or compaction
        if not state.next_row:
            return
        try:
            os.link(self._file.path, target)
        except OSError:  # the file system has no hard links
            shutil.copyfile(self._file.path, target)
            with target.open("rb+") as file:
                os.fsync(file.fileno())
        fsync_directory(target.parent)
