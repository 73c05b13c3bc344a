# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The index of metadata: a column for each field that was filtered by. It catches up with the database when it is used.

Documents keep their positions, in the order of their keys. A deleted one is marked with the number of its tombstone:
a thread that searches an earlier moment still finds it. Columns are only read at the moment that the index has reached.
"""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np

from dpr_haystack.core.batching import batched
from dpr_haystack.core.exact import Rows
from dpr_haystack.store.column_search import joined
from dpr_haystack.store.columns import Column, ColumnSnapshot, encoded
from dpr_haystack.store.database import State
from dpr_haystack.store.filter_documents import ALIVE, AT_A_TIME, NO_ROW, Documents
from dpr_haystack.store.filter_evaluation import Path, paths_in
from dpr_haystack.store.filter_files import FilterFiles
from dpr_haystack.store.filters import json_path
from dpr_haystack.store.records import load_meta

#: Default number of documents below which the database is faster.
FEWEST_DOCUMENTS = 5_000
_MOST_COLUMNS = 32
# It is saved again once this share of its documents is new.
_SAVE_WHEN_NEW = 0.1


@dataclass(frozen=True)
class Moment:
    """The index as of one state of the store.

    :param keys: Key at each position.
    :param rows: Row at each position; -1 without one.
    :param columns: The columns of the fields that are needed.
    :param alive: Which of some positions exist.
    """

    keys: Rows
    rows: Rows
    columns: dict[Path, ColumnSnapshot]
    alive: Callable[[Rows], Rows]


class FilterIndex:
    """The columns of a store; safe to use from several threads.

    :param files: Where it is saved.
    :param fewest: Number of documents below which it is not used.
    """

    def __init__(self, files: FilterFiles, fewest: int = FEWEST_DOCUMENTS) -> None:
        self.fewest = fewest
        self.documents = Documents.none()
        self.columns: OrderedDict[Path, Column] = OrderedDict()
        self._files = files
        self._is_loaded = False
        self._saved: tuple[int, set[Path]] = (0, set())
        self._guard = Lock()

    def save(self) -> None:
        """Write it to its file if it has a new column, or many new documents."""
        with self._guard:
            count, saved = self._saved
            size = self.documents.keys.size
            columns = {path: column for path, column in self.columns.items() if column.size == size}
            is_worth_it = size - count > _SAVE_WHEN_NEW * count or columns.keys() - saved
            if columns and is_worth_it and self._files.save(self.documents, columns):
                self._saved = size, set(columns)

    def drop(self) -> None:
        """Delete it; the next filter reads the documents again."""
        with self._guard:
            self.documents, self.columns = Documents.none(), OrderedDict()
            self._is_loaded, self._saved = True, (0, set())
            self._files.drop()

    def at(self, connection: sqlite3.Connection, state: State, filters: dict[str, Any]) -> Moment | None:
        """The index as of one moment; None if it is of no use for a filter, or has seen later writes already.

        :param connection: A connection inside the read transaction of that moment.
        :param state: The state of the store in that transaction.
        :param filters: A valid filter.
        """
        paths = paths_in(filters) if state.count >= self.fewest else set()
        if not paths or len(paths) > _MOST_COLUMNS:
            return None
        with self._guard:
            if not self._caught_up(connection, state):
                return None
            columns = {path: self._column(connection, path).snapshot() for path in paths}
            documents = self.documents
            has_deaths = documents.deaths > 0
            keys, rows, died = documents.keys.values, documents.rows.values, documents.died.values

        def alive(positions: Rows) -> Rows:
            if not has_deaths:
                return positions
            when = died[positions]  # other threads mark what is deleted later
            exists: Rows = positions[(when == ALIVE) | (when > state.last_tombstone)]
            return exists

        return Moment(keys, rows, columns, alive)

    def _caught_up(self, connection: sqlite3.Connection, state: State) -> bool:
        if not self._is_loaded:
            self._load(state)
        documents = self.documents
        if documents.version == state.version:
            return True
        if documents.version > state.version:
            return False
        if documents.keys.size > 2 * state.count + self.fewest:
            self.documents, self.columns = Documents.none(), OrderedDict()  # most positions are of deleted documents
        self.documents.catch_up(connection, state)
        return True

    def _load(self, state: State) -> None:
        self._is_loaded = True
        loaded = self._files.load(state)
        if loaded is not None:
            self.documents, self.columns = loaded[0], OrderedDict(loaded[1])
            self._saved = self.documents.keys.size, set(self.columns)

    def _column(self, connection: sqlite3.Connection, path: Path) -> Column:
        """The column of a field, complete."""
        column = self.columns.setdefault(path, Column())
        self.columns.move_to_end(path)
        while len(self.columns) > _MOST_COLUMNS:
            self.columns.popitem(last=False)
        keys = self.documents.keys.values
        if column.size < len(keys):
            fill(column, connection, path, keys)
        return column


def fill(column: Column, connection: sqlite3.Connection, path: Path, keys: Rows) -> None:
    """Read the missing values; those of documents that were deleted in the meantime stay empty.

    :param column: The column.
    :param connection: A connection inside a read transaction.
    :param path: Its field.
    :param keys: Keys of all documents.
    """
    start = column.size
    missing = keys[start:]
    kinds, payloads = np.zeros(len(missing), dtype=np.uint8), np.zeros(len(missing), dtype=np.int64)
    for chunk in batched(_values(connection, path, int(missing[0]) - 1), AT_A_TIME):
        positions = np.searchsorted(missing, np.array([key for key, _ in chunk], dtype=np.int64))
        kinds[positions], payloads[positions] = encoded([value for _, value in chunk])
    column.extend(kinds, payloads)


def _values(connection: sqlite3.Connection, path: Path, after: int) -> Iterator[tuple[int, Any]]:
    """Keys and values of a field. SQLite reads text and integers exactly; all else is read by Python."""
    query = (
        "SELECT key, kind, CASE WHEN kind IN ('text', 'integer') THEN json_extract(meta, :path) "
        "WHEN kind IN ('real', 'object') THEN meta END FROM "
        "(SELECT key, meta, json_type(meta, :path) AS kind FROM documents WHERE key > :key ORDER BY key)"
    )
    for key, kind, value in connection.execute(query, {"path": json_path(path), "key": after}):
        yield key, _value(kind, value, path)


def _value(kind: str | None, value: Any, path: Path) -> Any:
    if kind in ("text", "integer"):
        return value
    if kind in ("real", "object"):
        return _nested(load_meta(value), path)
    return {"true": True, "false": False, "array": []}.get(kind or "")


def _nested(meta: Any, path: Iterable[str]) -> Any:
    for name in path:
        meta = meta[name]
    return meta


def selected(moment: Moment, positions: Sequence[int] | Rows) -> tuple[Rows, Rows]:
    """Keys and rows of positions, each sorted; without the rows of documents that have no vector.

    :param moment: The index.
    :param positions: Positions, sorted.
    """
    found = np.asarray(positions, dtype=np.int64)
    rows = moment.rows[found]
    has_vector = rows != NO_ROW
    return moment.keys[found], joined([rows if has_vector.all() else rows[has_vector]])
