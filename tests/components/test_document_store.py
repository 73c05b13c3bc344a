# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The store's Haystack face: settings, metadata of any kind, coroutines, and what opening costs."""

import asyncio
import inspect
import json
import os
import sqlite3
import threading
from contextlib import closing
from datetime import UTC, date, datetime
from typing import Any

import pytest
from haystack import Document, Pipeline
from haystack.components.writers import DocumentWriter
from haystack.document_stores.types import DuplicatePolicy

from dpr_haystack import FAISSDocumentStore
from dpr_haystack.components.document_methods import DocumentMethods
from dpr_haystack.store.vectors import VectorFile
from support.stores import lognormal_vectors, make_documents

DIM = 4
QUESTION = lognormal_vectors(1, DIM)[0]


@pytest.fixture
def store(tmp_path):
    store = FAISSDocumentStore(str(tmp_path / "store"), embedding_dim=DIM)
    store.write_documents([])
    yield store
    store.close()


class TestSettings:
    def test_constructing_touches_no_file(self, tmp_path):
        store = FAISSDocumentStore(str(tmp_path / "deep" / "store"), embedding_dim=DIM)
        store.to_dict()
        store.close()
        assert list(tmp_path.iterdir()) == []
        assert store.write_documents([]) == 0
        assert (tmp_path / "deep" / "store" / "store.json").exists()
        store.close()

    def test_round_trip_through_a_dictionary_and_yaml(self, tmp_path):
        store = FAISSDocumentStore(
            str(tmp_path / "store"),
            "HNSW16",
            DIM,
            similarity="cosine",
            return_embedding=True,
            encoder="some/model",
            language="german",
            index_options={"efSearch": 50},
            lock_timeout=3.5,
        )
        data = store.to_dict()
        assert data["type"] == "haystack_integrations.document_stores.dpr.FAISSDocumentStore"
        assert json.loads(json.dumps(data)) == data
        assert FAISSDocumentStore.from_dict(data).to_dict() == data
        parameters = set(inspect.signature(FAISSDocumentStore.__init__).parameters) - {"self"}
        assert set(data["init_parameters"]) == parameters
        pipeline = Pipeline()
        pipeline.add_component("writer", DocumentWriter(store, DuplicatePolicy.SKIP))
        loaded = Pipeline.loads(pipeline.dumps())
        documents = make_documents(3, DIM)
        assert loaded.run({"writer": {"documents": documents}}) == {"writer": {"documents_written": 3}}
        assert store.count_documents() == 3  # another object of the same directory
        store.close()
        loaded.close()

    def test_from_directory_knows_how_the_store_was_made(self, tmp_path):
        made = FAISSDocumentStore(str(tmp_path / "store"), "HNSW8", None, similarity="l2", language=None)
        made.write_documents(make_documents(5, 7))
        made.close()
        store = FAISSDocumentStore.from_directory(tmp_path / "store", return_embedding=True)
        assert (store.index_string, store.embedding_dim, store.similarity, store.language) == ("HNSW8", 7, "l2", None)
        assert store.return_embedding
        assert store.count_documents() == 5
        store.close()
        with pytest.raises(ValueError, match="no store at"):
            FAISSDocumentStore.from_directory(tmp_path / "nothing")

    def test_the_encoder_is_recorded_and_another_one_refused(self, tmp_path):
        def opened(encoder):
            return FAISSDocumentStore(str(tmp_path / "store"), embedding_dim=DIM, encoder=encoder)

        plain = opened(None)
        plain.write_documents([])
        assert plain.recorded_encoder is None
        named = opened("facebook/one")
        assert named.recorded_encoder == {"model": "facebook/one"}
        assert plain.recorded_encoder == {"model": "facebook/one"}
        with pytest.raises(ValueError, match=r"facebook/one.*another/one"):
            opened("another/one").count_documents()
        plain.record_encoder({"model": "another/one", "fingerprint": "f"})
        plain.close()
        named.close()
        # The same weights under another name are the same encoder.
        again = opened({"model": "moved/one", "fingerprint": "f"})
        assert again.recorded_encoder == {"model": "another/one", "fingerprint": "f"}
        with pytest.raises(ValueError, match="encoder of the store"):
            opened({"model": "another/one", "fingerprint": "g"}).count_documents()
        again.close()

    def test_the_settings_of_the_manifest_survive_each_other(self, tmp_path):
        """Each is set by a process that has read the manifest before the other one was set."""
        store = FAISSDocumentStore(str(tmp_path / "store"), embedding_dim=None)
        engine = store.opened(create=True)
        as_it_was = engine.manifest
        store.write_documents(make_documents(1, DIM))
        engine.manifest = as_it_was
        store.record_encoder({"model": "m"})
        engine.manifest = as_it_was
        assert store.write_documents(make_documents(1, DIM, first=1)) == 1
        store.close()
        again = FAISSDocumentStore.from_directory(tmp_path / "store")
        assert again.embedding_dim == DIM
        assert again.recorded_encoder == {"model": "m"}
        again.close()


