# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The index of metadata follows the store, whatever is written; it finds what Haystack's own function finds."""

import random
import threading
from datetime import UTC, datetime

import pytest
from haystack import Document
from haystack.document_stores.types import DuplicatePolicy
from haystack.errors import FilterError
from haystack.utils.filters import document_matches_filter

from dpr_haystack.store import columns, filter_index
from dpr_haystack.store.check import check_store, repair_store
from dpr_haystack.store.filters import CompiledFilter
from dpr_haystack.store.view import SelectionCache, View
from support.stores import DIM, below, carry_out, compact_above, expected_after, in_group, make_documents, make_store

MIXED = [
    *(None, True, False, 0, 1, -3, 2.5, 1e300, 1 << 53, (1 << 53) + 1, 1 << 70, float("inf"), "", "x", "[1]", "2024"),
    *("2024-01-01", "2024-01-01T00:00:00", "2024-01-01 12:30", "2024-01-01T01:00:00+01:00", "2024-13-01", "20240101"),
    *(datetime(2024, 1, 1), datetime(2024, 1, 1, tzinfo=UTC), ["x"], [1], {"n": 1}, {"n": "x"}, b"x"),
]
QUESTIONS = [*MIXED, 2, 3.5, "y", "2023-06-01", ["x", 1, None], ["2024-01-01", 2.5], [], ["2024-01-01T01:00:00+01:00"]]


def matching(documents, condition):
    """Ids by Haystack's own function; None if it raises for one."""
    try:
        return [document.id for document in documents if document_matches_filter(condition, document)]
    except (FilterError, TypeError, OverflowError):
        return None


def found(store, condition):
    try:
        return [document.id for document in store.filter_documents(condition)]
    except FilterError:
        return None


@pytest.fixture
def store(tmp_path):
    store = make_store(tmp_path / "store")
    store.opened().filter_index.fewest = 0
    yield store
    store.close()


@pytest.mark.slow
@pytest.mark.parametrize("is_sorted", [False, True])
def test_every_value_with_every_other(store, monkeypatch, is_sorted):
    """Numbers, dates and text of all kinds, compared with all of them; also where a condition before decides."""
    monkeypatch.setattr(columns, "_SORT_ABOVE", 3 if is_sorted else 1_000)
    documents = [Document(id=f"d{n:02}", meta={"a": value, "n": n}) for n, value in enumerate(MIXED)]
    store.write_documents(documents)
    some = {"field": "meta.n", "operator": "in", "value": [4, 5, 6, 9, 13, 16]}
    for value in QUESTIONS:
        for operator in ("==", "!=", ">", ">=", "<", "<=", "in", "not in"):
            leaf = {"field": "meta.a", "operator": operator, "value": value}
            assert found(store, leaf) == matching(documents, leaf), leaf
            for logical in ("AND", "OR", "NOT"):
                both = {"operator": logical, "conditions": [some, leaf]}
                assert found(store, both) == matching(documents, both), both
    nested = {"field": "meta.a.n", "operator": "==", "value": "x"}
    assert found(store, nested) == matching(documents, nested)
    for empty in ("AND", "OR", "NOT"):
        condition = {"operator": "AND", "conditions": [some, {"operator": empty, "conditions": []}]}
        assert found(store, condition) == matching(documents, condition)


@pytest.mark.slow
def test_it_follows_everything_that_is_written(store, monkeypatch):
    monkeypatch.setattr(columns, "_SORT_ABOVE", 7)
    store.close()
    compact_above(store, 30)
    engine, model, generations = store.opened(), dict[str, Document](), set()
    engine.filter_index.fewest = 0
    for step in range(60):
        carry_out(store, step)
        model = expected_after(model, step)
        generations.add(engine.state().generation)
        edge = random.Random(step).randrange(30 * step + 1)
        for condition in (below(edge), in_group(f"g{edge % 50}"), {"operator": "NOT", "conditions": [below(edge)]}):
            assert set(found(store, condition)) == set(matching(model.values(), condition))
            with engine.view() as view:
                scanned = View(view.connection, view.state, view.vectors, SelectionCache()).select(condition)
                indexed = view.select(condition)
                assert (indexed.keys.tolist(), indexed.rows.tolist()) == (scanned.keys.tolist(), scanned.rows.tolist())
    assert len(generations) > 3, "compactions and deletions of everything"


def test_documents_are_not_scanned(store, monkeypatch):
    store.write_documents(make_documents(50, DIM))
    found(store, below(10))
    monkeypatch.setattr(CompiledFilter, "attach", lambda *_: pytest.fail("the documents were scanned"))
    assert len(store.search([1.0] * DIM, 50, below(20))) == 20
    assert len(store.bm25_retrieval("river bridge castle harbour garden winter", 50, in_group("g3"))) == 1
    assert store.count_documents_by_filter({"operator": "OR", "conditions": [below(5), in_group("g7")]}) == 6


