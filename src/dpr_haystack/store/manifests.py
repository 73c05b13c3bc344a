# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The description of a store: its manifest, overridden by dimension and encoder in the database once it has them."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from dataclasses import replace

from dpr_haystack.store.database import EMBEDDING_TABLE, Database, State, read_state
from dpr_haystack.store.layout import Layout, Manifest, read_manifest

# A file changed less than this ago may change again without a visible difference in time, size and inode.
_SETTLED_NS = 2_000_000_000


class ManifestCache:
    """Reads a store's manifest, and reads it again only if the file may have changed.

    :param layout: The store's files.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._cached: tuple[tuple[int, ...], Manifest] | None = None

    def read(self) -> Manifest:
        """The manifest as it is on disk now.

        :raises StoreFailure: If it cannot be read.
        """
        cached = self._cached
        stamp = self._stamp()
        if cached is not None and stamp is not None and cached[0] == stamp:
            return cached[1]
        manifest = read_manifest(self._layout)
        # The stamp is older than the content, never newer: a change in between only causes another read.
        self._cached = None if stamp is None else (stamp, manifest)
        return manifest

    def _stamp(self) -> tuple[int, ...] | None:
        """What identifies this version of the file; None if nothing does, because it is missing or too new."""
        try:
            status = self._layout.manifest.stat()
        except OSError:
            return None
        if time.time_ns() - status.st_mtime_ns < _SETTLED_NS:
            return None
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def merged(manifest: Manifest, state: State) -> Manifest:
    """The manifest with the dimension and encoder that the database records, if it records them.

    :param manifest: What the file says.
    :param state: The store's state at that moment.
    """
    if not state.is_pinned:
        return manifest
    encoder = None if state.encoder is None else json.loads(state.encoder)
    return replace(manifest, dimension=state.dimension or manifest.dimension, encoder=encoder)


def manifest_of(layout: Layout) -> Manifest:
    """The current description of a store that need not be open.

    :param layout: Its files.
    :raises StoreFailure: If manifest or database cannot be read.
    """
    manifest = read_manifest(layout)
    if not layout.database.exists():
        return manifest  # opening the store reports the missing database
    database = Database(layout.database.resolve(), lock_timeout=60.0)
    with closing(database), database.reading() as connection:
        return merged(manifest, read_state(connection))


def pin(connection: sqlite3.Connection, manifest: Manifest) -> None:
    """Record dimension and encoder in the database, which then takes precedence over the manifest.

    :param connection: Inside a write transaction.
    :param manifest: Has the dimension and encoder.
    """
    connection.execute(EMBEDDING_TABLE)
    encoder = None if manifest.encoder is None else json.dumps(manifest.encoder, ensure_ascii=False)
    connection.execute("INSERT OR IGNORE INTO embedding VALUES (1, NULL, NULL, 0)")
    connection.execute("UPDATE embedding SET dimension = ?, encoder = ?", (manifest.dimension, encoder))
