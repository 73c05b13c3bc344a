# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What a store refuses, leaving it unchanged, and what it stores and returns unchanged."""

import enum
import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from haystack.dataclasses import ByteStream, Document
from haystack.dataclasses.sparse_embedding import SparseEmbedding
from haystack.document_stores.errors import DocumentStoreError, DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy
from haystack.errors import FilterError

from dpr_haystack import FAISSDocumentStore
from dpr_haystack.errors import IndexMismatch, InputError
from dpr_haystack.store import registry
from dpr_haystack.store.check import check_store
from dpr_haystack.store.keyword import KeywordCache
from support.stores import assert_same_documents, file_size_limit

GOOD = Document(id="new", content="a good one", embedding=[0.5, 2.0])
EVERY_POLICY = [DuplicatePolicy.NONE, DuplicatePolicy.FAIL, DuplicatePolicy.SKIP, DuplicatePolicy.OVERWRITE]


class Kind(enum.Enum):
    BOOK = "book"


def within_itself():
    meta: dict[str, Any] = {}
    meta["self"] = meta
    return meta


def with_embedding(embedding):
    """A document with an embedding that the constructor would refuse or convert."""
    document = Document(id="odd")
    object.__setattr__(document, "embedding", embedding)
    return document


@pytest.fixture
def store(tmp_path):
    store = FAISSDocumentStore(str(tmp_path / "store"), embedding_dim=2)
    store.write_documents([Document(id="old", content="first", meta={"n": 1}, embedding=[1.0, 2.0])])
    yield store
    store.close()


@pytest.fixture
def unchanged(store):
    """Fails the test if the documents or files of the store have changed."""
    before = {document.id: document for document in store.filter_documents()}
    size = sum(path.stat().st_size for path in store.directory.glob("vectors-*"))
    yield
    assert_same_documents(store, before)
    assert [document.id for document in store.search([1.0, 0.0])] == ["old"]
    assert [document.id for document in store.bm25_retrieval("first good one")] == ["old"]
    assert sum(path.stat().st_size for path in store.directory.glob("vectors-*")) == size
    assert store.write_documents([GOOD]) == 1
    assert [document.id for document in store.search([1.0, 0.0])] == ["old", "new"]


@pytest.mark.parametrize(
    "embedding",
    [
        [1.0],
        [1.0, 2.0, 3.0],
        [],
        [float("nan"), 1.0],
        [float("inf"), 1.0],
        [1.0, -float("inf")],
        [1e39, 1.0],
        [10**400, 1],
        ["1", "2"],
        "12",
        [None, 1.0],
        [[1.0], [2.0]],
        [[1.0, 2.0]],
        [1.0, [2.0]],
        [1.0, 2j],
        5,
        {1.0: 2.0, 3.0: 4.0},
        np.array([1.0, 2.0]),
    ],
    ids=repr,
)
@pytest.mark.usefixtures("unchanged")
def test_invalid_embeddings(store, embedding):
    for policy in EVERY_POLICY:
        with pytest.raises(DocumentStoreError, match="nothing was written") as refused:
            store.write_documents([GOOD, with_embedding(embedding)], policy)
        assert isinstance(refused.value, ValueError)


def test_a_wrong_dimension_is_reported_with_both_numbers(store):
    with pytest.raises(IndexMismatch, match=r"'odd' must be 2: got 3\. .*embedding_dim=3, or None") as refused:
        store.write_documents([with_embedding([1.0, 2.0, 3.0])])
    assert (refused.value.expected, refused.value.got) == (2, 3)