class TestMetadata:
    @pytest.fixture
    def odd(self, store):
        metas: list[dict[str, Any]] = [
            {"n": 1, "mixed": "b", "day": date(2024, 5, 2), "list": [1, 2], "nested": {"a": {"b": 2}}},
            {"n": 1.0, "mixed": 3, "day": date(2023, 5, 2), "list": [1, 2], "dotted.name": "x"},
            {"n": True, "mixed": None, "when": datetime(2024, 1, 1, tzinfo=UTC), "list": (1, 2)},
            {"n": "1", "mixed": [1], "nested": {"a": "text"}, "big": 1 << 70, "nan": float("inf")},
            {"n": None, "bytes": b"x", "tuple": (1,)},
            {},
        ]
        store.write_documents([Document(id=str(number), meta=meta) for number, meta in enumerate(metas)])
        return store

    def test_fields_info(self, odd):
        info = odd.get_metadata_fields_info()
        types = {name: entry["type"] for name, entry in info.items()}
        assert types["n"] == "long"
        assert types["mixed"] == "keyword"
        assert types["day"] == types["when"] == "date"
        assert types["nan"] == "float"
        assert set(types) == {
            "n",
            "mixed",
            "day",
            "when",
            "list",
            "nested",
            "dotted.name",
            "big",
            "nan",
            "bytes",
            "tuple",
        }

    def test_min_max(self, odd):
        assert odd.get_metadata_field_min_max("meta.day") == {"min": date(2023, 5, 2), "max": date(2024, 5, 2)}
        assert odd.get_metadata_field_min_max("nothing") == {"min": None, "max": None}
        assert odd.get_metadata_field_min_max("big") == {"min": 1 << 70, "max": 1 << 70}
        mixed = odd.get_metadata_field_min_max("mixed")  # a number, a string and a list: some order, and no error
        assert {repr(mixed["min"]), repr(mixed["max"])} <= {"'b'", "3", "[1]"}
        assert odd.get_metadata_field_min_max("n")["max"] == "1"

    def test_unique_values(self, odd):
        values, total = odd.get_metadata_field_unique_values("meta.n")
        assert total == 4
        assert {(type(value), value) for value in values} == {(int, 1), (float, 1.0), (bool, True), (str, "1")}
        assert odd.get_metadata_field_unique_values("list") == ([(1, 2), [1, 2]], 2)
        assert odd.get_metadata_field_unique_values("nested.a.b") == ([2], 1)
        assert odd.get_metadata_field_unique_values("nothing") == ([], 0)
        assert odd.get_metadata_field_unique_values("n", from_=3, size=5)[0] == values[3:]
        assert odd.get_metadata_field_unique_values("n", size=0) == ([], 4)
        with_number = {"field": "meta.n", "operator": "==", "value": 1}
        assert odd.get_metadata_field_unique_values("mixed", filters=with_number) == ([3, "b"], 2)
        assert odd.get_metadata_field_unique_values("mixed", search_term="B") == (["b"], 1)

    def test_counts(self, odd):
        everything = {"field": "id", "operator": "!=", "value": ""}
        assert odd.count_unique_metadata_by_filter(everything, ["meta.n", "mixed", "nothing", "nested.a"]) == {
            "n": 4,
            "mixed": 3,
            "nothing": 0,
            "nested.a": 2,
        }
        assert odd.count_documents_by_filter(everything) == 6


