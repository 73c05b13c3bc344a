# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Checking a store: its database and vectors, and every derived index against them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dpr_haystack.core.batching import batched
from dpr_haystack.core.encoder_mark import checksums
from dpr_haystack.core.exact import Rows, exact_search
from dpr_haystack.engines.ann import check_index_string
from dpr_haystack.store.attribution import origin_in
from dpr_haystack.store.columns import Column
from dpr_haystack.store.database import Database, State, read_state
from dpr_haystack.store.dense import ApproximateSearcher, make_searcher
from dpr_haystack.store.errors import StoreFailure
from dpr_haystack.store.filter_documents import ALIVE
from dpr_haystack.store.filter_files import FilterFiles
from dpr_haystack.store.filter_index import fill
from dpr_haystack.store.keyword import KeywordCache
from dpr_haystack.store.layout import Layout, Manifest, read_manifest
from dpr_haystack.store.manifests import merged
from dpr_haystack.store.read_only import working_layout
from dpr_haystack.store.reembedding_state import reembedding_in
from dpr_haystack.store.vectors import VectorFile
from dpr_haystack.store.view import SelectionCache, View

_LOCK_TIMEOUT = 60.0
_DOCUMENTS_AT_A_TIME = 10_000
_SAMPLE = 100
_NEIGHBOURS = 10
# An index that finds a smaller share of the exact neighbours is not just approximate but damaged.
_MIN_AGREEMENT = 0.7


@dataclass
class CheckReport:
    """The result of a check.

    :param documents: Number of documents.
    :param vectors: Number of vectors of these documents.
    :param passed: What is correct, one line each.
    :param unknown: What cannot be checked: vectors of which it is not known which encoder made them.
    :param repairable: What is wrong and can be rebuilt from database and vectors.
    :param damaged: What is wrong with the database or the vectors themselves.
    """

    documents: int = 0
    vectors: int = 0
    passed: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    repairable: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.repairable and not self.damaged


def check_store(root: Path) -> CheckReport:
    """Check counts, checksums and every derived index of a store. Only brings indexes up to date.

    :param root: The store's directory.
    :raises StoreFailure: If manifest or database cannot be read.
    """
    layout = working_layout(root.resolve())
    manifest = read_manifest(layout)
    if not layout.database.exists():
        msg = f"{layout.database} is missing; restore the store from a copy"
        raise StoreFailure(msg)
    report = CheckReport()
    with closing(Database(layout.database, _LOCK_TIMEOUT)) as database, database.reading() as connection:
        state = read_state(connection)
        manifest = merged(manifest, state)
        report.documents = state.count
        _check_database(connection, state, report)
        _check_vectors(connection, layout, manifest, state, report)
        _report_origin(connection, layout, manifest, report)
        _report_reembedding(connection, report)
        if not report.damaged:
            _check_keyword_index(connection, layout, database, manifest, report)
            _check_dense_indexes(connection, layout, manifest, state, report)
            _check_filter_index(connection, layout, state, report)
    return report


def repair_store(root: Path) -> CheckReport:
    """Rebuild the derived indexes and the recorded counts if any of them is wrong, then check again.

    :param root: The store's directory.
    :returns: The result of the last check.
    :raises StoreFailure: If manifest or database cannot be read.
    """
    report = check_store(root)
    if not report.repairable:
        return report
    layout = Layout(root.resolve())
    manifest = read_manifest(layout)
    with closing(Database(layout.database, _LOCK_TIMEOUT)) as database:
        with database.writing() as connection:
            connection.execute("UPDATE state SET count = (SELECT count(*) FROM documents)")
        keyword = KeywordCache(layout, database, manifest.language, _LOCK_TIMEOUT)
        keyword.drop()
        keyword.current()
        keyword.close()
        FilterFiles(layout.indexes).drop()
        for file in layout.indexes.glob("*.faiss"):
            file.with_suffix(".json").unlink(missing_ok=True)
            file.unlink()
    return check_store(root)


