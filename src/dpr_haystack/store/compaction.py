# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Taking back the space of what was deleted."""

from __future__ import annotations

import sqlite3

from dpr_haystack.store.database import State, in_chunks
from dpr_haystack.store.vectors import VectorFile

# Below this many tombstones there is nothing to gain.
_NOT_BELOW = 4_096


def is_worth_it(state: State) -> bool:
    """Whether more documents have been deleted or replaced than there are; so the work is paid for by the writes."""
    return state.last_tombstone - state.floor > max(_NOT_BELOW, state.count)


def compact(connection: sqlite3.Connection, source: VectorFile, target: VectorFile) -> None:
    """Copy the living vectors into the next generation's file and clear the tombstones.

    :param connection: Inside a write transaction: until it commits, the old generation is the valid one.
    :param source: The vectors of the current generation.
    :param target: The file of the next one.
    """
    (next_row,) = connection.execute("SELECT next_row FROM state").fetchone()
    old = source.rows(next_row) if next_row else None
    target.path.unlink(missing_ok=True)
    keys_and_rows = connection.execute("SELECT key, row FROM documents WHERE row IS NOT NULL ORDER BY row").fetchall()
    connection.execute("UPDATE documents SET row = -1 - row WHERE row IS NOT NULL")  # keeps the rows distinct
    written = 0
    for chunk in in_chunks(keys_and_rows):
        if old is not None:
            target.append(written, old[[row for _, row in chunk]])
        moved = [(written + position, key) for position, (key, _) in enumerate(chunk)]
        connection.executemany("UPDATE documents SET row = ? WHERE key = ?", moved)
        written += len(chunk)
    _next_generation(connection, written)


def clear(connection: sqlite3.Connection) -> None:
    """Delete all documents and begin the next generation, which has no vectors."""
    connection.execute("INSERT INTO tombstones (key) VALUES (0)")  # moves the floor past every index's position
    connection.execute("DELETE FROM documents")
    connection.execute("UPDATE state SET count = 0")
    _next_generation(connection, 0)


def _next_generation(connection: sqlite3.Connection, rows: int) -> None:
    connection.execute("DELETE FROM tombstones")
    connection.execute(
        "UPDATE state SET generation = generation + 1, next_row = ?, "
        "floor = coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'tombstones'), 0)",
        (rows,),
    )
