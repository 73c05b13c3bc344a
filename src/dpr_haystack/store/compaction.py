# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Compaction: removing the vectors of deleted documents."""

from __future__ import annotations

import sqlite3

from dpr_haystack.core.batching import batched
from dpr_haystack.store.attribution import forget, renumber
from dpr_haystack.store.database import State
from dpr_haystack.store.vectors import VectorFile

#: Default number of deleted documents up to which a store is not compacted: there is little to gain.
COMPACT_ABOVE = 4_096
_ROWS_AT_A_TIME = 10_000


def is_worth_it(state: State, compact_above: int) -> bool:
    """Whether more documents were deleted or replaced than exist, so that the cost per write stays constant.

    :param state: The state of the store.
    :param compact_above: Number of deleted documents up to which it is never worth it.
    """
    return state.last_tombstone - state.floor > max(compact_above, state.count)


def compact(connection: sqlite3.Connection, source: VectorFile, target: VectorFile) -> None:
    """Copy the vectors of existing documents to the next generation's file and clear the tombstones.

    :param connection: Inside a write transaction: until it commits, the old generation is valid.
    :param source: Vector file of the current generation.
    :param target: Vector file of the next generation.
    """
    (next_row,) = connection.execute("SELECT next_row FROM state").fetchone()
    old = source.rows(next_row) if next_row else None
    target.path.unlink(missing_ok=True)
    keys_and_rows = connection.execute("SELECT key, row FROM documents WHERE row IS NOT NULL ORDER BY row").fetchall()
    renumber(connection, [row for _, row in keys_and_rows])
    connection.execute("UPDATE documents SET row = -1 - row WHERE row IS NOT NULL")  # keeps the rows distinct
    written = 0
    for chunk in batched(keys_and_rows, _ROWS_AT_A_TIME):
        if old is not None:
            target.append(written, old[[row for _, row in chunk]])
        moved = [(written + position, key) for position, (key, _) in enumerate(chunk)]
        connection.executemany("UPDATE documents SET row = ? WHERE key = ?", moved)
        written += len(chunk)
    _next_generation(connection, written)


def clear(connection: sqlite3.Connection) -> None:
    """Delete all documents and start the next generation, without vectors.

    :param connection: Inside a write transaction.
    """
    connection.execute("INSERT INTO tombstones (key) VALUES (0)")  # so that every index position is below the floor
    connection.execute("DELETE FROM documents")
    connection.execute("UPDATE state SET count = 0")
    forget(connection)
    _next_generation(connection, 0)


def _next_generation(connection: sqlite3.Connection, rows: int) -> None:
    connection.execute("DELETE FROM tombstones")
    connection.execute(
        "UPDATE state SET generation = generation + 1, next_row = ?, "
        "floor = coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'tombstones'), 0)",
        (rows,),
    )
