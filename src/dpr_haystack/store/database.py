# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The SQLite file: connections, transactions and the state of the store."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from dpr_haystack.store.errors import StoreFailure, StoreLocked, StoreReadOnly
from dpr_haystack.store.read_only import is_read_only

# Dimension and encoder of the vectors, from the first recorded encoder or re-embedding on. This row takes precedence
# over the manifest, so that vectors, dimension and encoder change in one transaction.
EMBEDDING_TABLE = """
CREATE TABLE IF NOT EXISTS embedding (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    dimension INTEGER,
    encoder TEXT,
    switches INTEGER NOT NULL
)"""

ROW_INDEX = "CREATE UNIQUE INDEX IF NOT EXISTS documents_by_row ON documents (row) WHERE row IS NOT NULL"

# A document's `key` identifies one version of it and is never reused, so an index that includes all keys up to a number
# only has to read later ones. `row` is the row of its vector. `tombstones` lists deleted versions and the rows of their
# vectors.
_SCHEMA = f"""{EMBEDDING_TABLE};
CREATE TABLE IF NOT EXISTS documents (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    content TEXT,
    meta TEXT NOT NULL,
    score REAL,
    blob BLOB,
    blob_info TEXT,
    sparse TEXT,
    row INTEGER,
    checksum INTEGER
);
{ROW_INDEX};
CREATE TABLE IF NOT EXISTS tombstones (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    key INTEGER NOT NULL,
    row INTEGER
);
CREATE TABLE IF NOT EXISTS state (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    count INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    next_row INTEGER NOT NULL,
    floor INTEGER NOT NULL
);
INSERT OR IGNORE INTO state VALUES (1, 0, 0, 0, 0);
"""

_NUMBERS = """
SELECT count, generation, next_row, floor,
    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'documents'), 0),
    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'tombstones'), 0)
"""
_STATE = f"""{_NUMBERS}, embedding.only IS NOT NULL, dimension, encoder, coalesce(switches, 0)
FROM state LEFT JOIN embedding USING (only)
"""
_STATE_WITHOUT_TABLE = f"{_NUMBERS}, 0, NULL, NULL, 0 FROM state"


@dataclass(frozen=True)
class State:
    """The state of a store.

    :param count: Number of documents.
    :param generation: Number of the valid vector file.
    :param next_row: Number of rows in it.
    :param floor: Tombstones up to this number have been cleared; an index that lacks one of them must be rebuilt.
    :param last_key: The last key given to a document.
    :param last_tombstone: The last number given to a tombstone.
    :param is_pinned: Whether the database records dimension and encoder; if not, the manifest does.
    :param dimension: Length of the vectors.
    :param encoder: The passage tower that made the vectors, as JSON.
    :param switches: Number of completed re-embeddings.
    """

    count: int
    generation: int
    next_row: int
    floor: int
    last_key: int
    last_tombstone: int
    is_pinned: int = 0
    dimension: int | None = None
    encoder: str | None = None
    switches: int = 0

    @property
    def version(self) -> tuple[int, int, int]:
        """A value that changes with every write."""
        return (self.generation, self.last_key, self.last_tombstone)


def read_state(connection: sqlite3.Connection) -> State:
    """The state as seen by a transaction.

    :param connection: The transaction's connection.
    """
    try:
        return State(*connection.execute(_STATE).fetchone())
    except sqlite3.OperationalError as error:
        if "no such table: embedding" not in str(error):
            raise
        return State(*connection.execute(_STATE_WITHOUT_TABLE).fetchone())  # a store of an earlier release


