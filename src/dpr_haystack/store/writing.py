# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Writing, deleting and updating the documents of a store, and compacting it afterwards.

A write appends the vectors, makes them durable, and commits the documents that refer to them in one SQLite
transaction: before that commit nothing has changed, after it everything has.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from haystack import logging
from haystack.dataclasses import Document
from haystack.document_stores.types import DuplicatePolicy

from dpr_haystack.core.encoder_mark import MARK
from dpr_haystack.errors import EncoderMismatch, StoreError
from dpr_haystack.store.attribution import admit, forget, mark_unknown
from dpr_haystack.store.batch import Batch, check_dimension, duplicates, prepare, without
from dpr_haystack.store.compaction import clear, compact, is_worth_it
from dpr_haystack.store.database import State, read_state
from dpr_haystack.store.engine import StoreEngine
from dpr_haystack.store.errors import BadDocument, BadFilter
from dpr_haystack.store.kept_vectors import KeptVectors, vectors_to_keep
from dpr_haystack.store.manifests import pin
from dpr_haystack.store.records import dump_meta, load_meta
from dpr_haystack.store.recovery import remove_vector_files
from dpr_haystack.store.sql_values import listed
from dpr_haystack.store.statements import INSERT, delete_documents, existing_ids
from dpr_haystack.store.vectors import VectorFile
from dpr_haystack.store.view import Filters, SelectionCache, View

logger = logging.getLogger(__name__)

_BY_ID = "id IN (SELECT value FROM json_each(?))"
_BY_KEY = "key IN (SELECT value FROM json_each(?))"


