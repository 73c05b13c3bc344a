# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Opening stores: one engine for each directory in a process, shared by all who name it."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from dpr_haystack.store.database import Database
from dpr_haystack.store.engine import StoreEngine
from dpr_haystack.store.errors import DoesNotFit, StoreFailure
from dpr_haystack.store.layout import Layout, Manifest, read_manifest, write_manifest
from dpr_haystack.store.locks import across_processes


@dataclass
class _Entry:
    engine: StoreEngine
    identity: tuple[int, int]
    users: int = 0


_entries: dict[tuple[int, Path], _Entry] = {}
_guard = threading.Lock()


def is_store(root: Path) -> bool:
    """Whether a directory holds a store."""
    return Layout(root).manifest.exists()


def acquire(root: Path, wanted: Manifest, lock_timeout: float) -> StoreEngine:
    """The engine of a directory, which becomes a store if it is none; :func:`release` it when done.

    :param root: The directory.
    :param wanted: What the store is to be.
    :param lock_timeout: Seconds to wait for another process.
    :raises DoesNotFit: If it is a store of another dimension, similarity or language.
    :raises StoreFailure: If it cannot be opened or made.
    """
    # A forked child must not use its parent's SQLite connections: the process is part of the name.
    name = (os.getpid(), root.resolve())
    with _guard:
        if not is_store(root):
            _entries.pop(name, None)
            _create(Layout(root.resolve()), wanted, lock_timeout)
        entry = _entries.get(name)
        if entry is None or entry.identity != _identity(root):
            engine = StoreEngine(Layout(root.resolve()), lock_timeout)
            entry = _entries[name] = _Entry(engine, _identity(root))
        _check_fit(entry.engine, wanted)
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


def _identity(root: Path) -> tuple[int, int]:
    """Tells a store from another one that has taken its place; the manifest itself is replaced now and then."""
    status = Layout(root).database.stat()
    return status.st_dev, status.st_ino


def _create(layout: Layout, manifest: Manifest, lock_timeout: float) -> None:
    try:
        layout.root.mkdir(parents=True, exist_ok=True)
        foreign = [path.name for path in layout.root.iterdir() if not _is_ours(path.name)]
    except OSError as error:
        msg = f"no store can be made at {layout.root}: {error}"
        raise StoreFailure(msg) from error
    if foreign:
        msg = f"{layout.root} is not empty and not a store (it holds {sorted(foreign)[:3]}); name another directory"
        raise StoreFailure(msg)
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


def _is_ours(name: str) -> bool:
    return name == "store.lock" or name.startswith(("documents.sqlite", ".store.json", "vectors-", "indexes"))


def _check_fit(engine: StoreEngine, wanted: Manifest) -> None:
    have = read_manifest(engine.layout)
    root = engine.layout.root
    if wanted.dimension is not None and have.dimension is None:
        have = replace(have, dimension=wanted.dimension)
        write_manifest(engine.layout, have)
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
        engine.record_encoder(dict(wanted))
        return
    same = "fingerprint" if "fingerprint" in have.encoder and "fingerprint" in wanted else "model"
    if have.encoder.get(same) != wanted.get(same):
        advice = "Vectors of two encoders cannot be compared: name another directory, or embed the store anew."
        what = f"the store {engine.layout.root} holds vectors of another encoder"
        raise DoesNotFit(what, have.encoder.get("model"), wanted.get("model"), advice)
