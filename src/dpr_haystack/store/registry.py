# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Opening stores: one engine for each directory in a process, shared by all who name it."""

from __future__ import annotations

import os
import threading
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from dpr_haystack.core.files import fsync_directory
from dpr_haystack.store.database import Database, read_state
from dpr_haystack.store.engine import StoreEngine
from dpr_haystack.store.errors import DoesNotFit, NotAStore, StoreFailure
from dpr_haystack.store.layout import Layout, Manifest, write_manifest
from dpr_haystack.store.locks import across_processes


@dataclass
class _Entry:
    engine: StoreEngine
    users: int = 0


_entries: dict[Path, _Entry] = {}
_inherited: list[_Entry] = []
_guard = threading.RLock()  # a store that is collected while another one is opened lets go of its engine here


def is_store(root: Path) -> bool:
    """Whether a directory holds a store."""
    return Layout(root).manifest.exists()


def was_written(root: Path, lock_timeout: float) -> bool:
    """Whether anything was ever written to the store of a directory, be it deleted since."""
    if not is_store(root):
        return False
    database = Database(Layout(root.resolve()).database, lock_timeout)
    with closing(database), database.reading() as connection:
        return read_state(connection).last_key > 0


def acquire(root: Path, wanted: Manifest, lock_timeout: float) -> StoreEngine:
    """The engine of a directory, which becomes a store if it is none; :func:`release` it when done.

    :param root: The directory.
    :param wanted: What the store is to be.
    :param lock_timeout: Seconds to wait for another process.
    :raises DoesNotFit: If it is a store of another dimension, similarity or language.
    :raises StoreFailure: If it cannot be opened or made.
    """
    root = root.resolve()
    with _guard:
        if not is_store(root):
            _entries.pop(root, None)
            _create(Layout(root), wanted, lock_timeout)
        entry = _entries.get(root)
        if entry is None or not entry.engine.is_current():
            entry = _Entry(StoreEngine(Layout(root), lock_timeout))
        try:
            _check_fit(entry.engine, wanted)
        except BaseException:
            if not entry.users:
                entry.engine.close()
            raise
        _entries[root] = entry
        entry.users += 1
        return entry.engine


def release(engine: StoreEngine) -> None:
    """Say that one user of an engine is done; the last one closes it."""
    with _guard:
        for name, entry in list(_entries.items()):
            if entry.engine is engine:
                entry.users -= 1
                if entry.users > 0:
                    return
                del _entries[name]
    engine.close()


def _before_fork() -> None:
    """Close the connections that are not in use: SQLite's locks do not follow them into the child."""
    _guard.acquire()
    for entry in _entries.values():
        entry.engine.database.close()


def _in_child() -> None:
    """Begin without engines. The parent's are kept, because closing their connections would touch its locks."""
    _inherited.extend(_entries.values())
    _entries.clear()
    _guard.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_guard.release, after_in_child=_in_child)


def _create(layout: Layout, manifest: Manifest, lock_timeout: float) -> None:
    try:
        layout.root.mkdir(parents=True, exist_ok=True)
        foreign = [path.name for path in layout.root.iterdir() if not _is_ours(path.name)]
    except OSError as error:
        msg = f"no store can be made at {layout.root}: {error}"
        raise StoreFailure(msg) from error
    if foreign:
        msg = f"{layout.root} is not empty and not a store (it holds {sorted(foreign)[:3]}); name another directory"
        raise NotAStore(msg)
    with across_processes(layout.lock, lock_timeout):
        if layout.manifest.exists():
            return  # another process was faster
        database = Database(layout.database, lock_timeout)
        database.create()
        with database.reading() as connection:
            (count,) = connection.execute("SELECT count FROM state").fetchone()
        database.close()
        if count:
            msg = f"{layout.manifest} is missing, but the store holds {count} documents; restore that file from a copy"
            raise StoreFailure(msg)
        write_manifest(layout, manifest)
        fsync_directory(layout.root.parent)


def _is_ours(name: str) -> bool:
    # store.json may be there since a moment: another process was faster
    return name in ("store.lock", "store.json") or name.startswith(
        ("documents.sqlite", ".store.json", "vectors-", "staged.", "indexes")
    )


def _check_fit(engine: StoreEngine, wanted: Manifest) -> None:
    have = engine.described()
    root = engine.layout.root
    if wanted.dimension is not None and have.dimension is None:
        engine.decide_dimension(wanted.dimension)
        have = engine.described()
    for what, expected, got in (
        ("embedding_dim", have.dimension, wanted.dimension if wanted.dimension is not None else have.dimension),
        ("similarity", have.similarity, wanted.similarity),
        ("language", have.language, wanted.language),
    ):
        if expected != got:
            advice = f"Pass {what}={expected!r}, or name another directory."
            raise DoesNotFit(f"the store {root} was made with another {what}", repr(expected), repr(got), advice)
    if wanted.encoder is not None:
        _check_encoder(engine, have, wanted.encoder)


def _check_encoder(engine: StoreEngine, have: Manifest, wanted: dict[str, object]) -> None:
    if have.encoder is None:
        engine.record(encoder=dict(wanted))
        return
    same = "fingerprint" if "fingerprint" in have.encoder and "fingerprint" in wanted else "model"
    if have.encoder.get(same) != wanted.get(same):
        advice = "Vectors of two encoders cannot be compared: name another directory, or embed the store anew."
        what = f"the store {engine.layout.root} holds vectors of another encoder"
        raise DoesNotFit(what, have.encoder.get("model"), wanted.get("model"), advice)
