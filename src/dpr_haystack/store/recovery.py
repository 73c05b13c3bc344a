# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What opening a store puts in order: the leftovers of what was interrupted, and indexes of another past."""

from __future__ import annotations

import json
from collections.abc import Callable

from haystack import logging

from dpr_haystack.store.database import Database, State, read_state
from dpr_haystack.store.errors import StoreFailure, StoreLocked
from dpr_haystack.store.layout import Layout, read_manifest, write_manifest
from dpr_haystack.store.manifests import merged
from dpr_haystack.store.reembedding_state import staging_in
from dpr_haystack.store.vectors import VectorFile

logger = logging.getLogger(__name__)


def tidy_up(layout: Layout, database: Database, vector_file: Callable[[State], VectorFile]) -> None:
    """Take away what an interrupted write left behind; somebody else's write in progress is left alone.

    :param layout: The store's files.
    :param database: Its database.
    :param vector_file: The vectors of a moment.
    :raises StoreFailure: If vectors are missing; nothing was taken away then.
    """
    try:
        with database.writing(wait=False) as connection:
            state = read_state(connection)
            if state.next_row:
                _check_complete(vector_file(state), state)
            _follow_switch(layout, state)
            _trim(layout, vector_file(state), state)
            remove_vector_files(layout, lambda number: number != state.generation)
            _forget_another_past(layout, state)
            if staging_in(connection) is None:
                layout.staged.unlink(missing_ok=True)
    except StoreLocked:
        return


def remove_vector_files(layout: Layout, is_unwanted: Callable[[int], bool]) -> None:
    """Delete the vector files of some generations.

    :param is_unwanted: Tells by the generation. Outside of a write nobody knows whether a later one is being written.
    """
    for number, path in layout.vector_files().items():
        try:
            if is_unwanted(number):
                path.unlink(missing_ok=True)
        except OSError as error:  # where a file that is mapped cannot be deleted: next time
            logger.debug("{file} is left for now ({error})", file=str(path), error=str(error))


def _follow_switch(layout: Layout, state: State) -> None:
    """Finish a re-embedding that was interrupted between its switch and the manifest."""
    manifest = read_manifest(layout)
    if merged(manifest, state) != manifest:
        write_manifest(layout, merged(manifest, state))
        logger.warning("Repaired {store}: its manifest follows its new vectors", store=str(layout.root))


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
            "Repaired {store}: removed {count} bytes of a write that was interrupted before it was acknowledged",
            store=str(layout.root),
            count=surplus,
        )


def _forget_another_past(layout: Layout, state: State) -> None:
    """Delete the positions of indexes that have seen more than the database: it was restored from an older copy.

    They must go before the next write, which might bring the database past them again.
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
            continue  # who reads it next finds that it is damaged
        if is_ahead:
            path.unlink(missing_ok=True)
            logger.warning("{index} is of a later time than the documents: it is built anew", index=path.stem)
