# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Consistent copies of a store that is in use."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from dpr_haystack.core.files import atomic_directory
from dpr_haystack.store.database import Database, read_state
from dpr_haystack.store.engine import StoreEngine
from dpr_haystack.store.errors import StoreFailure
from dpr_haystack.store.layout import Layout, write_manifest
from dpr_haystack.store.reembedding_state import discard
from dpr_haystack.store.vectors import VectorFile

_ROWS_AT_ONCE = 50_000


def save_copy(engine: StoreEngine, target: Path) -> None:
    """Write a consistent copy of a store while others may write to the store.

    The copy gets its name when it is complete, and replaces a store of that name.

    :param engine: The store.
    :param target: The directory of the copy.
    :raises StoreFailure: If the target exists and is not a store, or the copy cannot be written.
    """
    target = target.resolve()
    if target == engine.layout.root:
        return  # everything is durable already
    if target.exists() and not Layout(target).manifest.exists() and (target.is_file() or any(target.iterdir())):
        msg = f"{target} exists and is not a store; save to another directory"
        raise StoreFailure(msg)
    try:
        with atomic_directory(target) as temporary:
            _copy(engine, Layout(temporary))
    except OSError as error:
        msg = f"cannot write a copy to {target}: {error}"
        raise StoreFailure(msg) from error


def _copy(engine: StoreEngine, layout: Layout) -> None:
    with engine.view() as view:  # keeps these vectors readable even if the store is compacted
        copy = sqlite3.connect(layout.database)
        try:
            view.connection.backup(copy)
            discard(copy)  # the vectors of a re-embedding are not copied
            copy.commit()
        except sqlite3.OperationalError as error:  # from the copy; errors of the store have another type
            raise OSError(str(error)) from error
        finally:
            copy.close()
        database = Database(layout.database, lock_timeout=1.0)
        with database.reading() as connection:
            state = read_state(connection)
        database.close()
        vectors, manifest = view.vectors, engine.described(view.state)
        if (state.generation, state.next_row) != (view.state.generation, view.state.next_row):
            msg = f"inconsistent copy {layout.root}: rows and vectors are of different generations"
            raise StoreFailure(msg)
        file = VectorFile(layout.vectors(state.generation), vectors.shape[1])
        for start in range(0, len(vectors), _ROWS_AT_ONCE):
            file.append(start, vectors[start : start + _ROWS_AT_ONCE])
    write_manifest(layout, manifest)
