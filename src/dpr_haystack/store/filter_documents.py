# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The documents of the index of metadata: what belongs to each position of its columns."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import numpy as np

from dpr_haystack.core.batching import batched
from dpr_haystack.core.exact import Rows
from dpr_haystack.store.columns import Growing
from dpr_haystack.store.database import State

AT_A_TIME = 20_000
NO_ROW = -1
ALIVE = 0


@dataclass
class Documents:
    """What all columns share: key, row and tombstone of the document at each position.

    :param keys: Keys, ascending.
    :param rows: Rows of the vectors; -1 without one.
    :param died: Numbers of the tombstones; 0 for documents that exist.
    :param generation: Generation that the rows belong to.
    :param last_key: The last key that was read.
    :param last_tombstone: The last tombstone that was read.
    :param deaths: Number of positions whose documents were deleted.
    """

    keys: Growing[np.int64]
    rows: Growing[np.int64]
    died: Growing[np.int64]
    generation: int = -1
    last_key: int = 0
    last_tombstone: int = 0
    deaths: int = 0

    @property
    def version(self) -> tuple[int, int, int]:
        """The version of the store that was read; versions of one store grow in every part."""
        return (self.generation, self.last_key, self.last_tombstone)

    @staticmethod
    def none() -> Documents:
        """Before anything was read."""
        return Documents(Growing(np.int64), Growing(np.int64), Growing(np.int64))

    def catch_up(self, connection: sqlite3.Connection, state: State) -> None:
        """Read what has been written since.

        :param connection: A connection inside a read transaction.
        :param state: The state in that transaction, not older than what was read.
        """
        if state.generation != self.generation:
            self._start_generation(connection, state)
        query = "SELECT key, coalesce(row, -1) FROM documents WHERE key > ? ORDER BY key"
        for chunk in batched(connection.execute(query, (self.last_key,)), AT_A_TIME):
            pairs = np.array(chunk, dtype=np.int64)
            self.keys.extend(pairs[:, 0])
            self.rows.extend(pairs[:, 1])
            self.died.extend(np.full(len(pairs), ALIVE))
        query = "SELECT number, key FROM tombstones WHERE number > ?"
        for chunk in batched(connection.execute(query, (self.last_tombstone,)), AT_A_TIME):
            pairs = np.array(chunk, dtype=np.int64)
            self._bury(pairs[:, 0], pairs[:, 1])
        self.last_key, self.last_tombstone = state.last_key, state.last_tombstone
        self.deaths = int(np.count_nonzero(self.died.values))

    def _start_generation(self, connection: sqlite3.Connection, state: State) -> None:
        """Rows have changed, and tombstones may have been cleared: whoever is not there any more is dead."""
        query = "SELECT key, coalesce(row, -1) FROM documents WHERE key <= ? ORDER BY key"
        rows = np.full(self.keys.size, NO_ROW, dtype=np.int64)
        exists = np.zeros(self.keys.size, dtype=np.bool_)
        for chunk in batched(connection.execute(query, (self.last_key,)), AT_A_TIME):
            pairs = np.array(chunk, dtype=np.int64)
            positions = np.searchsorted(self.keys.values, pairs[:, 0])
            rows[positions], exists[positions] = pairs[:, 1], True
        died = np.where(exists, ALIVE, max(state.floor, 1))
        self.rows, self.died = Growing(np.int64), Growing(np.int64)
        self.rows.extend(rows)
        self.died.extend(died)
        self.generation = state.generation

    def _bury(self, numbers: Rows, keys: Rows) -> None:
        positions = np.searchsorted(self.keys.values, keys)
        known = positions < self.keys.size
        known[known] = self.keys.values[positions[known]] == keys[known]
        self.died.values[positions[known]] = numbers[known]
