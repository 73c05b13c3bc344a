# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Recovery when a store is opened: leftovers of interrupted writes, and indexes newer than a restored database."""

from __future__ import annotations

import json
from collections.abc import Callable

from haystack import logging

from dpr_haystack.store.database import Database, State, read_state
from dpr_haystack.store.errors import StoreFailure, StoreLocked
from dpr_haystack.store.layout import Layout, read_manifest, write_manifest
from dpr_haystack.store.manifests import merged
from dpr_haystack.store.reembedding_state import reembedding_in
from dpr_haystack.store.vectors import VectorFile

logger = logging.getLogger(__name__)


def tidy_up(layout: Layout, database: Database, vector_file: Callable[[State], VectorFile]) -> None:
    """Remove what an interrupted write left; does nothing while another process is writing.
    Of a store that cannot be written to, nothing is removed.

    :param layout: The store's files.
    :param database: Its database.
    :param vector_file: Returns the vector file of a state.
    :raises StoreFailure: If vectors are missing; nothing is removed then.
    """
    if database.is_read_only:
        with database.reading() as connection:
            state = read_state(connection)
        if state.next_row:
            _check_complete(vector_file(state), state)
        return
    try:
        with database.writing(wait=False) as connection:
            state = read_state(connection)
            if state.next_row:
                _check_complete(vector_file(state), state)
            _follow_switch(layout, state)
            _trim(layout, vector_file(state), state)
            remove_vector_files(layout, lambda number: number != state.generation)
            _drop_newer_indexes(layout, state)
            if reembedding_in(connection) is None:
                layout.new_vectors.unlink(missing_ok=True)
    except StoreLocked:
        return


def remove_vector_files(layout: Layout, is_unwanted: Callable[[int], bool]) -> None:
    """Delete the vector files of some generations.

    :param layout: The store's files.
    :param is_unwanted: Whether to delete a generation. Outside of a write transaction a later generation may be the one
        that another process is writing.
    """
    for number, path in layout.vector_files().items():
        try:
            if is_unwanted(number):
                path.unlink(missing_ok=True)
        except OSError as error:  # some systems cannot delete a mapped file
            logger.debug("{file} could not be deleted yet ({error})", file=str(path), error=str(error))


def _follow_switch(layout: Layout, state: State) -> None:
    """Update the manifest after a re-embedding that was interrupted between its switch and the manifest."""
    manifest = read_manifest(layout)
    if merged(manifest, state) != manifest:
        write_manifest(layout, merged(manifest, state))
        logger.warning("Repaired {store}: updated its manifest to its new vectors", store=str(layout.root))


def _check_complete(file: VectorFile, state: State) -> None:
    surplus = file.surplus(state.next_row)
    if surplus < 0:
        msg = (
            f"{file.path} is damaged: {-surplus} bytes of the {state.next_row} vectors are missing. "
            "Run `dpr-haystack check`, or restore the store from a copy."
        )
        raise StoreFailure(msg)


def _trim(layout: Layout, file: VectorFile, state: State) -> None:
    surplus = file.surplus(state.next_row)
    if surplus > 0:
        file.trim(state.next_row)
        logger.warning(
            "Repaired {store}: removed {count} bytes of an interrupted write",
            store=str(layout.root),
            count=surplus,
        )


def _drop_newer_indexes(layout: Layout, state: State) -> None:
    """Delete the positions of indexes newer than the database, which was restored from an older copy.

    This must happen before the next write, which might take the database past those positions again.
    """
    for path in layout.indexes.glob("*.json"):
        try:
            position = json.loads(path.read_text(encoding="utf-8"))
            is_ahead = (
                position.get("last_key", 0) > state.last_key
                or position.get("last_tombstone", 0) > state.last_tombstone
                or (position.get("generation", 0), position.get("rows", 0)) > (state.generation, state.next_row)
            )
        except (OSError, ValueError, TypeError, AttributeError):
            continue  # its next reader reports that it is damaged
        if is_ahead:
            path.unlink(missing_ok=True)
            logger.warning("the index {index} is newer than the restored database; it will be rebuilt", index=path.stem)