class TestCoroutines:
    def test_every_method_has_its_twin(self):
        for name, method in vars(DocumentMethods).items():
            if inspect.isfunction(method) and not name.startswith("_") and not name.endswith("_async"):
                twin = getattr(FAISSDocumentStore, f"{name}_async")
                assert inspect.iscoroutinefunction(twin)
                assert inspect.signature(twin) == inspect.signature(method), name

    def test_they_run_in_threads_and_leave_the_event_loop_free(self, store, monkeypatch):
        """A write that waits until the event loop has done something else: on the loop itself it would wait forever."""
        loop_went_on, threads = threading.Event(), set()
        append = VectorFile.append

        def waiting(*arguments):
            threads.add(threading.current_thread())
            assert loop_went_on.wait(20), "the event loop was blocked"
            append(*arguments)

        monkeypatch.setattr(VectorFile, "append", waiting)

        async def main():
            writing = asyncio.create_task(store.write_documents_async(make_documents(5, DIM)))
            counted = await store.count_documents_async()
            loop_went_on.set()
            return counted, await writing, await store.count_documents_async()

        assert asyncio.run(main()) == (0, 5, 5)
        assert threading.main_thread() not in threads

    def test_many_at_once(self, store):
        documents = make_documents(40, DIM)

        async def main():
            await asyncio.gather(
                *(store.write_documents_async(documents[start : start + 5]) for start in range(0, 40, 5))
            )
            found = await asyncio.gather(
                store.search_async(QUESTION, 7),
                store.bm25_retrieval_async(documents[0].content, 3),
                store.filter_documents_async({"field": "meta.number", "operator": "<", "value": 4}),
                store.get_documents_by_id_async(["d3", "d1"]),
                store.get_metadata_field_min_max_async("number"),
            )
            await store.delete_by_filter_async({"field": "meta.number", "operator": ">", "value": 9})
            await store.delete_documents_async(["d0"])
            count = await store.count_documents_async()
            await store.close_async()
            return found, count

        (dense, keyword, filtered, by_id, extremes), count = asyncio.run(main())
        other = FAISSDocumentStore(embedding_dim=DIM)
        other.write_documents(documents)
        assert dense == other.search(QUESTION, 7)
        other.close()
        assert len(keyword) == 3
        assert {document.id for document in filtered} == {"d0", "d1", "d2", "d3"}
        assert [document.id for document in by_id] == ["d3", "d1"]
        assert extremes == {"min": 0, "max": 39}
        assert count == 9


class TestOpening:
    @pytest.mark.slow
    def test_the_cost_does_not_grow_with_the_passages(self, tmp_path):
        """Bytes that the process reads, as the system counts them."""
        costs = []
        for count in (10, 20_000):
            path = str(tmp_path / f"store{count}")
            store = FAISSDocumentStore(path, embedding_dim=DIM)
            store.write_documents(make_documents(count, DIM))
            store.search(QUESTION)
            store.bm25_retrieval("river")
            store.close()
            before = bytes_read()
            assert store.count_documents() == count
            costs.append(bytes_read() - before)
            store.close()
        assert costs[1] < costs[0] + 50_000
        assert costs[1] < os.path.getsize(tmp_path / "store20000" / "documents.sqlite") / 20

    def test_vectors_are_not_read(self, tmp_path):
        """A store with as many vectors as the disk could never hold: a file with a hole opens at once."""
        store = FAISSDocumentStore(str(tmp_path / "store"), embedding_dim=DIM)
        documents = make_documents(3, DIM)
        store.write_documents(documents)
        store.close()
        rows = 10**10
        with (tmp_path / "store" / "vectors-0.f32").open("r+b") as file:
            file.truncate(rows * DIM * 4)
        with closing(sqlite3.connect(tmp_path / "store" / "documents.sqlite")) as connection, connection:
            connection.execute("UPDATE state SET next_row = ?", (rows,))
        assert store.count_documents() == 3
        assert store.get_documents_by_id(["d2"]) == [documents[2]]
        assert store.filter_documents() == documents
        store.close()


def bytes_read():
    with open("/proc/self/io", encoding="ascii") as file:
        return int(file.readline().split()[1])