@pytest.mark.parametrize(
    "document",
    [
        Document(id="odd", meta={"a": {1, 2}}),
        Document(id="odd", meta={"a": object()}),
        Document(id="odd", meta={"a": Kind.BOOK}),
        Document(id="odd", meta={"a": Decimal("1.5")}),
        Document(id="odd", meta={"a": pd.NaT}),
        Document(id="odd", meta={"a": [{"b": pd.NaT}]}),
        Document(id="odd", meta={"a": np.array([1, 2])}),
        Document(id="odd", meta={"a": np.longdouble(1)}),
        Document(id="odd", meta={1: "a"}),  # type: ignore[dict-item]
        Document(id="odd", meta={"a": {None: 1}}),
        Document(id="odd", meta={"a": [{("t",): 1}]}),
        Document(id="odd", meta={"a": "half \ud800"}),
        Document(id="odd", meta={"half \ud800": 1}),
        Document(id="odd", meta=within_itself()),
        Document(id="odd", meta=None),  # type: ignore[arg-type]
        Document(id="odd", meta=["a"]),  # type: ignore[arg-type]
        Document(id="odd", content="half \udfff"),
        Document(id="half \ud800"),
        Document(id="nul \0 inside"),
        Document(id="odd", score="high"),  # type: ignore[arg-type]
        Document(id="odd", blob=ByteStream(b"x", mime_type="\ud800")),
        Document(id="odd", blob=ByteStream(b"x", meta={"a": object()})),
        Document(id="odd", blob=ByteStream("text")),  # type: ignore[arg-type]
        Document(id="odd", sparse_embedding=SparseEmbedding(["a"], [1.0])),  # type: ignore[list-item]
    ],
)
@pytest.mark.usefixtures("unchanged")
def test_documents_that_cannot_be_stored(store, document):
    for policy in EVERY_POLICY:
        with pytest.raises(DocumentStoreError) as refused:
            store.write_documents([GOOD, document], policy)
        assert isinstance(refused.value, InputError)
        assert isinstance(refused.value, ValueError)


@pytest.mark.parametrize(
    "documents", ["text", b"bytes", 3, None, {"id": "a"}, [GOOD, "text"], [GOOD, None], [GOOD, {}]]
)
@pytest.mark.usefixtures("unchanged")
def test_items_that_are_not_documents(store, documents):
    for policy in EVERY_POLICY:
        with pytest.raises(ValueError, match="Document") as refused:
            store.write_documents(documents, policy)
        assert isinstance(refused.value, DocumentStoreError)


@pytest.mark.parametrize("policy", [DuplicatePolicy.NONE, DuplicatePolicy.FAIL])
@pytest.mark.usefixtures("unchanged")
def test_duplicates_are_refused(store, policy):
    for batch, named in (([GOOD, GOOD], "'new'"), ([GOOD, replace(GOOD, id="old")], "'old'")):
        with pytest.raises(DuplicateDocumentError, match=named) as refused:
            store.write_documents(batch, policy)
        assert isinstance(refused.value, ValueError)
        assert isinstance(refused.value, DocumentStoreError)


def test_skip_keeps_the_first_and_overwrite_the_last(store):
    twice = [Document(id="twice", content=text, embedding=[number, 0.0]) for number, text in enumerate("ab")]
    assert store.write_documents([*twice, replace(GOOD, id="old")], DuplicatePolicy.SKIP) == 1
    assert {d.id: d.content for d in store.filter_documents()} == {"old": "first", "twice": "a"}
    assert store.write_documents([*twice, replace(GOOD, id="old")], DuplicatePolicy.OVERWRITE) == 2
    assert {d.id: d.content for d in store.filter_documents()} == {"old": "a good one", "twice": "b"}
    assert {d.id: d.embedding for d in store.filter_documents()} == {"old": [0.5, 2.0], "twice": [1.0, 0.0]}


