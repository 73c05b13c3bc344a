# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What a store is: its manifest, and of its vectors what the database says, once that says it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from dpr_haystack.store.database import EMBEDDING_TABLE, Database, State, read_state
from dpr_haystack.store.layout import Layout, Manifest, read_manifest


def merged(manifest: Manifest, state: State) -> Manifest:
    """The manifest as it is at one moment.

    :param manifest: What the file says.
    :param state: The store's state at that moment.
    """
    if not state.is_pinned:
        return manifest
    encoder = None if state.encoder is None else json.loads(state.encoder)
    return replace(manifest, dimension=state.dimension or manifest.dimension, encoder=encoder)


def manifest_of(layout: Layout, lock_timeout: float = 60.0) -> Manifest:
    """What a store is now, asked of its files alone.

    :param layout: Its files.
    :param lock_timeout: Seconds to wait for another process.
    :raises StoreFailure: If manifest or database cannot be read.
    """
    manifest = read_manifest(layout)
    if not layout.database.exists():
        return manifest  # who opens the store says so
    database = Database(layout.database.resolve(), lock_timeout)
    with closing(database), database.reading() as connection:
        return merged(manifest, read_state(connection))


def pin(connection: sqlite3.Connection, manifest: Manifest) -> None:
    """Have the database say what the vectors are.

    :param connection: Inside a write transaction.
    :param manifest: What they are.
    """
    connection.execute(EMBEDDING_TABLE)
    encoder = None if manifest.encoder is None else json.dumps(manifest.encoder, ensure_ascii=False)
    connection.execute("INSERT OR IGNORE INTO embedding VALUES (1, NULL, NULL, 0)")
    connection.execute("UPDATE embedding SET dimension = ?, encoder = ?", (manifest.dimension, encoder))


def as_record(encoder: str | dict[str, Any] | None) -> dict[str, Any] | None:
    """What a manifest says of an encoder: a path on this machine is absolute, as towers name themselves.

    :param encoder: Its name or path, or such a record itself; None if it is not known.
    """
    if not isinstance(encoder, str):
        return encoder
    path = Path(encoder).expanduser()
    return {"model": str(path.resolve()) if path.exists() else encoder}
