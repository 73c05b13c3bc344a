# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Dense search over a store's raw vectors: exact, or with an approximate index that catches up with them."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
from haystack import logging
from numpy.typing import NDArray

from dpr_haystack.core.exact import Doubles, Floats, Rows, exact_search, norms_for, rescore
from dpr_haystack.core.files import checksum_of, write_atomically
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.engines.ann import ApproximateIndex, is_exact, make_index
from dpr_haystack.errors import StoreError
from dpr_haystack.store.errors import StoreFailure
from dpr_haystack.store.layout import Layout
from dpr_haystack.store.locks import SharedLock, across_processes
from dpr_haystack.store.view import View

logger = logging.getLogger(__name__)

Scored = tuple[Rows, NDArray[np.float64]]

# Filters that match less than this share of the rows are searched exactly: a graph would find too few of them.
_EXACT_BELOW = 0.3
_ADD_AT_ONCE = 20_000
# What an index file contains; files of another format are rebuilt.
_INDEX_FORMAT = 2
# An index is saved again once this share of its rows is new, so that opening a store has at most that much to add.
_SAVE_WHEN_NEW = 0.1


class ExactSearcher:
    """Scores every row. Keeps only the norms, which bound the rounding errors of float32.

    :param similarity: How vectors are compared.
    """

    def __init__(self, similarity: Similarity) -> None:
        self._similarity = similarity
        self._norms: Doubles = np.empty(0)
        self._generation = -1
        self._guard = threading.Lock()

    def search(self, view: View, questions: Floats, k: int, rows: Rows | None) -> list[Scored]:
        """The k nearest rows of each question.

        :param view: The view to search.
        :param questions: Shape (m, dim).
        :param k: Number of rows.
        :param rows: Rows to search; None for those of all documents.
        """
        norms = self._norms_of(view)
        excluded = view.dead_rows() if rows is None else None
        return exact_search(view.vectors, questions, k, self._similarity, rows=rows, excluded=excluded, norms=norms)

    def _norms_of(self, view: View) -> Doubles:
        with self._guard:
            if self._generation != view.state.generation:
                self._norms, self._generation = np.empty(0), view.state.generation
            known = len(self._norms)
            if known < len(view.vectors):
                self._norms = np.concatenate([self._norms, norms_for(view.vectors[known:], self._similarity)])
            return self._norms[: len(view.vectors)]


