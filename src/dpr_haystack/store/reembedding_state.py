# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What the database knows of a re-embedding: whose vectors they are, and which document each of them is for."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dpr_haystack.store.database import ROW_INDEX

# `staged` is keyed like `documents`: what is written, replaced or deleted meanwhile has another key, or none.
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
class Staging:
    """Where a re-embedding stands.

    :param encoder: Which passage tower makes its vectors.
    :param dimension: Their length.
    :param position: Documents up to this key have been looked at.
    :param next_row: How many vectors there are.
    """

    encoder: dict[str, Any]
    dimension: int
    position: int
    next_row: int


def staging_in(connection: sqlite3.Connection) -> Staging | None:
    """The re-embedding that is under way; None if there is none."""
    try:
        row = connection.execute("SELECT encoder, dimension, position, next_row FROM staging").fetchone()
    except sqlite3.OperationalError as error:
        if "no such table: staging" not in str(error):
            raise
        return None
    return None if row is None else Staging(json.loads(row[0]), *row[1:])


def begin(connection: sqlite3.Connection, encoder: Mapping[str, Any], dimension: int) -> None:
    """Begin one, in a write transaction; what there was of another one is forgotten."""
    forget(connection)
    text = json.dumps(dict(encoder), ensure_ascii=False)
    connection.execute("INSERT INTO staging VALUES (1, ?, ?, 0, 0)", (text, dimension))


def forget(connection: sqlite3.Connection) -> None:
    """Forget it, in a write transaction."""
    for table in _TABLES:
        connection.execute(table)
    connection.execute("DELETE FROM staging")
    connection.execute("DELETE FROM staged")


def add(connection: sqlite3.Connection, keys: Sequence[int], checksums: Sequence[int], position: int) -> None:
    """Note vectors that are durable in their file, in a write transaction.

    :param keys: The documents they are for, in the order of their rows.
    :param checksums: A checksum of each.
    :param position: Documents up to this key have been looked at.
    """
    (first,) = connection.execute("SELECT next_row FROM staging").fetchone()
    rows = [(key, first + number, checksum) for number, (key, checksum) in enumerate(zip(keys, checksums, strict=True))]
    connection.executemany("INSERT INTO staged VALUES (?, ?, ?)", rows)
    connection.execute("UPDATE staging SET position = ?, next_row = next_row + ?", (position, len(rows)))


def adopt(connection: sqlite3.Connection) -> None:
    """Make the staged vectors those of the documents: a new generation, in the transaction that switches.

    Keys stay, so that the keyword index has nothing to do. Rows of documents that have gone since they were staged get
    tombstones, which is how dead rows are known; those of the old generation are none any more.
    """
    connection.execute("DROP INDEX documents_by_row")  # old and new rows would meet in it on the way
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
