# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The one object behind all stores of a directory: opening, reading and writing it.

A write appends the vectors, makes them durable, and commits the documents that point at them in one SQLite
transaction. Until that commit nothing has happened; after it everything has. Indexes catch up when they are asked.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from haystack import logging
from haystack.dataclasses import Document
from haystack.document_stores.types import DuplicatePolicy

from dpr_haystack.core.exact import Floats
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.errors import EncoderMismatch, StoreError
from dpr_haystack.store.batch import Batch, check_dimension, duplicates, prepare, without
from dpr_haystack.store.compaction import clear, compact, is_worth_it
from dpr_haystack.store.database import Database, State, listed, read_state
from dpr_haystack.store.dense import ApproximateSearcher, ExactSearcher, make_searcher
from dpr_haystack.store.errors import BadDocument, StoreFailure
from dpr_haystack.store.keyword import KeywordCache
from dpr_haystack.store.layout import Layout, Manifest, read_manifest, write_manifest
from dpr_haystack.store.manifests import merged, pin
from dpr_haystack.store.records import dump_meta, load_meta
from dpr_haystack.store.recovery import remove_vector_files, tidy_up
from dpr_haystack.store.statements import INSERT, bury, present
from dpr_haystack.store.vectors import VectorFile
from dpr_haystack.store.view import Filters, SelectionCache, View

logger = logging.getLogger(__name__)