class Database:
    """Connections to one SQLite file: any number of readers and one writer.

    :param path: The file, as an absolute path.
    :param lock_timeout: Seconds to wait for another process that writes.
    """

    def __init__(self, path: Path, lock_timeout: float) -> None:
        self.path = path
        self.lock_timeout = lock_timeout
        self.is_read_only = is_read_only(path)
        self._idle: list[sqlite3.Connection] = []
        self._closings = 0
        self._guard = threading.Lock()
        self._writing = threading.Lock()

    def create(self) -> None:
        """Create the file and its tables if they are missing.

        :raises StoreFailure: If the file is not an SQLite database or cannot be written.
        """
        try:
            with closing(sqlite3.connect(self.path, timeout=self.lock_timeout, isolation_level=None)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise self._failure("cannot be created", error) from error

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection inside a read transaction: all its queries see the same state."""
        with self._connection() as connection:
            try:
                connection.execute("BEGIN")
                yield connection
            except sqlite3.DatabaseError as error:
                raise self._failure("cannot be read", error) from error
            finally:
                if connection.in_transaction:
                    connection.rollback()

    @contextmanager
    def writing(self, *, wait: bool = True) -> Iterator[sqlite3.Connection]:
        """A connection inside the only write transaction; commits durably at the end.

        :param wait: False to raise at once if another process or thread is writing.
        :raises StoreLocked: If another process or thread is still writing after ``lock_timeout``.
        :raises StoreFailure: If SQLite cannot write, e.g. because the disk is full; nothing is changed then.
        :raises StoreReadOnly: If the store cannot be written to at all.
        """
        self.check_writable()
        if not self._writing.acquire(timeout=self.lock_timeout if wait else 0):
            raise self._locked()
        try:
            with self._connection() as connection:
                self._begin(connection, wait=wait)
                try:
                    yield connection
                    connection.commit()
                except sqlite3.DatabaseError as error:
                    raise self._failure("cannot be written; nothing was changed", error) from error
                finally:
                    if connection.in_transaction:
                        connection.rollback()
        finally:
            self._writing.release()

    def check_writable(self) -> None:
        """Refuse to write to a store that can only be read.

        :raises StoreReadOnly: If it is on read-only media, or this process has no permission.
        """
        if self.is_read_only:
            msg = (
                f"{self.path.parent} is read-only (its file system, or no permission to write): it can be searched but "
                "not changed. Copy it to another directory to change it, e.g. with FAISSDocumentStore.save"
            )
            raise StoreReadOnly(msg)

    def identify(self) -> tuple[int, ...]:
        """What identifies the file: another value means that it was replaced.

        A file that this process may not write to is read without locks, so a change by others counts as a replacement.

        :raises StoreFailure: If there is no such file.
        """
        try:
            status = self.path.stat()
        except OSError as error:
            msg = f"{self.path} cannot be opened ({error}); restore the store from a copy"
            raise StoreFailure(msg) from error
        identity = (status.st_dev, status.st_ino)
        return (*identity, status.st_size, status.st_mtime_ns, self._has_log()) if self.is_read_only else identity

    def close(self) -> None:
        """Close all connections, those in use as soon as they are free."""
        with self._guard:
            self._closings += 1
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _begin(self, connection: sqlite3.Connection, *, wait: bool) -> None:
        if not wait:
            connection.execute("PRAGMA busy_timeout = 0")
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.DatabaseError as error:
            if "locked" in str(error) or "busy" in str(error):
                raise self._locked() from error
            raise self._failure("cannot be written", error) from error
        finally:
            if not wait:
                connection.execute(f"PRAGMA busy_timeout = {int(self.lock_timeout * 1000)}")

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with self._guard:
            closings = self._closings
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = self._open()
        try:
            yield connection
        finally:
            with self._guard:
                is_kept = closings == self._closings
                if is_kept:
                    self._idle.append(connection)
            if not is_kept:
                connection.close()

    def _open(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                f"{self.path.as_uri()}?{self._mode()}",
                uri=True,
                timeout=self.lock_timeout,
                isolation_level=None,
                check_same_thread=False,
            )
            connection.execute("PRAGMA synchronous = FULL")
        except sqlite3.Error as error:
            raise self._failure("cannot be opened", error) from error
        return connection

    def _mode(self) -> str:
        if not self.is_read_only:
            return "mode=rw"  # a missing file is an error, not an empty store
        # Without locks, which need a file beside the database; only right if no process has written to a log.
        return "mode=ro" if self._has_log() else "mode=ro&immutable=1"

    def _has_log(self) -> bool:
        """Whether there are writes that are not in the file itself."""
        log = self.path.with_name(f"{self.path.name}-wal")
        return log.exists() and log.stat().st_size > 0

    def _locked(self) -> StoreLocked:
        msg = (
            f"another process or thread is writing to {self.path.parent} and did not finish within "
            f"{self.lock_timeout:g} s; try again later, or increase the store's lock_timeout"
        )
        return StoreLocked(msg)

    def _failure(self, what: str, error: sqlite3.Error) -> StoreFailure:
        msg = f"{self.path} {what}: {error}"
        if self.is_read_only and self._has_log():
            msg += (
                ". It is read-only, and its last writes are in documents.sqlite-wal: close the store where it is "
                "written before it is copied, or copy it with FAISSDocumentStore.save"
            )
        return StoreFailure(msg)