def test_the_first_vector_decides_the_dimension_if_it_is_written(tmp_path):
    store = FAISSDocumentStore(str(tmp_path / "store"), embedding_dim=None)
    with pytest.raises(ValueError, match="must be 2: got 3"):
        store.write_documents([GOOD, Document(id="b", embedding=[1.0, 2.0, 3.0])])
    with pytest.raises(DuplicateDocumentError):
        store.write_documents([GOOD, GOOD])
    store.write_documents([Document(id="c")])
    store.write_documents([Document(id="b", embedding=[1.0, 2.0, 3.0])])
    with pytest.raises(ValueError, match="must be 3: got 2"):
        store.write_documents([GOOD])
    store.delete_all_documents()
    with pytest.raises(ValueError, match="must be 3: got 2"):
        store.write_documents([GOOD])
    store.close()
    with pytest.raises(ValueError, match="embedding_dim"):
        FAISSDocumentStore(str(tmp_path / "store"), embedding_dim=2).count_documents()


@pytest.mark.parametrize(
    "meta", [{"a": object()}, {"a": "\ud800"}, {1: 2}, within_itself()], ids=["object", "half", "key", "itself"]
)
@pytest.mark.parametrize("matched", ["old", "nobody"])
@pytest.mark.usefixtures("unchanged")
def test_updates_that_cannot_be_stored(store, meta, matched):
    with pytest.raises(DocumentStoreError) as refused:
        store.update_by_filter({"field": "id", "operator": "==", "value": matched}, meta)
    assert isinstance(refused.value, ValueError)


@pytest.mark.parametrize("filters", [None, {}, [], "old", {"field": "id"}, {"operator": "AND", "conditions": [None]}])
@pytest.mark.usefixtures("unchanged")
def test_a_missing_filter_deletes_nothing(store, filters):
    for attempt in (store.delete_by_filter, lambda given: store.update_by_filter(given, {"a": 1})):
        with pytest.raises(ValueError, match="filter"):
            attempt(filters)


@pytest.mark.usefixtures("unchanged")
def test_ids_that_no_document_can_have_delete_nothing(store):
    """SQLite would take "old\\0more" for "old"."""
    odd = ["old\0more", "\ud800", "old\ud800", "", "OLD"]
    store.delete_documents(odd)
    assert store.get_documents_by_id(odd) == []
    with pytest.raises(ValueError, match="list"):
        store.delete_documents("old")


def test_everything_in_a_document_comes_back(store):
    documents = [
        Document(
            id="all",
            content='tab\t nul\0 quote" ümlaut 漢字 🎉',
            meta={
                "text": 'nul\0 quote" back\\slash',
                "nested": {"list": [1, [2.5, None, True]], "tuple": (1, (2,)), "": {"$dpr": ["int", "5"]}},
                "big": 1 << 80,
                "nan": float("inf"),
                "when": datetime(2024, 5, 1, 12, 30, 15, 250, tzinfo=timezone(timedelta(hours=2))),
                "bytes": b"\0\xff",
                "numpy": [np.float32(0.5), np.int64(3), np.bool_(True)],
            },
            score=0.25,
            embedding=[np.float32(1.5), -0.0],  # type: ignore[list-item]
            blob=ByteStream(b"\0\1\2", mime_type="image/png", meta={"page": (1, 2)}),
            sparse_embedding=SparseEmbedding([np.int64(3), 7], [np.float32(0.5), 2]),  # type: ignore[list-item]
        ),
        Document(id="none"),
        Document(id="empty", content="", meta={}),
        Document(id="🎉" * 50, content="long id"),
    ]
    store.write_documents(documents)
    found = {document.id: document for document in store.filter_documents()}
    for document in documents:
        assert found[document.id] == document
    assert found["all"].meta == documents[0].meta
    assert type(found["all"].meta["nested"]["tuple"]) is tuple
    assert found["all"].blob.meta == {"page": (1, 2)}
    assert store.get_documents_by_id(["none", "🎉" * 50]) == [documents[1], documents[3]]


