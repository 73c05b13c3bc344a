# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Opening stores: one engine per directory and process, shared by all store objects of that directory."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from haystack import logging

from dpr_haystack.core.files import fsync_directory
from dpr_haystack.core.identity import same_encoder
from dpr_haystack.store.attribution import origin_in, record
from dpr_haystack.store.compaction import COMPACT_ABOVE
from dpr_haystack.store.database import Database, read_state
from dpr_haystack.store.engine import StoreEngine
from dpr_haystack.store.errors import DoesNotFit, NotAStore, StoreFailure
from dpr_haystack.store.layout import Layout, Manifest, write_manifest
from dpr_haystack.store.locks import across_processes
from dpr_haystack.store.read_only import working_layout
from dpr_haystack.store.settings import STORES_OWN, StoreSettings

logger = logging.getLogger(__name__)


@dataclass
class _Entry:
    engine: StoreEngine
    users: int = 0


_entries: dict[Path, _Entry] = {}
_inherited: list[_Entry] = []
_guard = threading.RLock()  # reentrant: the garbage collector may release a store while another is opened


def is_store(root: Path) -> bool:
    """Whether a directory is a store.

    :param root: The directory.
    """
    return Layout(root).manifest.exists()


def was_written(root: Path, lock_timeout: float) -> bool:
    """Whether documents were ever written to the store of a directory, even if they have been deleted since.

    :param root: The directory.
    :param lock_timeout: Seconds to wait for another process.
    """
    if not is_store(root):
        return False
    database = Database(Layout(root.resolve()).database, lock_timeout)
    with closing(database), database.reading() as connection:
        return read_state(connection).last_key > 0


def acquire(
    root: Path, wanted: StoreSettings, lock_timeout: float, *, compact_above: int = COMPACT_ABOVE
) -> StoreEngine:
    """Open the store of a directory, or create it; call :func:`release` when done.

    :param root: The directory.
    :param wanted: Settings that the store must have, or is created with.
    :param lock_timeout: Seconds to wait for another process.
    :param compact_above: Number of deleted documents up to which the store is not compacted. A store that this process
        has open already keeps its own limit.
    :raises DoesNotFit: If the store has another dimension, similarity, language or encoder.
    :raises StoreFailure: If it cannot be opened or created.
    """
    root = root.resolve()
    with _guard:
        if not is_store(root):
            _entries.pop(root, None)
            _create(Layout(root), wanted.of_new_store(), lock_timeout)
        entry = _entries.get(root)
        if entry is None or not entry.engine.is_current():
            entry = _Entry(StoreEngine(working_layout(root), lock_timeout, compact_above=compact_above))
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
    """Release an engine; the last user closes it.

    :param engine: What :func:`acquire` returned.
    """
    with _guard:
        for name, entry in list(_entries.items()):
            if entry.engine is engine:
                entry.users -= 1
                if entry.users > 0:
                    return
                del _entries[name]
    engine.close()


def _before_fork() -> None:
    """Close idle connections: a child process does not inherit SQLite's locks."""
    _guard.acquire()
    for entry in _entries.values():
        entry.engine.database.close()


def _in_child() -> None:
    """Start without engines. The parent's are kept alive: closing their connections would release its locks."""
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
        msg = f"cannot create a store at {layout.root}: {error}"
        raise StoreFailure(msg) from error
    if foreign:
        msg = f"{layout.root} is neither empty nor a store (it contains {sorted(foreign)[:3]}); use another directory"
        raise NotAStore(msg)
    with across_processes(layout.lock, lock_timeout):
        if layout.manifest.exists():
            return  # another process created it
        database = Database(layout.database, lock_timeout)
        database.create()
        with database.reading() as connection:
            (count,) = connection.execute("SELECT count FROM state").fetchone()
        database.close()
        if count:
            msg = f"{layout.manifest} is missing, but the store has {count} documents; restore that file from a copy"
            raise StoreFailure(msg)
        write_manifest(layout, manifest)
        fsync_directory(layout.root.parent)


def _is_ours(name: str) -> bool:
    # store.json: another process may have created it a moment ago
    return name in ("store.lock", "store.json") or name.startswith(
        ("documents.sqlite", ".store.json", "vectors-", "staged.", "indexes")
    )


def _check_fit(engine: StoreEngine, wanted: StoreSettings) -> None:
    manifest = engine.described()
    root = engine.layout.root
    is_read_only = engine.database.is_read_only  # then nothing can be recorded
    if wanted.dimension is not None and manifest.dimension is None and not is_read_only:
        engine.decide_dimension(wanted.dimension)
        manifest = engine.described()
    for name, expected, got, is_given in (
        ("embedding_dim", manifest.dimension, wanted.dimension, None not in (wanted.dimension, manifest.dimension)),
        ("similarity", manifest.similarity, wanted.similarity, wanted.similarity is not None),
        ("language", manifest.language, wanted.language, wanted.language != STORES_OWN),
    ):
        if is_given and expected != got:
            advice = f"Pass {name}={_shown(expected)} or leave it out, or use another directory."
            raise DoesNotFit(f"{name} of the store {root}", _shown(expected), _shown(got), advice)
    if wanted.encoder is not None:
        _check_encoder(engine, manifest, wanted.encoder)


def _shown(value: object) -> str:
    # the repr of an enum's member is not what can be passed
    return repr(str(value)) if isinstance(value, str) else repr(value)


def _check_encoder(engine: StoreEngine, manifest: Manifest, wanted: Mapping[str, Any]) -> None:
    if manifest.encoder is None and engine.database.is_read_only:
        return  # unknown, as it was
    recorded = manifest.encoder or _recorded(engine, wanted)
    if not same_encoder(recorded, wanted):
        advice = "Vectors of different encoders cannot be compared: use another directory, or re-embed the store."
        problem = f"encoder of the store {engine.layout.root}"
        raise DoesNotFit(problem, recorded.get("model"), wanted.get("model"), advice)


def _recorded(engine: StoreEngine, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Record the encoder of a store that has none; it made the vectors to come, perhaps not those that are there."""
    with engine.database.writing() as connection:
        manifest = engine.described(read_state(connection))
        if manifest.encoder is None:
            manifest = record(connection, manifest, wanted)
        origin = origin_in(connection, engine.layout, manifest)
    engine.record()
    if origin.unknown:
        logger.warning("{origin}; embed them anew: {remedy}", origin=str(origin), remedy=origin.remedy)
    return manifest.encoder or dict(wanted)
