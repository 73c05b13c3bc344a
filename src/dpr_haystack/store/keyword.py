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
from itertools import islice
from pathlib import Path
from sqlite3 import Connection
from uuid import uuid4

from haystack import logging

from dpr_haystack.core.files import write_atomically
from dpr_haystack.core.segmentation import ANALYZER_VERSION
from dpr_haystack.engines.keyword import KeywordIndex
from dpr_haystack.engines.recent_words import KeywordSearch, recent_document
from dpr_haystack.store.database import Database, State, read_state
from dpr_haystack.store.errors import StoreFailure
from dpr_haystack.store.layout import Layout
from dpr_haystack.store.locks import across_processes
from dpr_haystack.store.records import load_meta
from dpr_haystack.store.seal import Seal, is_intact, seal

logger = logging.getLogger(__name__)

# Documents that are searched in memory before they are added to the index on disk: so many, or a quarter of a smaller
# store, whose average length they would change.
_MOST_RECENT, _FEWEST_RECENT = 200, 16
# Documents from whose words the average lengths of an index are learnt.
_EXAMPLES = 20


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

    def is_near(self, state: State) -> bool:
        """Whether few documents were added and removed between this position and a later state.

        :param state: The state.
        """
        writes = state.last_key - self.last_key + state.last_tombstone - self.last_tombstone
        return writes <= min(_MOST_RECENT, max(_FEWEST_RECENT, state.count // 4))

    def is_ahead_of(self, state: State) -> bool:
        """Whether the index has seen writes that are later than a state.

        :param state: The state.
        """
        return self.last_key > state.last_key or self.last_tombstone > state.last_tombstone


@dataclass(frozen=True)
class _Open:
    """An open index.

    :param position: Up to which write it is current.
    :param index: The index itself.
    :param search: A search of the index as it was at this position, and of what was written since.
    :param version: The last key and tombstone that the search includes.
    """

    position: Position
    index: KeywordIndex
    search: KeywordSearch
    version: tuple[int, int]


def _opened(position: Position, index: KeywordIndex) -> _Open:
    return _Open(position, index, KeywordSearch(index.pinned()), (position.last_key, position.last_tombstone))


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
        self._open: _Open | None = None

    def current(self, *, complete: bool = False) -> KeywordSearch:
        """Keyword search of all documents in the database.

        :param complete: Whether the index itself must have all of them, however few it lacks.
        """
        with self._guard:
            with self._database.reading() as connection:
                state = read_state(connection)
                opened = self._near(state, complete=complete)
                if opened is not None:
                    return self._search(opened, connection, state)
            with self._alone(), self._database.reading() as connection:
                state = read_state(connection)
                opened = self._caught_up(connection, state, complete=complete)
                return self._search(opened, connection, state)

    def at(self, connection: Connection, state: State) -> KeywordSearch | None:
        """Keyword search of one moment; None if the index has seen later writes already.

        :param connection: A connection inside the read transaction of that moment.
        :param state: The state of the store in that transaction.
        """
        with self._guard:
            if self._open is not None and self._open.position.is_ahead_of(state):
                return None
            opened = self._near(state)
            if opened is None:
                with self._alone():
                    on_disk = Position.read(self._layout.keyword_position)
                    if on_disk is not None and on_disk.is_ahead_of(state):
                        return None
                    opened = self._caught_up(connection, state)
            return self._search(opened, connection, state)

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

    def _near(self, state: State, *, complete: bool = False) -> _Open | None:
        """The open index, if it is at a state or few writes before it."""
        if self._open is None or self._open.position.is_ahead_of(state):
            return None
        position = self._open.position
        if position.last_tombstone < state.floor:
            return None  # what it still contains of removed documents is no longer known
        is_near = position.covers(state) if complete else position.is_near(state)
        return self._open if is_near else None

    def _search(self, opened: _Open, connection: Connection, state: State) -> KeywordSearch:
        """Search of an index and of what was written since; kept open for the next search."""
        version = (state.last_key, state.last_tombstone)
        if opened.version != version:
            position, known = opened.position, opened.search.recent
            recent = {
                key: known[key] if key in known else recent_document(opened.search.index, content, title)
                for key, content, title in _words_after(connection, position.last_key)
            }
            if recent:
                _learn_average_lengths(opened.search.index, connection)
            removed = _removed_after(connection, position.last_tombstone)
            gone = frozenset(key for key in removed if key <= position.last_key)
            opened = _Open(position, opened.index, KeywordSearch(opened.search.index, recent, gone), version)
        self._open = opened
        return opened.search

    def _caught_up(self, connection: Connection, state: State, *, complete: bool = False) -> _Open:
        usable = self._usable(state)
        if usable is not None:
            near = usable[0].files and not complete and usable[0].is_near(state)
            try:
                return _opened(*usable) if near else self._updated(connection, state, *usable)
            except ValueError as error:  # raised by tantivy
                logger.warning(
                    "The keyword index {folder} is damaged ({error})", folder=usable[0].folder, error=str(error)
                )
        return self._built(connection, state)

    def _updated(self, connection: Connection, state: State, position: Position, index: KeywordIndex) -> _Open:
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
        return _opened(position, index)

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
            if self._open is not None and self._open.position.folder == position.folder:
                self._open.index.reload()
                return position, self._open.index
            if is_intact(folder, position.files):
                return position, KeywordIndex(folder, self._language)
            reason = "its files have changed since they were written"
        except ValueError as error:  # raised by tantivy
            reason = str(error)
        logger.warning("The keyword index {folder} is damaged ({reason})", folder=str(folder), reason=reason)
        return None

    def _built(self, connection: Connection, state: State) -> _Open:
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


def _learn_average_lengths(index: KeywordIndex, connection: Connection) -> None:
    """Let an index find out its average lengths by words of the first documents, which is faster than by all words."""
    examples = list(islice(_words_after(connection, 0), _EXAMPLES))
    index.average_length("content", (content for _, content, _ in examples))
    index.average_length("title", (title for _, _, title in examples))


def _removed_after(connection: Connection, number: int) -> Iterator[int]:
    for (key,) in connection.execute("SELECT key FROM tombstones WHERE number > ?", (number,)):
        yield key
