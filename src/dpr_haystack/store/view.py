# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A consistent view of a store: a read transaction and the vectors that belong to it."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from haystack.dataclasses import Document

from dpr_haystack.core.exact import Floats, Rows
from dpr_haystack.core.origins import ALSO_IN, FILE
from dpr_haystack.store.database import State
from dpr_haystack.store.filter_evaluation import Evaluation
from dpr_haystack.store.filter_index import FilterIndex, selected
from dpr_haystack.store.filters import CompiledFilter, compile_filter, matches, needs_python
from dpr_haystack.store.records import COLUMNS, document_of, load_meta
from dpr_haystack.store.sql_values import listed

Filters = dict[str, Any]

_CACHED_SELECTIONS = 16
_FILE_OF, _ALSO_IN = f"json_extract(meta, '$.{FILE}')", f"json_extract(meta, '$.{ALSO_IN}')"
_NONE = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Selection:
    """The documents that match a filter.

    :param keys: Their keys, sorted.
    :param rows: Rows of those with a vector, sorted.
    """

    keys: Rows
    rows: Rows


class SelectionCache:
    """The results of the most recently used filters; keys include the version of the store."""

    def __init__(self) -> None:
        self._entries: OrderedDict[tuple[object, ...], Selection] = OrderedDict()
        self._guard = Lock()

    def get(self, key: tuple[object, ...]) -> Selection | None:
        """The selection of a key; None if it is not cached.

        :param key: Filter and version.
        """
        with self._guard:
            if key in self._entries:
                self._entries.move_to_end(key)
            return self._entries.get(key)

    def put(self, key: tuple[object, ...], selection: Selection) -> None:
        """Add a selection and drop the least recently used one.

        :param key: Filter and version.
        :param selection: The selection.
        """
        with self._guard:
            self._entries[key] = selection
            while len(self._entries) > _CACHED_SELECTIONS:
                self._entries.popitem(last=False)


