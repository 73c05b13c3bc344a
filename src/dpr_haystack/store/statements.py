# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What every write says to the database."""

from __future__ import annotations

import sqlite3

from dpr_haystack.store.database import listed

INSERT = """
INSERT INTO documents (id, content, meta, score, blob, blob_info, sparse, row, checksum)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def present(connection: sqlite3.Connection, ids: list[str]) -> set[str]:
    """Those of some ids that are there."""
    query = "SELECT id FROM documents WHERE id IN (SELECT value FROM json_each(?))"
    return {name for (name,) in connection.execute(query, (listed(ids),))}


def bury(connection: sqlite3.Connection, condition: str, parameter: str, *, keep_rows: bool = False) -> int:
    """Delete documents and put up a tombstone for each; returns how many."""
    row = "NULL" if keep_rows else "row"
    connection.execute(
        f"INSERT INTO tombstones (key, row) SELECT key, {row} FROM documents WHERE {condition} ORDER BY key",
        (parameter,),
    )
    deleted = connection.execute(f"DELETE FROM documents WHERE {condition}", (parameter,)).rowcount
    connection.execute("UPDATE state SET count = count - ?", (deleted,))
    return deleted
