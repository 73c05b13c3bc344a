# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""SQL statements shared by all writes."""

from __future__ import annotations

import sqlite3

from dpr_haystack.store.sql_values import listed

INSERT = """
INSERT INTO documents (id, content, meta, score, blob, blob_info, sparse, row, checksum)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def existing_ids(connection: sqlite3.Connection, ids: list[str]) -> set[str]:
    """The given ids that exist in the store.

    :param connection: A connection.
    :param ids: Ids to look up.
    """
    query = "SELECT id FROM documents WHERE id IN (SELECT value FROM json_each(?))"
    return {name for (name,) in connection.execute(query, (listed(ids),))}


def delete_documents(connection: sqlite3.Connection, condition: str, parameter: str, *, keep_rows: bool = False) -> int:
    """Delete documents and insert a tombstone for each.

    :param connection: Inside a write transaction.
    :param condition: SQL condition with one parameter.
    :param parameter: Its value.
    :param keep_rows: Leave the rows out of the tombstones, because the vectors remain in use.
    :returns: Number of documents deleted.
    """
    row = "NULL" if keep_rows else "row"
    connection.execute(
        f"INSERT INTO tombstones (key, row) SELECT key, {row} FROM documents WHERE {condition} ORDER BY key",
        (parameter,),
    )
    deleted = connection.execute(f"DELETE FROM documents WHERE {condition}", (parameter,)).rowcount
    connection.execute("UPDATE state SET count = count - ?", (deleted,))
    return deleted