class ApproximateSearcher:
    """Gets candidates from an approximate index and scores them with the raw vectors.

    :param layout: The store's files.
    :param index_string: Which index, as a FAISS factory string.
    :param options: Its settings.
    :param similarity: How vectors are compared.
    :param lock_timeout: Seconds to wait for another process that writes the index.
    """

    def __init__(
        self,
        layout: Layout,
        index_string: str,
        options: Mapping[str, int] | None,
        similarity: Similarity,
        lock_timeout: float,
    ) -> None:
        self._file = layout.dense_index(index_string)
        self._position_file = self._file.with_suffix(".json")
        self._settings = {
            "format": _INDEX_FORMAT,
            "index": index_string,
            "options": dict(options or {}),
            "similarity": similarity,
        }
        self._index_string = index_string
        self._options = options
        self._similarity = similarity
        self._lock_timeout = lock_timeout
        self._exact = ExactSearcher(similarity)
        self._lock = SharedLock()
        self._index: ApproximateIndex | None = None
        self._generation = -1
        self._minimum_rows = 0
        self._saved_rows = 0

    def search(self, view: View, questions: Floats, k: int, rows: Rows | None) -> list[Scored]:
        """The approximately k nearest rows of each question; never fewer than exact search finds.

        :param view: The view to search.
        :param questions: Shape (m, dim).
        :param k: Number of rows.
        :param rows: Rows to search; None for those of all documents.
        :raises StoreFailure: If the index loses vectors.
        """
        alive = len(view.vectors) - len(view.dead_rows())
        possible = alive if rows is None else len(rows)
        if possible < max(_EXACT_BELOW * alive, 2 * k) or not possible:
            return self._exact.search(view, questions, k, rows)
        self.catch_up(view)
        with self._lock.shared():
            index = self._index
            if index is None or self._generation != view.state.generation:
                # too few rows for the index, or another thread has moved it to a later generation
                return self._exact.search(view, questions, k, rows)
            candidates = index.candidates(questions, k, self._allowed(view, rows, index.size))
        results = []
        for question, candidate_rows in zip(questions, candidates, strict=True):
            if len(candidate_rows) < min(k, possible):
                results += self._exact.search(view, question[None, :], k, rows)
            else:
                results.append(rescore(view.vectors, question, candidate_rows, k, self._similarity))
        return results

    def save(self) -> None:
        """Write the index to its file, so that the next process need not build it; failures are logged only."""
        with self._lock.shared():
            index, generation = self._index, self._generation
            if index is None or index.size == self._saved_rows:
                return
            try:
                with across_processes(self._file.with_suffix(".lock"), self._lock_timeout):
                    self._write(index, generation)
            except (OSError, RuntimeError, StoreError) as error:  # RuntimeError is what FAISS raises
                logger.warning("{file} was not written: {error}", file=str(self._file), error=str(error))
                return
            self._saved_rows = index.size

    def _write(self, index: ApproximateIndex, generation: int) -> None:
        temporary = self._file.with_suffix(f".{os.getpid()}.tmp")
        for leftover in self._file.parent.glob(f"{self._file.stem}.*.tmp"):
            leftover.unlink(missing_ok=True)  # of a process that was killed: this process has the lock
        try:
            index.save(temporary)
            checksum = checksum_of(temporary)
            self._position_file.unlink(missing_ok=True)  # a position must never lie beside another index
            temporary.replace(self._file)
        finally:
            temporary.unlink(missing_ok=True)
        position = {**self._settings, "generation": generation, "rows": index.size, "checksum": checksum}
        write_atomically(self._position_file, json.dumps(position))

    def drop(self) -> None:
        """Delete the index; the next search rebuilds it."""
        with self._lock.exclusive():
            self._index, self._saved_rows = None, 0
            self._position_file.unlink(missing_ok=True)
            self._file.unlink(missing_ok=True)

    def saved_position(self) -> dict[str, Any] | None:
        """Which rows the file on disk includes; None if there is no usable file."""
        try:
            position: Any = json.loads(self._position_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if not isinstance(position, dict):
            return None
        return position if all(position.get(name) == value for name, value in self._settings.items()) else None

    def _allowed(self, view: View, rows: Rows | None, size: int) -> NDArray[np.bool_] | None:
        dead = view.dead_rows()
        if rows is None and not dead.size and size == len(view.vectors):
            return None
        allowed = np.zeros(size, dtype=np.bool_)
        if rows is None:
            allowed[: len(view.vectors)] = True
            allowed[dead] = False
        else:
            allowed[rows] = True
        return allowed

    def catch_up(self, view: View) -> None:
        """Add missing rows to the index, and save it if they were many.

        While there are fewer rows than the index needs for training, nothing is built.

        :param view: The view to catch up with.
        :raises StoreFailure: If the index loses vectors.
        """
        with self._lock.shared():
            if self._generation == view.state.generation and len(view.vectors) < self._minimum_rows:
                return
            if self._index is not None and self._covers(view, self._index):
                return
        with self._lock.exclusive():
            if view.state.generation > self._generation:
                self._index, self._generation, self._saved_rows = None, view.state.generation, 0
            if self._generation > view.state.generation:
                return
            if self._index is None:
                self._index = self._from_disk(view) or self._trained(view)
            if self._index is None:
                return
            self._add_missing(view, self._index)
            unsaved = self._index.size - self._saved_rows
        if unsaved > _SAVE_WHEN_NEW * len(view.vectors):
            self.save()

    def _make(self, view: View) -> ApproximateIndex:
        return make_index(self._index_string, view.vectors.shape[1], self._similarity, self._options)

    def _trained(self, view: View) -> ApproximateIndex | None:
        """A new, empty index; None if there are fewer rows than it needs."""
        index = self._make(view)
        self._minimum_rows = index.minimum_rows
        if len(view.vectors) < index.minimum_rows:
            return None
        index.train(view.vectors)
        return index

    def _covers(self, view: View, index: ApproximateIndex) -> bool:
        return self._generation == view.state.generation and index.size >= len(view.vectors)

    def _add_missing(self, view: View, index: ApproximateIndex) -> None:
        missing = len(view.vectors) - index.size
        if missing > _ADD_AT_ONCE:
            logger.info("Adding {count} vectors to the {index} index", count=missing, index=self._index_string)
        while (start := index.size) < len(view.vectors):
            batch = view.vectors[start : start + _ADD_AT_ONCE]
            index.add(batch)
            if index.size != start + len(batch):
                self._index, self._saved_rows = None, 0  # its rows are not those of the store
                msg = (
                    f"the index {self._index_string!r} kept {index.size - start} of {len(batch)} vectors; "
                    "use another index_string, e.g. 'Flat'"
                )
                raise StoreFailure(msg)

    def _from_disk(self, view: View) -> ApproximateIndex | None:
        position = self.saved_position()
        if position is None or position.get("generation") != view.state.generation:
            return None
        if position.get("rows", 0) > len(view.vectors):
            return None
        index = self._make(view)
        try:
            # FAISS does not check what it reads: a damaged graph makes it access memory outside the index.
            if checksum_of(self._file) != position.get("checksum"):
                msg = "its checksum does not match"
                raise RuntimeError(msg)
            index.load(self._file)
        except (OSError, RuntimeError) as error:
            logger.warning(
                "The index {file} is damaged and will be rebuilt: {error}", file=str(self._file), error=str(error)
            )
            return None
        self._saved_rows = index.size
        return index


def make_searcher(
    layout: Layout,
    index_string: str,
    options: Mapping[str, int] | None,
    similarity: Similarity,
    lock_timeout: float,
) -> ExactSearcher | ApproximateSearcher:
    """A searcher for an index string.

    :param layout: The store's files.
    :param index_string: ``"Flat"`` for exact search, or an approximate index as a FAISS factory string.
    :param options: Settings of the index; None for the defaults.
    :param similarity: How vectors are compared.
    :param lock_timeout: Seconds to wait for another process that writes the index.
    :raises InputError: If the index string is unknown.
    """
    if is_exact(index_string):
        return ExactSearcher(similarity)
    return ApproximateSearcher(layout, index_string, options, similarity, lock_timeout)