class StoreEngine:
    """A store's directory, open.

    :param layout: Its files; the manifest is there.
    :param lock_timeout: Seconds to wait for another process that writes.
    """

    def __init__(self, layout: Layout, lock_timeout: float) -> None:
        self.layout = layout
        self.manifest = read_manifest(layout)
        self.database = Database(layout.database, lock_timeout)
        self.keyword = KeywordCache(layout, self.database, self.manifest.language, lock_timeout)
        self._lock_timeout = lock_timeout
        self._searchers: dict[tuple[object, ...], ExactSearcher | ApproximateSearcher] = {}
        self._selections = SelectionCache()
        self._vectors: dict[int, VectorFile] = {}
        self._guard = threading.Lock()
        self._process = os.getpid()
        self._place = self._on_disk()
        tidy_up(layout, self.database, self.vector_file)

    def is_current(self) -> bool:
        """Whether this is still the process that opened it, and its files the ones under their names.

        A forked process must not use its parent's SQLite connections; and a directory may be deleted, or replaced.
        """
        try:
            return self._process == os.getpid() and self._place == self._on_disk()
        except StoreFailure:
            return False

    @property
    def similarity(self) -> Similarity:
        """How vectors are compared."""
        return self.manifest.similarity

    @property
    def dimension(self) -> int | None:
        """Length of the vectors; None before the first one was written."""
        return self.dimension_at(self.state())

    def dimension_at(self, state: State) -> int | None:
        """Length of the vectors at one moment."""
        if state.dimension is not None:
            return state.dimension
        if self.manifest.dimension is None:
            self.manifest = read_manifest(self.layout)  # another process may have written the first one
        return self.manifest.dimension

    def described(self, state: State | None = None) -> Manifest:
        """What the store is, now or at one moment."""
        return merged(read_manifest(self.layout), state or self.state())

    @contextmanager
    def view(self) -> Iterator[View]:
        """One moment of the store, to read from."""
        with ExitStack() as stack:
            while True:
                connection = stack.enter_context(self.database.reading())
                state = read_state(connection)
                try:
                    vectors = self._vectors_at(state)
                    break
                except StoreFailure:
                    stack.close()
                    if self.state().generation == state.generation:
                        raise
                    # A compaction took the file away between the two reads: look again.
            yield View(connection, state, vectors, self._selections)

    def state(self) -> State:
        """Where the store stands now."""
        with self.database.reading() as connection:
            return read_state(connection)

    def searcher(self, index_string: str, options: Mapping[str, int] | None) -> ExactSearcher | ApproximateSearcher:
        """The searcher of an index string; the same one for all who ask."""
        name = (index_string, *sorted((options or {}).items()))
        with self._guard:
            if name not in self._searchers:
                self._searchers[name] = make_searcher(
                    self.layout, index_string, options, self.similarity, self._lock_timeout
                )
            return self._searchers[name]

    def vector_file(self, state: State) -> VectorFile:
        """The vectors of a moment's generation."""
        generation, dimension = state.generation, self.dimension_at(state) or 0
        with self._guard:
            file = self._vectors.get(generation)
            if file is None or file.dimension != dimension:
                file = VectorFile(self.layout.vectors(generation), dimension)
                self._vectors = {number: kept for number, kept in self._vectors.items() if number >= generation - 1}
                self._vectors[generation] = file
            return file

    def write(self, documents: Sequence[Document], policy: DuplicatePolicy, switches: int | None = None) -> int:
        """Write documents; durable when this returns.

        :param switches: Refuse if the store has been embedded anew since there were so many of these.
        :returns: How many were written.
        :raises BadDocument: If one cannot be kept; nothing was written then, as with every error.
        :raises DoesNotFit: If an embedding has the wrong length.
        :raises DuplicateDocuments: If ids are there already under FAIL or NONE.
        :raises StoreLocked: If another process kept writing for too long.
        """
        batch = prepare(documents, policy, self.dimension)
        if not len(batch):
            return 0
        with self.database.writing() as connection:
            state = read_state(connection)
            if switches not in (None, state.switches):
                raise self._embedded_anew(state)
            there = present(connection, [record.id for record in batch.records])
            if there and policy not in (DuplicatePolicy.SKIP, DuplicatePolicy.OVERWRITE):
                raise duplicates(sorted(there), "are in the store already")
            if policy == DuplicatePolicy.SKIP:
                batch = without(batch, there)
            elif there:
                bury(connection, "id IN (SELECT value FROM json_each(?))", listed(there))
            self._append(connection, state, batch)
        self._compact_if_worth_it()
        return len(batch)

    def delete(self, ids: Sequence[str]) -> int:
        """Delete documents by id; unknown ids are passed over.

        :returns: How many were deleted.
        :raises BadDocument: If it is one string instead of a list of them.
        """
        if isinstance(ids, str):
            msg = f"document_ids must be a list of ids, got the string {ids!r}"
            raise BadDocument(msg)
        return self._delete("id IN (SELECT value FROM json_each(?))", listed(ids))

    def delete_matching(self, filters: Filters) -> int:
        """Delete the documents that a filter lets through; returns how many."""
        with self.database.writing() as connection:
            keys = self._matching_keys(connection, filters)
            deleted = bury(connection, "key IN (SELECT value FROM json_each(?))", listed(keys))
        self._compact_if_worth_it()
        return deleted

    def update_matching(self, filters: Filters, meta: Mapping[str, Any]) -> int:
        """Merge metadata into the documents that a filter lets through; returns how many. Their vectors stay."""
        dump_meta(dict(meta), "to be updated")
        with self.database.writing() as connection:
            keys = listed(self._matching_keys(connection, filters))
            columns = "id, content, meta, score, blob, blob_info, sparse, row, checksum"
            query = f"SELECT {columns} FROM documents WHERE key IN (SELECT value FROM json_each(?)) ORDER BY key"
            rows = connection.execute(query, (keys,)).fetchall()
            bury(connection, "key IN (SELECT value FROM json_each(?))", keys, keep_rows=True)
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
        with self.database.writing() as connection:
            clear(connection)
        self._remove_old_generations()

    def drop_indexes(self) -> None:
        """Delete the derived indexes; they are built anew when they are asked."""
        self.keyword.drop()
        for searcher in list(self._searchers.values()):
            if isinstance(searcher, ApproximateSearcher):
                searcher.drop()

    def decide_dimension(self, dimension: int) -> None:
        """Write into the manifest how long the vectors are to be, if nobody has said it yet."""
        with self.database.writing() as connection:
            self._fix_dimension(connection, dimension)

    def record(self, **facts: Any) -> None:
        """Write into the manifest what has changed: which tower made the vectors, or which index it is opened with."""
        with self.database.writing() as connection:
            self._rewrite_manifest(connection, **facts)

    def settle_switch(self) -> None:
        """After the vectors were switched: copy what the database says of them, and take back space.

        What was asked for is done already, so that failing here is no failure: opening the store does it as well.
        """
        try:
            with self.database.writing() as connection:
                self._rewrite_manifest(connection)
            self._remove_old_generations()
        except StoreError as error:
            logger.warning("{store} is not tidy yet: {error}", store=str(self.layout.root), error=str(error))
        self._compact_if_worth_it()

    def catch_up(self, index_string: str, options: Mapping[str, int] | None) -> None:
        """Bring the derived indexes up to date and write them to disk."""
        self.keyword.current()
        searcher = self.searcher(index_string, options)
        if isinstance(searcher, ApproximateSearcher):
            with self.view() as view:
                searcher.catch_up(view)
            searcher.save()

    def close(self) -> None:
        """Write unsaved indexes and let go of all files."""
        if self._process != os.getpid():
            return  # they are the parent's
        with self._guard:
            searchers, self._searchers = self._searchers, {}
            self._vectors = {}
        for searcher in searchers.values():
            if isinstance(searcher, ApproximateSearcher) and self.is_current():
                searcher.save()
        self.keyword.close()
        self.database.close()

    def _on_disk(self) -> tuple[int, int]:
        """Tells the database from another one of its name; the manifest itself is replaced now and then."""
        try:
            status = self.layout.database.stat()
        except OSError as error:
            msg = f"{self.layout.database} cannot be opened ({error}); restore the store from a copy"
            raise StoreFailure(msg) from error
        return status.st_dev, status.st_ino

    def _append(self, connection: sqlite3.Connection, state: State, batch: Batch) -> None:
        count = len(batch.vectors)
        if count:
            self._fix_dimension(connection, batch.vectors.shape[1])
            # Another writer may have decided it, or embedded the store anew, since the batch was prepared.
            check_dimension(batch, self.dimension_at(read_state(connection)))
            # Durable before the documents that point at them: a crash in between leaves rows that nobody knows.
            self.vector_file(state).append(state.next_row, batch.vectors)
        rows = [
            (*record.values, *((None, None) if at is None else (state.next_row + at, batch.checksums[at])))
            for record, at in zip(batch.records, batch.vector_of, strict=True)
        ]
        connection.executemany(INSERT, rows)
        connection.execute("UPDATE state SET count = count + ?, next_row = next_row + ?", (len(rows), count))

    def _vectors_at(self, state: State) -> Floats:
        if not state.next_row:
            return np.empty((0, self.dimension_at(state) or 0), dtype=np.float32)
        return self.vector_file(state).rows(state.next_row)

    def _fix_dimension(self, connection: sqlite3.Connection, dimension: int) -> None:
        """The first vector decides, where nobody said what the dimension is."""
        if self.dimension_at(read_state(connection)) is None:
            self._rewrite_manifest(connection, dimension=dimension)

    def _rewrite_manifest(self, connection: sqlite3.Connection, **changes: Any) -> None:
        """Inside a write, so that nobody else's changes get lost. What could not be written is not so."""
        state = read_state(connection)
        manifest = replace(self.described(state), **changes)
        if state.is_pinned:
            pin(connection, manifest)
        write_manifest(self.layout, manifest)
        self.manifest = manifest

    def _embedded_anew(self, state: State) -> EncoderMismatch:
        model = (self.described(state).encoder or {}).get("model")
        msg = f"{self.layout.root} was embedded anew by {model} meanwhile: go on with that model"
        return EncoderMismatch(msg)

    def _delete(self, condition: str, parameter: str) -> int:
        with self.database.writing() as connection:
            deleted = bury(connection, condition, parameter)
        self._compact_if_worth_it()
        return deleted

    def _matching_keys(self, connection: sqlite3.Connection, filters: Filters) -> list[int]:
        state = read_state(connection)
        view = View(connection, state, self._vectors_at(state), SelectionCache())
        return [int(key) for key in view.select(filters).keys]

    def _compact_if_worth_it(self) -> None:
        """Take back space. What was asked for is done already, so that failing here is no failure."""
        try:
            if is_worth_it(self.state()):
                self._compact()
        except StoreError as error:
            logger.warning("{store} was not compacted: {error}", store=str(self.layout.root), error=str(error))

    def _compact(self) -> None:
        with self.database.writing() as connection:
            state = read_state(connection)
            if not is_worth_it(state):
                return
            target = VectorFile(self.layout.vectors(state.generation + 1), self.dimension_at(state) or 0)
            try:
                compact(connection, self.vector_file(state), target)
            except BaseException:
                target.path.unlink(missing_ok=True)  # half of it would take the space that there was too little of
                raise
        self._remove_old_generations()

    def _remove_old_generations(self) -> None:
        generation = self.state().generation
        remove_vector_files(self.layout, lambda number: number < generation)
