# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The database's record of a re-embedding in progress: its encoder, and which document each new vector is for."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dpr_haystack.store.attribution import forget
from dpr_haystack.store.database import ROW_INDEX

# `staged` has the keys of `documents`: documents that are written, replaced or deleted in the meantime have another
# key or none.
_TABLES = (
    """CREATE TABLE IF NOT EXISTS staging (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        encoder TEXT NOT NULL,
        dimension INTEGER NOT NULL,
        position INTEGER NOT NULL,
        next_row INTEGER NOT NULL
    )""",
    """CREATE TABLE IF NOT EXISTS staged (
        key INTEGER PRIMARY KEY,
        row INTEGER NOT NULL,
        checksum INTEGER NOT NULL
    )""",
)


@dataclass(frozen=True)
class ReembeddingState:
    """How far a re-embedding has got.

    :param encoder: The passage tower that makes its vectors.
    :param dimension: Length of the vectors.
    :param position: Documents up to this key are done.
    :param next_row: Number of new vectors.
    """

    encoder: dict[str, Any]
    dimension: int
    position: int
    next_row: int


def reembedding_in(connection: sqlite3.Connection) -> ReembeddingState | None:
    """The re-embedding in progress; None if there is none.

    :param connection: A connection.
    """
    try:
        row = connection.execute("SELECT encoder, dimension, position, next_row FROM staging").fetchone()
    except sqlite3.OperationalError as error:
        if "no such table: staging" not in str(error):
            raise
        return None
    return None if row is None else ReembeddingState(json.loads(row[0]), *row[1:])


def begin(connection: sqlite3.Connection, encoder: Mapping[str, Any], dimension: int) -> None:
    """Begin a re-embedding and discard any other.

    :param connection: Inside a write transaction.
    :param encoder: The passage tower that makes the vectors.
    :param dimension: Length of the vectors.
    """
    discard(connection)
    text = json.dumps(dict(encoder), ensure_ascii=False)
    connection.execute("INSERT INTO staging VALUES (1, ?, ?, 0, 0)", (text, dimension))


def discard(connection: sqlite3.Connection) -> None:
    """Discard the re-embedding in progress, if there is one.

    :param connection: Inside a write transaction.
    """
    for table in _TABLES:
        connection.execute(table)
    connection.execute("DELETE FROM staging")
    connection.execute("DELETE FROM staged")


def add(connection: sqlite3.Connection, keys: Sequence[int], checksums: Sequence[int], position: int) -> None:
    """Record vectors that are durable in their file.

    :param connection: Inside a write transaction.
    :param keys: The documents they are for, in the order of their rows.
    :param checksums: A checksum of each vector.
    :param position: Documents up to this key are done.
    """
    (first,) = connection.execute("SELECT next_row FROM staging").fetchone()
    rows = [(key, first + number, checksum) for number, (key, checksum) in enumerate(zip(keys, checksums, strict=True))]
    connection.executemany("INSERT INTO staged VALUES (?, ?, ?)", rows)
    connection.execute("UPDATE staging SET position = ?, next_row = next_row + ?", (position, len(rows)))


def adopt(connection: sqlite3.Connection) -> None:
    """Make the new vectors those of the documents, as a new generation.

    Keys do not change, so the keyword index stays valid. Rows of documents that were deleted since they were embedded
    get tombstones, which mark dead rows; rows of the old generation are cleared from the tombstones.

    :param connection: Inside the write transaction that switches.
    """
    connection.execute("DROP INDEX documents_by_row")  # old and new rows would collide in it during the update
    connection.execute(
        "UPDATE documents SET (row, checksum) = (SELECT row, checksum FROM staged WHERE staged.key = documents.key)"
    )
    connection.execute(ROW_INDEX)
    connection.execute("UPDATE tombstones SET row = NULL")
    connection.execute(
        "INSERT INTO tombstones (key, row) SELECT key, row FROM staged "
        "WHERE key NOT IN (SELECT key FROM documents) ORDER BY key"
    )
    connection.execute("UPDATE state SET generation = generation + 1, next_row = (SELECT next_row FROM staging)")
    connection.execute(
        "UPDATE embedding SET switches = switches + 1, dimension = (SELECT dimension FROM staging), "
        "encoder = (SELECT encoder FROM staging)"
    )
    forget(connection)
    discard(connection)