def test_an_earlier_moment_is_not_disturbed(store):
    """While a view is open, others write, and search with the same index."""
    store.write_documents(make_documents(40, DIM))
    engine = store.opened()
    with engine.view() as before:
        store.delete_documents([f"d{n}" for n in range(0, 40, 2)])
        store.write_documents(make_documents(5, DIM, first=3), DuplicatePolicy.OVERWRITE)
        ahead = threading.Thread(target=lambda: found(store, below(20)))
        ahead.start()
        ahead.join()
        assert len(before.select(below(20)).keys) == 20
        assert len(before.select(in_group("g3")).keys) == 1
        moment = engine.filter_index.at(before.connection, before.state, below(20))
        assert moment is None, "the index has seen later writes"
    assert len(found(store, below(20))) == 12


def test_columns_that_are_not_used_are_dropped(store, monkeypatch):
    monkeypatch.setattr(filter_index, "_MOST_COLUMNS", 3)
    store.write_documents([Document(id=str(n), meta={f"f{n}": 1}) for n in range(6)])
    for turn, number in enumerate((0, 1, 2, 3, 4, 5, 0, 4)):
        assert found(store, {"field": f"meta.f{number}", "operator": "in", "value": [1, turn + 9]}) == [str(number)]
    assert [path for (path,) in store.opened().filter_index.columns] == ["f5", "f0", "f4"]
    many = {"operator": "OR", "conditions": [{"field": f"f{n}", "operator": "==", "value": 1} for n in range(6)]}
    assert len(found(store, many)) == 6


def count_scans(monkeypatch):
    read = []
    fill = filter_index.fill
    monkeypatch.setattr(filter_index, "fill", lambda column, *rest: (read.append(rest[1]), fill(column, *rest)))
    return read


def test_the_next_process_reads_no_documents(store, monkeypatch):
    monkeypatch.setattr(columns, "_SORT_ABOVE", 3)
    store.write_documents(make_documents(40, DIM))
    assert len(found(store, below(20))) == 20
    store.delete_documents(["d3"])
    store.close()
    read = count_scans(monkeypatch)
    store.opened().filter_index.fewest = 0
    assert len(found(store, below(20))) == 19
    assert read == []
    store.write_documents(make_documents(1, DIM, first=3))
    assert len(found(store, below(21))) == 21
    assert len(read) == 1, "the new document alone"


def test_a_column_that_was_not_up_to_date_is_saved_once_it_is(store, monkeypatch):
    store.write_documents(make_documents(40, DIM))
    assert (len(found(store, below(20))), len(found(store, in_group("g3")))) == (20, 1)
    store.write_documents(make_documents(1, DIM, first=50))
    assert len(found(store, below(20))) == 20
    store.catch_up()
    assert len(found(store, in_group("g3"))) == 1
    store.close()
    read = count_scans(monkeypatch)
    store.opened().filter_index.fewest = 0
    assert (len(found(store, below(20))), len(found(store, in_group("g3")))) == (20, 1)
    assert read == []


@pytest.mark.parametrize("damage", ["cut", "changed", "gone", "position"])
def test_a_damaged_file_is_not_believed(store, damage, caplog):
    store.write_documents(make_documents(40, DIM))
    assert len(found(store, below(20))) == 20
    store.close()
    (file,) = (store.directory / "indexes").glob("filters-*.npz")
    content = bytearray(file.read_bytes())
    if damage == "cut":
        file.write_bytes(content[: len(content) // 2])
    elif damage == "changed":
        for position in range(400, len(content) - 200, 50):
            content[position] ^= 255
        file.write_bytes(content)
    elif damage == "gone":
        file.unlink()
    else:
        (store.directory / "indexes" / "filters.json").write_text("[")
    store.opened().filter_index.fewest = 0
    assert len(found(store, below(20))) == 20
    assert ("is damaged" in caplog.text) == (damage != "gone")


def test_a_restored_database_is_not_filtered_by_a_later_index(store):
    store.write_documents(make_documents(10, DIM))
    store.close()
    database = store.directory / "documents.sqlite"
    older = database.read_bytes()
    store.write_documents([Document(id="x", meta={"number": 3}, embedding=[1.0] * DIM)])
    store.opened().filter_index.fewest = 0
    assert len(found(store, below(5))) == 6
    store.close()
    database.write_bytes(older)
    store.write_documents([Document(id="y", meta={"number": 30}, embedding=[1.0] * DIM)])
    store.opened().filter_index.fewest = 0
    assert found(store, below(5)) == ["d0", "d1", "d2", "d3", "d4"]


def test_a_check_compares_it_with_the_documents(store):
    store.write_documents(make_documents(20, DIM))
    found(store, below(5))
    store.delete_documents(["d3"])
    store.opened().filter_index.columns["number",].payloads.values[7] = 0
    store.close()
    assert check_store(store.directory).repairable == ["the index of metadata has wrong values of number"]
    assert repair_store(store.directory).is_sound
    store.opened().filter_index.fewest = 0
    assert len(found(store, below(5))) == 4
    store.close()
    assert "index of metadata: 1 fields" in check_store(store.directory).passed
