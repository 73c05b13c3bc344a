# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Dense search over a store's raw vectors: exactly, or by an approximate index that catches up with them."""

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
from dpr_haystack.store.layout import Layout
from dpr_haystack.store.locks import SharedLock, across_processes
from dpr_haystack.store.view import View

logger = logging.getLogger(__name__)

Scored = tuple[Rows, NDArray[np.float64]]

# A filter that lets fewer than this share of the rows through is searched exactly: a graph finds too few of them.
_EXACT_BELOW = 0.3
_ADD_AT_ONCE = 20_000
# An index on disk is written again once this share of its rows is new, so that opening replays at most that much.
_SAVE_WHEN_NEW = 0.1


class ExactSearcher:
    """Scores every row. Holds nothing but the norms, by which it knows how far float32 can be trusted."""

    def __init__(self, similarity: Similarity) -> None:
        self._similarity = similarity
        self._norms: Doubles = np.empty(0)
        self._generation = -1
        self._guard = threading.Lock()

    def search(self, view: View, questions: Floats, k: int, rows: Rows | None) -> list[Scored]:
        """The k nearest rows of each question.

        :param view: The moment to search in.
        :param questions: Shape (m, dim).
        :param rows: Only these rows; all living ones if None.
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
    """Asks an approximate index for candidates and scores them with the raw vectors.

    :param layout: The store's files.
    :param index_string: Which index, in the words of FAISS's index factory.
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
        self._settings = {"index": index_string, "options": dict(options or {}), "similarity": similarity}
        self._index_string = index_string
        self._options = options
        self._similarity = similarity
        self._lock_timeout = lock_timeout
        self._exact = ExactSearcher(similarity)
        self._lock = SharedLock()
        self._index: ApproximateIndex | None = None
        self._generation = -1
        self._saved_rows = 0

    def search(self, view: View, questions: Floats, k: int, rows: Rows | None) -> list[Scored]:
        """The k nearest rows of each question, as far as the index finds them; never fewer than there are."""
        living = len(view.vectors) - len(view.dead_rows())
        possible = living if rows is None else len(rows)
        if possible < max(_EXACT_BELOW * living, 2 * k) or not possible:
            return self._exact.search(view, questions, k, rows)
        self.catch_up(view)
        with self._lock.shared():
            index = self._index
            if index is None or self._generation != view.state.generation:
                return self._exact.search(view, questions, k, rows)  # another thread has moved on to a later moment
            candidates = index.candidates(questions, k, self._allowed(view, rows, index.size))
        results = []
        for question, found in zip(questions, candidates, strict=True):
            if len(found) < min(k, possible):
                results += self._exact.search(view, question[None, :], k, rows)
            else:
                results.append(rescore(view.vectors, question, found, k, self._similarity))
        return results

    def save(self) -> None:
        """Write the index to its file, so that the next process need not build it; failing is no failure."""
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
        for left in self._file.parent.glob(f"{self._file.stem}.*.tmp"):
            left.unlink(missing_ok=True)  # by a process that was killed: the lock is ours
        try:
            index.save(temporary)
            checksum = checksum_of(temporary)
            self._position_file.unlink(missing_ok=True)  # never a position beside an index that is not its own
            temporary.replace(self._file)
        finally:
            temporary.unlink(missing_ok=True)
        position = {**self._settings, "generation": generation, "rows": index.size, "checksum": checksum}
        write_atomically(self._position_file, json.dumps(position))

    def drop(self) -> None:
        """Forget and delete the index; the next search builds it anew."""
        with self._lock.alone():
            self._index, self._saved_rows = None, 0
            self._position_file.unlink(missing_ok=True)
            self._file.unlink(missing_ok=True)

    def saved_position(self) -> dict[str, Any] | None:
        """What the file on disk has seen; None if there is no usable one."""
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
        """Add what the index has not seen; write it to disk if that was much."""
        with self._lock.shared():
            if self._index is not None and self._covers(view, self._index):
                return
        with self._lock.alone():
            if view.state.generation > self._generation:
                self._index, self._generation, self._saved_rows = None, view.state.generation, 0
            if self._generation > view.state.generation:
                return
            if self._index is None:
                self._index = self._from_disk(view) or self._make(view)
            self._feed(view, self._index)
            unsaved = self._index.size - self._saved_rows
        if unsaved > _SAVE_WHEN_NEW * len(view.vectors):
            self.save()

    def _make(self, view: View) -> ApproximateIndex:
        return make_index(self._index_string, view.vectors.shape[1], self._similarity, self._options)

    def _covers(self, view: View, index: ApproximateIndex) -> bool:
        return self._generation == view.state.generation and index.size >= len(view.vectors)

    def _feed(self, view: View, index: ApproximateIndex) -> None:
        missing = len(view.vectors) - index.size
        if missing > _ADD_AT_ONCE:
            logger.info("Adding {count} vectors to the {index} index", count=missing, index=self._index_string)
        while index.size < len(view.vectors):
            index.add(view.vectors[index.size : index.size + _ADD_AT_ONCE])

    def _from_disk(self, view: View) -> ApproximateIndex | None:
        position = self.saved_position()
        if position is None or position.get("generation") != view.state.generation:
            return None
        if position.get("rows", 0) > len(view.vectors):
            return None
        index = self._make(view)
        try:
            # FAISS trusts what it reads: a damaged graph would lead it to memory that is not its own.
            if checksum_of(self._file) != position.get("checksum"):
                msg = "its checksum is another one"
                raise RuntimeError(msg)
            index.load(self._file)
        except (OSError, RuntimeError) as error:
            logger.warning(
                "The index {file} is damaged and is built anew: {error}", file=str(self._file), error=str(error)
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
    """The searcher that an index string asks for."""
    if is_exact(index_string):
        return ExactSearcher(similarity)
    return ApproximateSearcher(layout, index_string, options, similarity, lock_timeout)
