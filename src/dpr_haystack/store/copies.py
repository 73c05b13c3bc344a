# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Consistent copies of a store that is in use."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from dpr_haystack.core.files import whole_directory
from dpr_haystack.store import reembedding_state as staging
from dpr_haystack.store.database import Database, read_state
from dpr_haystack.store.engine import StoreEngine
from dpr_haystack.store.errors import StoreFailure
from dpr_haystack.store.layout import Layout, write_manifest
from dpr_haystack.store.vectors import VectorFile

_ROWS_AT_ONCE = 50_000


def save_copy(engine: StoreEngine, target: Path) -> None:
    """Write a copy of a store as it is at one moment; others may go on writing to it.

    The copy appears under its name when it is complete. A store that is there already is replaced.

    :param engine: The store.
    :param target: The directory of the copy.
    :raises StoreFailure: If there is something else under that name, or the copy cannot be written.
    """
    target = target.resolve()
    if target == engine.layout.root:
        return  # everything is durable where it is
    if target.exists() and not Layout(target).manifest.exists() and (target.is_file() or any(target.iterdir())):
        msg = f"{target} is there and is no store; name another directory to save to"
        raise StoreFailure(msg)
    try:
        with whole_directory(target) as temporary:
            _copy(engine, Layout(temporary))
    except OSError as error:
        msg = f"no copy could be written to {target}: {error}"
        raise StoreFailure(msg) from error


def _copy(engine: StoreEngine, layout: Layout) -> None:
    with engine.view() as view:  # holds on to the vectors of this moment, whatever is compacted meanwhile
        copy = sqlite3.connect(layout.database)
        try:
            view.connection.backup(copy)
            staging.forget(copy)  # its vectors are not copied
            copy.commit()
        except sqlite3.OperationalError as error:  # of the copy: the store itself was read
            raise OSError(str(error)) from error
        finally:
            copy.close()
        database = Database(layout.database, lock_timeout=1.0)
        with database.reading() as connection:
            state = read_state(connection)
        database.close()
        vectors, manifest = view.vectors, engine.described(view.state)
        if (state.generation, state.next_row) != (view.state.generation, view.state.next_row):
            msg = f"the copy {layout.root} is not of one moment"
            raise StoreFailure(msg)
        file = VectorFile(layout.vectors(state.generation), vectors.shape[1])
        for start in range(0, len(vectors), _ROWS_AT_ONCE):
            file.append(start, vectors[start : start + _ROWS_AT_ONCE])
    write_manifest(layout, manifest)
