# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The keyword index of a store, which catches up with the database."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from sqlite3 import Connection
from uuid import uuid4

from haystack import logging

from dpr_haystack.core.files import write_atomically
from dpr_haystack.core.segmentation import ANALYZER_VERSION
from dpr_haystack.engines.keyword import KeywordIndex
from dpr_haystack.store.database import Database, State, read_state
from dpr_haystack.store.errors import StoreFailure
from dpr_haystack.store.layout import Layout
from dpr_haystack.store.locks import across_processes
from dpr_haystack.store.records import load_meta
from dpr_haystack.store.seal import Seal, is_intact, seal

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Position:
    """Up to which write an index is current.

    :param folder: Folder of the index, in the store's ``indexes``.
    :param last_key: The last key of a document that it includes.
    :param last_tombstone: The last tombstone that it includes.
    :param files: Sizes, times and checksums of its files.
    :param analyzer: Version of the text analysis that made it; 1 if the file does not say so.
    """

    folder: str
    last_key: int = 0
    last_tombstone: int = 0
    files: Seal = field(default_factory=dict)
    analyzer: int = ANALYZER_VERSION

    @staticmethod
    def read(path: Path) -> Position | None:
        """Read a position from a file.

        :param path: The file.
        :returns: None if the file is missing or invalid.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            files = {str(name): (int(size), int(time), int(sum_)) for name, (size, time, sum_) in data["files"].items()}
            numbers = int(data["last_key"]), int(data["last_tombstone"])
            return Position(str(data["folder"]), *numbers, files, int(data.get("analyzer", 1)))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def covers(self, state: State) -> bool:
        """Whether the index includes everything up to a state.

        :param state: The state.
        """
        return self.last_key >= state.last_key and self.last_tombstone >= state.last_tombstone

    def is_ahead_of(self, state: State) -> bool:
        """Whether the index has seen writes that are later than a state.

        :param state: The state.
        """
        return self.last_key > state.last_key or self.last_tombstone > state.last_tombstone


class KeywordCache:
    """Opens, updates and rebuilds the keyword index of a store.

    :param layout: The store's files.
    :param database: Its database.
    :param language: Language for stemming and stop words; None for neither.
    :param lock_timeout: Seconds to wait for another process that updates it.
    """

    def __init__(self, layout: Layout, database: Database, language: str | None, lock_timeout: float) -> None:
        self._layout = layout
        self._database = database
        self._language = language
        self._lock_timeout = lock_timeout
        self._guard = threading.Lock()
        self._open: tuple[Position, KeywordIndex] | None = None

    def current(self) -> KeywordIndex:
        """The index, up to date with the database."""
        with self._database.reading() as connection:
            state = read_state(connection)
        with self._guard:
            if self._open is None or not self._open[0].covers(state):
                with self._alone(), self._database.reading() as connection:
                    self._open = self._caught_up(connection)
            return self._open[1]

    def at(self, connection: Connection, state: State) -> KeywordIndex | None:
        """The index as of one moment, pinned; None if it has seen later writes already.

        :param connection: A connection inside the read transaction of that moment.
        :param state: The state of the store in that transaction.
        """
        with self._guard:
            if self._open is None or not self._open[0].covers(state):
                with self._alone():
                    on_disk = Position.read(self._layout.keyword_position)
                    if on_disk is not None and on_disk.is_ahead_of(state):
                        return None
                    self._open = self._caught_up(connection)
            position, index = self._open
            return None if position.is_ahead_of(state) else index.pinned()

    def drop(self) -> None:
        """Delete the index; the next :meth:`current` rebuilds it."""
        with self._guard, self._alone():
            self._open = None
            self._layout.keyword_position.unlink(missing_ok=True)
            self._remove_others(None)

    def close(self) -> None:
        """Close the files."""
        with self._guard:
            self._open = None

    def _alone(self) -> AbstractContextManager[None]:
        return across_processes(self._layout.indexes / "keyword.lock", self._lock_timeout)

    def _caught_up(self, connection: Connection) -> tuple[Position, KeywordIndex]:
        state = read_state(connection)
        usable = self._usable(state)
        if usable is not None:
            try:
                return self._updated(connection, state, *usable)
            except ValueError as error:  # raised by tantivy
                logger.warning(
                    "The keyword index {folder} is damaged ({error})", folder=usable[0].folder, error=str(error)
                )
        return self._built(connection, state)

    def _updated(
        self, connection: Connection, state: State, position: Position, index: KeywordIndex
    ) -> tuple[Position, KeywordIndex]:
        if not position.covers(state) or not position.files:
            index.update(
                _words_after(connection, position.last_key),
                _removed_after(connection, position.last_tombstone),
                beyond=position.last_key,
            )
            files = seal(self._layout.indexes / position.folder, position.files)
            position = Position(position.folder, state.last_key, state.last_tombstone, files)
            write_atomically(self._layout.keyword_position, json.dumps(asdict(position)))
            self._remove_others(position.folder)
        return position, index

    def _usable(self, state: State) -> tuple[Position, KeywordIndex] | None:
        """The index on disk and its position; None if there is none that can be updated."""
        position = Position.read(self._layout.keyword_position)
        if position is None or position.analyzer != ANALYZER_VERSION:
            return None
        folder = self._layout.indexes / position.folder
        is_behind = position.last_tombstone < state.floor
        if position.is_ahead_of(state) or is_behind or not (folder / "meta.json").exists():
            return None
        try:
            if self._open is not None and self._open[0].folder == position.folder:
                self._open[1].reload()
                return position, self._open[1]
            if is_intact(folder, position.files):
                return position, KeywordIndex(folder, self._language)
            reason = "its files have changed since they were written"
        except ValueError as error:  # raised by tantivy
            reason = str(error)
        logger.warning("The keyword index {folder} is damaged ({reason})", folder=str(folder), reason=reason)
        return None

    def _built(self, connection: Connection, state: State) -> tuple[Position, KeywordIndex]:
        """A new index with all documents."""
        if state.count:
            logger.info("Building the keyword index of {store}", store=str(self._layout.root))
        position = Position(f"keyword-{uuid4().hex[:8]}")
        folder = self._layout.indexes / position.folder
        try:
            return self._updated(connection, state, position, KeywordIndex(folder, self._language))
        except (ValueError, OSError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            msg = f"cannot write the keyword index of {self._layout.root}: {error}"
            raise StoreFailure(msg) from error

    def _remove_others(self, folder: str | None) -> None:
        for path in self._layout.indexes.glob("keyword-*"):
            if path.is_dir() and path.name != folder:
                shutil.rmtree(path, ignore_errors=True)


def _words_after(connection: Connection, key: int) -> Iterator[tuple[int, str, str]]:
    query = "SELECT key, content, meta FROM documents WHERE key > ? ORDER BY key"
    for number, content, meta in connection.execute(query, (key,)):
        title = load_meta(meta).get("title") if '"title"' in meta else None
        yield number, content or "", title if isinstance(title, str) else ""


def _removed_after(connection: Connection, number: int) -> Iterator[int]:
    for (key,) in connection.execute("SELECT key FROM tombstones WHERE number > ?", (number,)):
        yield key