class View:
    """A consistent view of a store, whatever is written in the meantime.

    :param connection: A connection inside a read transaction.
    :param state: The store's state in that transaction.
    :param vectors: All rows, shape (state.next_row, dim), including those of deleted documents.
    :param selections: Cache for the results of filters.
    :param index: The index of metadata; None to scan the documents for every filter.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        state: State,
        vectors: Floats,
        selections: SelectionCache,
        index: FilterIndex | None = None,
    ) -> None:
        self.connection = connection
        self.state = state
        self.vectors = vectors
        self._selections = selections
        self._index = index

    def dead_rows(self) -> Rows:
        """Rows of deleted documents, sorted."""
        name = ("dead", self.state.version)
        selection = self._selections.get(name)
        if selection is None:
            query = "SELECT row FROM tombstones WHERE row IS NOT NULL ORDER BY row"
            selection = Selection(_NONE, _numbers(self.connection.execute(query)))
            self._selections.put(name, selection)
        return selection.rows

    def select(self, filters: Filters) -> Selection:
        """The documents that match a filter.

        :param filters: A Haystack filter.
        :raises FilterError: If the filter is invalid, or values cannot be compared.
        """
        name = (repr(filters), self.state.version)
        selection = self._selections.get(name)
        if selection is None:
            selection = self._indexed(filters) or self._scanned(filters)
            self._selections.put(name, selection)
        return selection

    def _indexed(self, filters: Filters) -> Selection | None:
        """The selection by the index of metadata; None if that does not help."""
        if self._index is None or needs_python(filters):
            return None
        compile_filter(filters)  # refuses an invalid filter
        moment = self._index.at(self.connection, self.state, filters)
        if moment is None:
            return None

        def everything() -> Rows:
            return moment.alive(np.arange(len(moment.keys)))

        def ask(leaf: Filters, among: Rows | None) -> Rows:
            compiled = compile_filter(leaf)
            if among is not None:
                asked = compiled.bind(listed(moment.keys[among].tolist()))
                compiled.sql = f"key IN (SELECT value FROM json_each({asked})) AND {compiled.sql}"
            keys = _numbers(self._run("key", compiled))
            return np.searchsorted(moment.keys, keys)

        positions = Evaluation(everything, moment.columns, ask).matching(filters)
        return Selection(*selected(moment, moment.alive(positions)))

    def _scanned(self, filters: Filters) -> Selection:
        if needs_python(filters):
            pairs = [(row[0], row[-1]) for row, _ in self._matching_in_python(filters)]
        else:
            pairs = list(self._run("key, row", compile_filter(filters)))
        keys = np.array([key for key, _ in pairs], dtype=np.int64)
        rows = np.array([row for _, row in pairs if row is not None], dtype=np.int64)
        return Selection(np.sort(keys), np.sort(rows))

    def documents(self, filters: Filters | None = None) -> list[Document]:
        """Documents with their vectors, in the order of writing.

        :param filters: A Haystack filter; None for all documents.
        :raises FilterError: If the filter is invalid, or values cannot be compared.
        """
        if filters and needs_python(filters):
            return [document for _, document in self._matching_in_python(filters)]
        if filters and self._index is not None and self.state.count >= self._index.fewest:
            found = self.documents_by("key", self.select(filters).keys.tolist(), with_vectors=True)
            return [found[key] for key in sorted(found)]
        return [self._document(row) for row in self._rows(filters)]

    def metas(self, filters: Filters | None = None) -> Iterator[dict[str, Any]]:
        """The metadata of documents.

        :param filters: A Haystack filter; None for all documents.
        """
        if filters and needs_python(filters):
            yield from (document.meta for document in self.documents(filters))
            return
        for (meta,) in self._run("meta", compile_filter(filters) if filters else CompiledFilter("1")):
            yield load_meta(meta)

    def ids_and_metas(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Id and metadata of every document."""
        for name, meta in self._run("id, meta", CompiledFilter("1")):
            yield name, load_meta(meta)

    def ids_and_metas_from(self, files: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Id and metadata of the documents whose metadata names one of these files, or several files.

        :param files: The files.
        """
        condition = f"{_FILE_OF} IN (SELECT value FROM json_each(?)) OR {_ALSO_IN} IS NOT NULL"
        query = f"SELECT id, meta FROM documents WHERE {condition} ORDER BY key"
        for name, meta in self.connection.execute(query, (listed(files),)):
            yield name, load_meta(meta)

    def documents_by(
        self, column: str, values: Sequence[object], *, with_vectors: bool, scores: dict[Any, float] | None = None
    ) -> dict[Any, Document]:
        """Documents by key, row or id.

        :param column: ``"key"``, ``"row"`` or ``"id"``.
        :param values: Keys, rows or ids; missing ones are left out.
        :param with_vectors: Whether the documents get their embeddings.
        :param scores: Scores of the documents, by the same values; None for those they were written with.
        :returns: Documents by these values.
        """
        documents = {}
        position = {"key": 0, "id": 1, "row": 8}[column]
        for row in self._among(COLUMNS, column, values):
            vector = self.vectors[row[8]] if with_vectors and row[8] is not None else None
            value = row[position]
            documents[value] = document_of(row, vector, scores[value] if scores is not None else None)
        return documents

    def lookup(self, target: str, column: str, values: Sequence[object]) -> dict[Any, Any]:
        """One column by another, e.g. ids by rows.

        :param target: The column to look up.
        :param column: The column of the values.
        :param values: The values; missing ones are left out.
        """
        return dict(self._among(f"{column}, {target}", column, values))

    def _among(self, columns: str, column: str, values: Iterable[object]) -> Iterator[tuple[Any, ...]]:
        query = f"SELECT {columns} FROM documents WHERE {column} IN (SELECT value FROM json_each(?))"
        return self.connection.execute(query, (listed(values),))

    def _rows(self, filters: Filters | None) -> Iterator[tuple[Any, ...]]:
        return self._run(COLUMNS, compile_filter(filters) if filters else CompiledFilter("1"))

    def _run(self, columns: str, compiled: CompiledFilter) -> Iterator[tuple[Any, ...]]:
        compiled.attach(self.connection)
        query = f"SELECT {columns} FROM documents WHERE {compiled.sql} ORDER BY key"
        try:
            yield from self.connection.execute(query, compiled.parameters)
        except sqlite3.DatabaseError:  # the type depends on what the callback raised
            if compiled.failure is not None:
                raise compiled.failure from None
            raise

    def _matching_in_python(self, filters: Filters) -> Iterator[tuple[tuple[Any, ...], Document]]:
        compile_filter(filters)  # so that an invalid filter is refused even if the store is empty
        for row in self._rows(None):
            document = self._document(row)
            if matches(filters, document):
                yield row, document

    def _document(self, row: tuple[Any, ...]) -> Document:
        return document_of(row, self.vectors[row[8]] if row[8] is not None else None)


def _numbers(rows: Iterable[tuple[int]]) -> Rows:
    return np.fromiter((number for (number,) in rows), dtype=np.int64)