def _check_database(connection: sqlite3.Connection, state: State, report: CheckReport) -> None:
    (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        report.damaged.append(f"the database is damaged: {verdict}")
    (count,) = connection.execute("SELECT count(*) FROM documents").fetchone()
    (unreadable,) = connection.execute("SELECT count(*) FROM documents WHERE NOT json_valid(meta)").fetchone()
    if unreadable:
        report.damaged.append(f"the metadata of {unreadable} documents cannot be read")
    if count != state.count:
        report.repairable.append(f"the recorded number of documents is {state.count}, the store has {count}")
    if verdict == "ok" and count == state.count:
        report.passed.append(f"database: {count} documents")


def _check_vectors(
    connection: sqlite3.Connection, layout: Layout, manifest: Manifest, state: State, report: CheckReport
) -> None:
    query = "SELECT id, row, checksum FROM documents WHERE row IS NOT NULL ORDER BY row"
    (report.vectors,) = connection.execute("SELECT count(row) FROM documents").fetchone()
    if not report.vectors:
        report.passed.append("vectors: none")
        return
    file = VectorFile(layout.vectors(state.generation), manifest.dimension or 0)
    try:
        vectors = file.rows(state.next_row)
    except StoreFailure as error:
        report.damaged.append(str(error))
        return
    invalid: list[str] = []
    for chunk in batched(connection.execute(query), _DOCUMENTS_AT_A_TIME):
        rows = [row for _, row, _ in chunk]
        if rows[-1] >= state.next_row:
            report.damaged.append(f"documents refer to vectors after the last row, {state.next_row}")
            return
        actual = checksums(vectors[rows])
        invalid += [name for (name, _, expected), got in zip(chunk, actual, strict=True) if expected != got]
    if invalid:
        named = ", ".join(invalid[:5]) + (", ..." if len(invalid) > 5 else "")
        report.damaged.append(
            f"{len(invalid)} of {report.vectors} vectors do not match their checksums (documents {named}); "
            "write these documents again"
        )
    else:
        report.passed.append(f"vectors: {report.vectors} of dimension {manifest.dimension}, checksums match")


def _report_origin(connection: sqlite3.Connection, layout: Layout, manifest: Manifest, report: CheckReport) -> None:
    origin = origin_in(connection, layout, manifest)
    if origin.unknown:
        report.unknown.append(f"{origin}; embed all documents anew with: {origin.remedy} --model M")
    elif origin.vectors:
        report.passed.append(f"encoder: {origin}")


def _report_reembedding(connection: sqlite3.Connection, report: CheckReport) -> None:
    reembedding = reembedding_in(connection)
    if reembedding is not None:
        model = reembedding.encoder.get("model")
        report.passed.append(f"re-embedding with {model} in progress: {reembedding.next_row} vectors so far")


def _check_keyword_index(
    connection: sqlite3.Connection, layout: Layout, database: Database, manifest: Manifest, report: CheckReport
) -> None:
    if not layout.keyword_position.exists():
        report.passed.append("keyword index: not built yet")
        return
    cache = KeywordCache(layout, database, manifest.language, lock_timeout=_LOCK_TIMEOUT)
    try:
        keys = cache.current().keys()
    except (ValueError, OSError) as error:  # tantivy raises these for damaged files
        report.repairable.append(f"the keyword index cannot be read: {error}")
        return
    finally:
        cache.close()
    before = _keys(connection)
    with closing(Database(layout.database, lock_timeout=_LOCK_TIMEOUT)) as again, again.reading() as later:
        after = _keys(later)
    # the index may be newer than this read transaction: other processes may have written in the meantime
    missing, surplus = len((before & after) - keys), len(keys - (before | after))
    if missing or surplus:
        report.repairable.append(f"the keyword index lacks {missing} documents and has {surplus} deleted ones")
    else:
        report.passed.append(f"keyword index: {len(keys)} documents")


def _keys(connection: sqlite3.Connection) -> set[int]:
    return {key for (key,) in connection.execute("SELECT key FROM documents")}


def _check_dense_indexes(
    connection: sqlite3.Connection, layout: Layout, manifest: Manifest, state: State, report: CheckReport
) -> None:
    if not state.next_row:
        return
    vectors = VectorFile(layout.vectors(state.generation), manifest.dimension or 0).rows(state.next_row)
    view = View(connection, state, vectors, SelectionCache())
    for name, searcher in _approximate_searchers(layout, manifest):
        searcher.catch_up(view)
        agreement = _agreement(searcher, view, manifest)
        line = f"{name} index: {100 * agreement:.0f}% of the exact neighbours of {_SAMPLE} vectors found"
        (report.passed if agreement >= _MIN_AGREEMENT else report.repairable).append(line)


def _check_filter_index(connection: sqlite3.Connection, layout: Layout, state: State, report: CheckReport) -> None:
    """Compare the index of metadata with what the documents say."""
    saved = FilterFiles(layout.indexes).load(state)
    if saved is None:
        return
    documents, columns = saved
    documents.catch_up(connection, state)
    wrong = []
    for path, column in columns.items():
        again = Column()
        fill(again, connection, path, documents.keys.values)
        exists = documents.died.values[: column.size] == ALIVE
        pairs = ((column.kinds, again.kinds), (column.payloads, again.payloads))
        if not all(np.array_equal(mine.values[exists], true.values[: column.size][exists]) for mine, true in pairs):
            wrong.append(".".join(path))
    if wrong:
        report.repairable.append(f"the index of metadata has wrong values of {', '.join(wrong)}")
    else:
        report.passed.append(f"index of metadata: {len(columns)} fields")


def _approximate_searchers(layout: Layout, manifest: Manifest) -> Iterator[tuple[str, ApproximateSearcher]]:
    for file in sorted(layout.indexes.glob("*.faiss")):
        try:
            position = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
            name, options = position["index"], position["options"]
            check_index_string(name, options)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # an index without a valid position is not used, and will be replaced
        searcher = make_searcher(layout, name, options, manifest.similarity, lock_timeout=_LOCK_TIMEOUT)
        if isinstance(searcher, ApproximateSearcher):
            yield name, searcher


def _agreement(searcher: ApproximateSearcher, view: View, manifest: Manifest) -> float:
    """Share of the exact nearest neighbours of some vectors that the index finds."""
    generator = np.random.default_rng(0)
    rows: Rows = generator.choice(len(view.vectors), min(_SAMPLE, len(view.vectors)), replace=False)
    questions = np.array(view.vectors[rows])
    dead = view.dead_rows()
    exact = exact_search(view.vectors, questions, _NEIGHBOURS, manifest.similarity, excluded=dead)
    approximate = searcher.search(view, questions, _NEIGHBOURS, None)
    shares = [len(np.intersect1d(a, b)) / max(1, len(a)) for (a, _), (b, _) in zip(exact, approximate, strict=True)]
    return float(np.mean(shares))