def test_text_with_a_nul_is_not_the_text_before_it(store):
    store.write_documents([Document(id="nul", content="a\0b", meta={"x": "a\0b", "k\0y": 1}), Document(id="a")])

    def found(field, operator, value):
        return [d.id for d in store.filter_documents({"field": field, "operator": operator, "value": value})]

    assert found("meta.x", "==", "a") == []
    assert found("meta.x", "==", "a\0b") == ["nul"]
    assert found("meta.x", "in", ["a", "b"]) == []
    assert found("meta.x", "in", ["a\0b"]) == ["nul"]
    assert found("content", "==", "a") == []
    assert found("content", "==", "a\0b") == ["nul"]
    assert found("meta.k\0y", "==", 1) == ["nul"]
    assert found("meta.k", "==", 1) == []


def test_filters_too_large_for_sqlite(store):
    leaf = {"field": "meta.n", "operator": "==", "value": 1}
    deep = leaf
    for level in range(60):
        deep = {"operator": "NOT" if level % 2 else "OR", "conditions": [deep]}
    assert [document.id for document in store.filter_documents(deep)] == ["old"]
    wide = {"operator": "OR", "conditions": [{**leaf, "value": number} for number in range(-12_000, 2)]}
    assert store.count_documents_by_filter(wide) == 1


def test_what_the_caller_does_with_documents_does_not_reach_the_store(store):
    document = Document(id="mine", meta={"list": [1]}, embedding=[1.0, 0.0])
    store.write_documents([document])
    document.meta["list"].append(2)
    store.search([1.0, 0.0])[0].meta["n"] = "changed"
    found = {document.id: document.meta for document in store.filter_documents()}
    assert found == {"old": {"n": 1}, "mine": {"list": [1]}}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"similarity": "manhattan"}, "similarity must be one of .*manhattan"),
        ({"embedding_dim": 0}, "embedding_dim"),
        ({"embedding_dim": 1.5}, "embedding_dim"),
        ({"index_string": "IVF"}, "index_string"),
        ({"index_string": "HNSW"}, "index_string"),
        ({"index_string": "HNSW8", "index_options": {"nprobe": 3}}, "nprobe"),
        ({"index_string": "HNSW8", "index_options": {"efSearch": 0}}, "efSearch"),
        ({"index_string": "Flat", "index_options": {"efSearch": 3}}, "options"),
        ({"language": "klingon"}, "klingon"),
    ],
)
def test_constructor_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        FAISSDocumentStore("never made", **arguments)


def test_other_settings_than_those_of_the_store_are_refused(tmp_path):
    path = str(tmp_path / "store")
    FAISSDocumentStore(path, embedding_dim=2).write_documents([GOOD])
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"embedding_dim": 3}, "embedding_dim.*must be 2: got 3"),
        ({"similarity": "l2"}, "similarity"),
        ({"language": None}, "language"),
    )
    for arguments, message in cases:
        with pytest.raises(DocumentStoreError, match=message) as refused:
            FAISSDocumentStore(path, **{"embedding_dim": 2, **arguments}).count_documents()
        assert isinstance(refused.value, ValueError)
    other_index = FAISSDocumentStore(path, "HNSW8", None)
    assert other_index.search([1.0, 0.0])[0].id == "new"
    other_index.close()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.doc").write_text("precious")
    with pytest.raises(DocumentStoreError, match=r"thesis\.doc"):
        FAISSDocumentStore(str(tmp_path / "full"), embedding_dim=2).write_documents([GOOD])
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["thesis.doc"]


def test_pandas_dates_come_back(store):
    date = pd.Timestamp("2024-05-06T07:08:09.123456+02:00")
    store.write_documents([Document(id="a", meta={"date": date}, embedding=[1.0, 0.0])])
    assert [document.meta.get("date") for document in store.filter_documents()] == [None, date]