class StoreWriter:
    """Changes the documents of a store. Holds no state of its own, so it may be made for each call.

    :param engine: The open store.
    :param encoder: The passage tower that makes the vectors of documents that say nothing about it; None if unknown.
    """

    def __init__(self, engine: StoreEngine, encoder: Mapping[str, Any] | None = None) -> None:
        self._engine = engine
        self._database = engine.database
        self._encoder = encoder

    def write(self, documents: Sequence[Document], policy: DuplicatePolicy, switches: int | None = None) -> int:
        """Write documents; they are durable when this returns.

        :param documents: The documents, with or without embeddings.
        :param policy: What to do with ids that exist already.
        :param switches: Number of completed re-embeddings that the embeddings belong to: a write is refused if there
            have been more since. None: not checked.
        :returns: Number of documents written.
        :raises BadDocument: If a document cannot be stored. As with every error, nothing is written then.
        :raises DoesNotFit: If an embedding has the wrong length.
        :raises DuplicateDocuments: If ids exist already and the policy is FAIL or NONE.
        :raises EncoderMismatch: If another encoder made the store's vectors, or the store has been re-embedded since
            ``switches``.
        :raises StoreLocked: If another process did not finish writing in time.
        """
        batch = prepare(documents, policy, self._engine.dimension)
        if not len(batch):
            return 0
        with self._database.writing() as connection:
            state = read_state(connection)
            if switches not in (None, state.switches):
                raise self._reembedded(state)
            existing = existing_ids(connection, [record.id for record in batch.records])
            if existing and policy not in (DuplicatePolicy.SKIP, DuplicatePolicy.OVERWRITE):
                raise duplicates(sorted(existing), "exist in the store")
            kept = KeptVectors()
            if policy == DuplicatePolicy.SKIP:
                batch = without(batch, existing)
            before = self._engine.described(state)
            after, known = admit(connection, self._engine.layout, before, batch, self._encoder)
            if existing and policy != DuplicatePolicy.SKIP:
                kept = vectors_to_keep(connection, batch, str(self._engine.layout.root))
                delete_documents(connection, _BY_ID, listed(kept), keep_rows=True)
                delete_documents(connection, _BY_ID, listed(existing - kept.keys()))
            self._append(connection, state, batch, kept)
            if after.encoder is not None:
                mark_unknown(connection, state.next_row, known)
        if after != before:
            self._follow_record()
        if after.encoder is not None and not all(known):
            self._warn_of_unknown(known)
        self._compact_if_worth_it()
        return len(batch)

    def declare(self, encoder: Mapping[str, Any] | None) -> None:
        """Record which passage tower made all vectors, whatever was known about them.

        :param encoder: ``{"model": ..., "fingerprint": ...}``; None for unknown.
        """
        with self._database.writing() as connection:
            forget(connection)
            manifest = self._engine.described(read_state(connection))
            pin(connection, replace(manifest, encoder=None if encoder is None else dict(encoder)))
        self._follow_record()

    def delete(self, ids: Sequence[str]) -> int:
        """Delete documents by id; unknown ids are ignored.

        :param ids: The ids.
        :returns: Number of documents deleted.
        :raises BadDocument: If ``ids`` is a single string.
        """
        if isinstance(ids, str):
            msg = f"document_ids must be a list of ids: got {ids!r}"
            raise BadDocument(msg)
        with self._database.writing() as connection:
            deleted = delete_documents(connection, _BY_ID, listed(ids))
        self._compact_if_worth_it()
        return deleted

    def delete_matching(self, filters: Filters) -> int:
        """Delete the documents that match a filter.

        :param filters: A Haystack filter.
        :returns: Number of documents deleted.
        :raises FilterError: If the filter is invalid.
        """
        with self._database.writing() as connection:
            keys = self._matching_keys(connection, filters)
            deleted = delete_documents(connection, _BY_KEY, listed(keys))
        self._compact_if_worth_it()
        return deleted

    def update_matching(self, filters: Filters, meta: Mapping[str, Any]) -> int:
        """Merge metadata into the documents that match a filter; their vectors are kept.

        :param filters: A Haystack filter.
        :param meta: Metadata to add or replace.
        :returns: Number of documents updated.
        :raises BadDocument: If the metadata cannot be stored.
        :raises FilterError: If the filter is invalid.
        """
        if MARK in meta:
            msg = f"meta[{MARK!r}] is reserved for the mark of the encoder; use another name"
            raise BadDocument(msg)
        dump_meta(dict(meta), "to be updated")
        with self._database.writing() as connection:
            keys = listed(self._matching_keys(connection, filters))
            columns = "id, content, meta, score, blob, blob_info, sparse, row, checksum"
            rows = connection.execute(
                f"SELECT {columns} FROM documents WHERE {_BY_KEY} ORDER BY key", (keys,)
            ).fetchall()
            delete_documents(connection, _BY_KEY, keys, keep_rows=True)
            updated = [
                (name, content, dump_meta({**load_meta(old), **meta}, name), *rest)
                for name, content, old, *rest in rows
            ]
            connection.executemany(INSERT, updated)
            connection.execute("UPDATE state SET count = count + ?", (len(updated),))
        self._compact_if_worth_it()
        return len(updated)

    def delete_all(self) -> None:
        """Delete every document and start a new generation of vectors."""
        with self._database.writing() as connection:
            clear(connection)
        self._remove_old_generations()

    def finish_switch(self) -> None:
        """Clean up after the switch to new vectors: update the manifest, delete old vector files, compact.

        The switch is committed already, so failures here are only logged; opening the store does the same work.
        """
        self._follow_record()
        self._compact_if_worth_it()

    def _follow_record(self) -> None:
        """Write to the manifest what the database has recorded, and delete vector files that are not used any more."""
        try:
            self._engine.record()
            self._remove_old_generations()
        except StoreError as error:
            logger.warning(
                "{store}: its manifest and files could not be updated: {error}. The next opening does it.",
                store=str(self._engine.layout.root),
                error=str(error),
            )

    def _warn_of_unknown(self, known: Sequence[bool]) -> None:
        logger.warning(
            "{store}: {count} of the {all} vectors just written do not say which encoder made them, but the store's "
            "is recorded. Embed with DPRDocumentEmbedder, or name it: FAISSDocumentStore(..., encoder=...)",
            store=str(self._engine.layout.root),
            count=len(known) - sum(known),
            all=len(known),
        )

    def _append(self, connection: sqlite3.Connection, state: State, batch: Batch, kept: KeptVectors) -> None:
        count = len(batch.vectors)
        if count:
            self._engine.settle_dimension(connection, batch.vectors.shape[1])
            # Another writer may have set it, or re-embedded the store, since the batch was prepared.
            check_dimension(batch, self._engine.dimension_at(read_state(connection)))
            # Durable before the documents that refer to them: a crash in between leaves rows that nothing refers to.
            self._engine.vector_file(state).append(state.next_row, batch.vectors)
        rows = [
            (
                *record.values,
                *(kept.get(record.id, (None, None)) if at is None else (state.next_row + at, batch.checksums[at])),
            )
            for record, at in zip(batch.records, batch.vector_of, strict=True)
        ]
        connection.executemany(INSERT, rows)
        connection.execute("UPDATE state SET count = count + ?, next_row = next_row + ?", (len(rows), count))

    def _matching_keys(self, connection: sqlite3.Connection, filters: Filters) -> list[int]:
        if not filters:
            msg = f"no document was changed: a filter is needed, got {filters!r}. delete_all_documents deletes all"
            raise BadFilter(msg)
        state = read_state(connection)
        view = View(connection, state, self._engine.vectors_at(state), SelectionCache())
        return [int(key) for key in view.select(filters).keys]

    def _reembedded(self, state: State) -> EncoderMismatch:
        model = (self._engine.described(state).encoder or {}).get("model")
        msg = f"{self._engine.layout.root} was re-embedded with {model} in the meantime; continue with that model"
        return EncoderMismatch(msg)

    def _compact_if_worth_it(self) -> None:
        """Compact the store. The change itself is committed already, so a failure is only logged."""
        try:
            if is_worth_it(self._engine.state(), self._engine.compact_above):
                self._compact()
        except StoreError as error:
            logger.warning("{store} was not compacted: {error}", store=str(self._engine.layout.root), error=str(error))

    def _compact(self) -> None:
        with self._database.writing() as connection:
            state = read_state(connection)
            if not is_worth_it(state, self._engine.compact_above):
                return
            path = self._engine.layout.vectors(state.generation + 1)
            target = VectorFile(path, self._engine.dimension_at(state) or 0)
            try:
                compact(connection, self._engine.vector_file(state), target)
            except BaseException:
                path.unlink(missing_ok=True)  # a partial file would take up disk space, which may be what ran out
                raise
        self._remove_old_generations()

    def _remove_old_generations(self) -> None:
        generation = self._engine.state().generation
        remove_vector_files(self._engine.layout, lambda number: number < generation)
