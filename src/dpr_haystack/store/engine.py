# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The open store of a directory, shared by all store objects of a process: views, searchers and the manifest.

:mod:`~dpr_haystack.store.writing` changes its documents. Derived indexes catch up when they are searched.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from dpr_haystack.core.exact import Floats
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.store.compaction import COMPACT_ABOVE
from dpr_haystack.store.database import Database, State, read_state
from dpr_haystack.store.dense import ApproximateSearcher, ExactSearcher, make_searcher
from dpr_haystack.store.errors import StoreFailure
from dpr_haystack.store.filter_files import FilterFiles
from dpr_haystack.store.filter_index import FilterIndex
from dpr_haystack.store.keyword import KeywordCache
from dpr_haystack.store.layout import Layout, Manifest, write_manifest
from dpr_haystack.store.manifests import ManifestCache, merged, pin
from dpr_haystack.store.recovery import tidy_up
from dpr_haystack.store.vectors import VectorFile
from dpr_haystack.store.view import SelectionCache, View


class StoreEngine:
    """An open store.

    :param layout: Its files; the manifest must exist.
    :param lock_timeout: Seconds to wait for another process that writes.
    :param compact_above: Number of deleted documents up to which the store is not compacted.
    """

    def __init__(self, layout: Layout, lock_timeout: float, *, compact_above: int = COMPACT_ABOVE) -> None:
        self.layout = layout
        self.compact_above = compact_above
        self._manifests = ManifestCache(layout)
        self.manifest = self._manifests.read()
        self.database = Database(layout.database, lock_timeout)
        self.keyword = KeywordCache(layout, self.database, self.manifest.language, lock_timeout)
        self._lock_timeout = lock_timeout
        self._searchers: dict[tuple[object, ...], ExactSearcher | ApproximateSearcher] = {}
        self._selections = SelectionCache()
        self.filter_index = FilterIndex(FilterFiles(layout.indexes))
        self._vectors: dict[int, VectorFile] = {}
        self._guard = threading.Lock()
        self._process = os.getpid()
        self._database_file = self.database.identify()
        tidy_up(layout, self.database, self.vector_file)

    def is_current(self) -> bool:
        """Whether this process opened the store, and its database file is still the same one.

        A forked process must not use its parent's SQLite connections, and a directory may be deleted or replaced.
        """
        try:
            return self._process == os.getpid() and self._database_file == self.database.identify()
        except StoreFailure:
            return False

    @property
    def similarity(self) -> Similarity:
        """How vectors are compared."""
        return self.manifest.similarity

    @property
    def dimension(self) -> int | None:
        """Length of the vectors; None before the first one is written."""
        return self.dimension_at(self.state())

    def dimension_at(self, state: State) -> int | None:
        """Length of the vectors in a given state; None before the first one is written.

        :param state: The state.
        """
        if state.dimension is not None:
            return state.dimension
        if self.manifest.dimension is None:
            self.manifest = self._manifests.read()  # another process may have written the first vector
        return self.manifest.dimension

    def described(self, state: State | None = None) -> Manifest:
        """The manifest, with the dimension and encoder that the database records.

        :param state: The state to describe; None for the current one.
        """
        return merged(self._manifests.read(), state or self.state())

    @contextmanager
    def view(self) -> Iterator[View]:
        """A consistent view of the store to read from."""
        with ExitStack() as stack:
            while True:
                connection = stack.enter_context(self.database.reading())
                state = read_state(connection)
                try:
                    vectors = self.vectors_at(state)
                    break
                except StoreFailure:
                    stack.close()
                    if self.state().generation == state.generation:
                        raise
                    # A compaction deleted the file between the two reads: try again.
            yield View(connection, state, vectors, self._selections, self.filter_index)

    def state(self) -> State:
        """The current state of the store."""
        with self.database.reading() as connection:
            return read_state(connection)

    def vectors_at(self, state: State) -> Floats:
        """All rows of vectors in a given state, shape (state.next_row, dim).

        :param state: The state.
        :raises StoreFailure: If the vector file is too short or missing.
        """
        if not state.next_row:
            return np.empty((0, self.dimension_at(state) or 0), dtype=np.float32)
        return self.vector_file(state).rows(state.next_row)

    def vector_file(self, state: State) -> VectorFile:
        """The vector file of a state's generation.

        :param state: The state.
        """
        generation, dimension = state.generation, self.dimension_at(state) or 0
        with self._guard:
            file = self._vectors.get(generation)
            if file is None or file.dimension != dimension:
                file = VectorFile(self.layout.vectors(generation), dimension)
                self._vectors = {number: kept for number, kept in self._vectors.items() if number >= generation - 1}
                self._vectors[generation] = file
            return file

    def searcher(self, index_string: str, options: Mapping[str, int] | None) -> ExactSearcher | ApproximateSearcher:
        """The searcher of an index; every call with the same arguments returns the same one.

        :param index_string: Which index, as a FAISS factory string.
        :param options: Its settings; None for the defaults.
        """
        key = (index_string, *sorted((options or {}).items()))
        with self._guard:
            if key not in self._searchers:
                self._searchers[key] = make_searcher(
                    self.layout, index_string, options, self.similarity, self._lock_timeout
                )
            return self._searchers[key]

    def drop_indexes(self) -> None:
        """Delete the derived indexes; the next search rebuilds them."""
        self.keyword.drop()
        self.filter_index.drop()
        for searcher in list(self._searchers.values()):
            if isinstance(searcher, ApproximateSearcher):
                searcher.drop()

    def catch_up(self, index_string: str, options: Mapping[str, int] | None) -> None:
        """Bring the derived indexes up to date and write them to disk.

        :param index_string: Which dense index, as a FAISS factory string.
        :param options: Its settings; None for the defaults.
        """
        self.keyword.current(complete=True)
        self.filter_index.save()
        searcher = self.searcher(index_string, options)
        if isinstance(searcher, ApproximateSearcher):
            with self.view() as view:
                searcher.catch_up(view)
            searcher.save()

    def decide_dimension(self, dimension: int) -> None:
        """Record the length of the vectors, unless it is known already.

        :param dimension: The length.
        """
        with self.database.writing() as connection:
            self.settle_dimension(connection, dimension)

    def settle_dimension(self, connection: sqlite3.Connection, dimension: int) -> None:
        """Like :meth:`decide_dimension`, inside a write transaction.

        :param connection: The connection of the write transaction.
        :param dimension: The length.
        """
        if self.dimension_at(read_state(connection)) is None:
            self._rewrite_manifest(connection, dimension=dimension)

    def record(self, **facts: Any) -> None:
        """Change fields of the manifest, for example the encoder or the index to open the store with.

        :param facts: New values by the names of :class:`~dpr_haystack.store.layout.Manifest`.
        """
        with self.database.writing() as connection:
            self._rewrite_manifest(connection, **facts)

    def close(self) -> None:
        """Write unsaved indexes and close all files."""
        if self._process != os.getpid():
            return  # the files belong to the parent process
        with self._guard:
            searchers, self._searchers = self._searchers, {}
            self._vectors = {}
        for searcher in searchers.values():
            if isinstance(searcher, ApproximateSearcher) and self.is_current():
                searcher.save()
        if self.is_current():
            self.filter_index.save()
        self.keyword.close()
        self.database.close()

    def _rewrite_manifest(self, connection: sqlite3.Connection, **changes: Any) -> None:
        """Only inside a write transaction, so that no changes of other processes are lost."""
        state = read_state(connection)
        manifest = replace(self.described(state), **changes)
        if state.is_pinned:
            pin(connection, manifest)
        write_manifest(self.layout, manifest)
        self.manifest = manifest