@pytest.mark.parametrize("value", [5, "2024-01-01", datetime(2024, 1, 1)])
def test_digits_cannot_be_compared_with_dates(store, value):
    leaf = {"field": "meta.isbn", "operator": ">", "value": value}
    deep = leaf
    for _ in range(10):
        deep = {"operator": "AND", "conditions": [deep]}
    store.write_documents([Document(id="a", meta={"isbn": "9780306406157"}, embedding=[1.0, 0.0])])
    for filters in (leaf, deep):
        for ask in (store.filter_documents, store.delete_by_filter, lambda each: store.search([1.0, 0.0], 1, each)):
            with pytest.raises(FilterError):
                ask(filters)
    assert store.count_documents() == 2


def test_an_encoder_by_its_relative_path_is_the_one_that_is_recorded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    store = FAISSDocumentStore("store", embedding_dim=2)
    store.record_encoder({"model": str(tmp_path / "model"), "fingerprint": "f"})
    store.close()
    for same in ("model", "./model", str(tmp_path / "model")):
        again = FAISSDocumentStore("store", embedding_dim=2, encoder=same)
        assert again.count_documents() == 0
        assert again.to_dict()["init_parameters"]["encoder"] == same
        again.close()
    with pytest.raises(DocumentStoreError, match="encoder of the store"):
        FAISSDocumentStore("store", embedding_dim=2, encoder="owner/model").count_documents()
    made = FAISSDocumentStore("other", embedding_dim=2, encoder="model")
    made.write_documents([])
    assert made.recorded_encoder is not None
    assert made.recorded_encoder["model"] == str(tmp_path / "model")
    made.close()


def test_the_settings_of_the_dense_index_are_kept(tmp_path):
    path = str(tmp_path / "store")
    made = FAISSDocumentStore(path, "HNSW8", 2, index_options={"efSearch": 33})
    made.write_documents([GOOD])
    made.close()
    again = FAISSDocumentStore.from_directory(path)
    assert (again.index_string, again.index_options) == ("HNSW8", {"efSearch": 33})
    loaded = FAISSDocumentStore(embedding_dim=2)
    loaded.load(path)
    assert (loaded.index_string, loaded.index_options) == ("HNSW8", {"efSearch": 33})
    other = FAISSDocumentStore.from_directory(path, index_string="Flat")
    other.record_index()
    assert FAISSDocumentStore.from_directory(path).index_string == "Flat"
    # a manifest from before there were options
    manifest = tmp_path / "store" / "store.json"
    content = json.loads(manifest.read_text())
    del content["index_options"]
    manifest.write_text(json.dumps(content))
    assert FAISSDocumentStore.from_directory(path).index_options is None
    for each in (again, loaded, other):
        each.close()


def test_a_store_that_another_process_creates_at_the_same_time(tmp_path, monkeypatch):
    path = tmp_path / "store"
    made = registry._create

    def faster(layout, manifest, timeout):
        made(layout, manifest, timeout)  # another process
        made(layout, manifest, timeout)

    monkeypatch.setattr(registry, "_create", faster)
    store = FAISSDocumentStore(str(path), embedding_dim=2)
    assert store.write_documents([GOOD]) == 1
    store.close()


def test_a_copy_to_a_full_disk_names_the_target(store, tmp_path):
    store.write_documents([replace(GOOD, id=str(n), content="x" * 10_000) for n in range(20)])
    with file_size_limit(50_000), pytest.raises(DocumentStoreError, match=r"cannot write a copy to .*copy"):
        store.save(tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert store.count_documents() == 21


def test_a_check_during_writes_finds_nothing_wrong(store, monkeypatch):
    store.write_documents([replace(GOOD, id=str(n)) for n in range(5)])
    store.bm25_retrieval("good")
    current = KeywordCache.current

    def meanwhile(self):
        store.write_documents([replace(GOOD, id="later")])
        store.delete_documents(["3"])
        return current(self)

    with monkeypatch.context() as patched:
        patched.setattr(KeywordCache, "current", meanwhile)
        report = check_store(store.directory)
    assert (report.repairable, report.damaged) == ([], [])
    assert check_store(store.directory).repairable == []
