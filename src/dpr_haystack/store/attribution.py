# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Which rows of vectors were made by the recorded encoder.

A store has at most one recorded encoder. Rows of which it is not known that this encoder made them are listed in
``unattributed`` as ranges: normally there are none, and a store filled before its encoder was known needs one entry.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dpr_haystack.core.identity import same_encoder
from dpr_haystack.core.vector_origin import VectorOrigin
from dpr_haystack.errors import EncoderMismatch
from dpr_haystack.store.batch import Batch
from dpr_haystack.store.database import read_state
from dpr_haystack.store.errors import OtherEncoder
from dpr_haystack.store.layout import Layout, Manifest
from dpr_haystack.store.manifests import pin
from dpr_haystack.store.sql_values import listed

_TABLE = "CREATE TABLE IF NOT EXISTS unattributed (first INTEGER PRIMARY KEY, beyond INTEGER NOT NULL)"
_ATTRIBUTED = "NOT EXISTS (SELECT 1 FROM unattributed WHERE row >= first AND row < beyond)"
_UNATTRIBUTED = "SELECT count(*) FROM unattributed CROSS JOIN documents WHERE row >= first AND row < beyond"


def origin_in(connection: sqlite3.Connection, layout: Layout, manifest: Manifest) -> VectorOrigin:
    """What is known about the vectors of a store.

    :param connection: A transaction.
    :param layout: The store's files.
    :param manifest: Its description in this transaction.
    """
    (vectors,) = connection.execute("SELECT count(row) FROM documents").fetchone()
    unknown = vectors if manifest.encoder is None else _unattributed(connection)
    remedy = f"dpr-haystack reembed --store {layout.root}"
    return VectorOrigin(str(layout.root), manifest.encoder, vectors, unknown, remedy)


def admit(
    connection: sqlite3.Connection,
    layout: Layout,
    manifest: Manifest,
    batch: Batch,
    declared: Mapping[str, Any] | None,
) -> tuple[Manifest, list[bool]]:
    """Record the encoder of vectors that are about to be written, and refuse those of a second one.

    Before the documents that they replace are deleted.

    :param connection: Inside the write transaction.
    :param layout: The store's files.
    :param manifest: Its description in this transaction.
    :param batch: The documents.
    :param declared: The encoder of vectors without a mark, as the caller says; None if it is not known.
    :returns: The manifest with the encoder, and for each vector whether it is known that this encoder made it.
    :raises OtherEncoder: If another encoder made the store's vectors, or the batch has vectors of two.
    """
    encoders = [mark or declared for mark in batch.encoders]
    distinct = list({str(each): each for each in (declared, *encoders) if each is not None}.values())
    for other in distinct[1:]:
        if not same_encoder(distinct[0], other):
            raise _two_encoders(layout, distinct[0], other, is_declared=declared is not None)
    for encoder in distinct if encoders else ():
        manifest = _admit_one(connection, layout, manifest, encoder)
    if manifest.encoder is None:
        return manifest, [False] * len(encoders)
    kept = _kept(connection, batch) if None in encoders else set()
    return manifest, [encoder is not None or number in kept for number, encoder in enumerate(encoders)]


def _two_encoders(
    layout: Layout, first: Mapping[str, Any], other: Mapping[str, Any], *, is_declared: bool
) -> OtherEncoder:
    pair = f"vectors of {first['model']}: got vectors of {other['model']}; nothing was written"
    if is_declared:
        return OtherEncoder(f"{layout.root} is opened for {pair}. Pass encoder=embedder.identity, or no encoder")
    return OtherEncoder(f"{layout.root}: the first of these documents have {pair}")


def _admit_one(
    connection: sqlite3.Connection, layout: Layout, manifest: Manifest, encoder: Mapping[str, Any]
) -> Manifest:
    recorded = manifest.encoder
    if recorded is not None and recorded.get("fingerprint") and same_encoder(recorded, encoder):
        return manifest
    if recorded is not None:
        try:
            origin_in(connection, layout, manifest).check_addition(encoder)
        except EncoderMismatch as error:
            msg = f"{error}; nothing was written"
            raise OtherEncoder(msg) from error
        if same_encoder(recorded, encoder) and not encoder.get("fingerprint"):
            return manifest  # nothing new
    return record(connection, manifest, encoder)


def record(connection: sqlite3.Connection, manifest: Manifest, encoder: Mapping[str, Any]) -> Manifest:
    """Record an encoder; vectors that were there before an encoder was recorded stay of unknown origin.

    :param connection: Inside a write transaction.
    :param manifest: The store's description in this transaction.
    :param encoder: The encoder.
    :returns: The new description, which must be written to the manifest after the transaction: if it is interrupted,
        the file must not have the encoder yet.
    """
    if manifest.encoder is None:
        forget(connection)
        rows = read_state(connection).next_row
        connection.executemany("INSERT INTO unattributed VALUES (0, ?)", [(rows,)] if rows else [])
    changed = replace(manifest, encoder=dict(encoder))
    pin(connection, changed)
    return changed


def mark_unknown(connection: sqlite3.Connection, start: int, known: Sequence[bool]) -> None:
    """List the rows of vectors of unknown origin.

    :param connection: Inside a write transaction.
    :param start: The first row.
    :param known: For each row from there on whether the recorded encoder is known to have made it.
    """
    connection.execute(_TABLE)
    first = None
    for row, is_known in enumerate([*known, True], start):
        if not is_known and first is None:
            first = row
        elif is_known and first is not None:
            extended = connection.execute("UPDATE unattributed SET beyond = ? WHERE beyond = ?", (row, first)).rowcount
            if not extended:
                connection.execute("INSERT INTO unattributed VALUES (?, ?)", (first, row))
            first = None


def forget(connection: sqlite3.Connection) -> None:
    """Forget about rows of unknown origin: none is left, or all of them are.

    :param connection: Inside a write transaction.
    """
    connection.execute(_TABLE)
    connection.execute("DELETE FROM unattributed")


def renumber(connection: sqlite3.Connection, rows: Sequence[int]) -> None:
    """Follow rows that move together to where the rows of deleted documents were.

    :param connection: Inside the write transaction that compacts.
    :param rows: The rows of all documents with vectors before, sorted; the new ones are their positions.
    """
    connection.execute(_TABLE)
    ranges = connection.execute("SELECT first, beyond FROM unattributed ORDER BY first").fetchall()
    forget(connection)
    moved = [(bisect_left(rows, first), bisect_left(rows, beyond)) for first, beyond in ranges]
    connection.executemany("INSERT INTO unattributed VALUES (?, ?)", [pair for pair in moved if pair[0] < pair[1]])


def _unattributed(connection: sqlite3.Connection) -> int:
    try:
        return int(connection.execute(_UNATTRIBUTED).fetchone()[0])
    except sqlite3.OperationalError as error:
        if "no such table: unattributed" not in str(error):
            raise
        return 0  # a store of an earlier release: its record stands for all vectors


def _kept(connection: sqlite3.Connection, batch: Batch) -> set[int]:
    """Which vectors of a batch are those that the same documents have now, by the recorded encoder."""
    connection.execute(_TABLE)
    ids = {
        record.id: position
        for record, position in zip(batch.records, batch.vector_of, strict=True)
        if position is not None and batch.encoders[position] is None
    }
    query = (
        "SELECT id, checksum FROM documents WHERE id IN (SELECT value FROM json_each(?)) "
        f"AND row IS NOT NULL AND {_ATTRIBUTED}"
    )
    present = connection.execute(query, (listed(ids),)).fetchall()
    return {ids[name] for name, checksum in present if batch.checksums[ids[name]] == checksum}
