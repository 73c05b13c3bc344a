# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A store knows of each vector whether its recorded encoder made it, whatever happens to documents and files."""

from __future__ import annotations

import json
import random
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from haystack import Document
from haystack.document_stores.errors import DocumentStoreError
from haystack.document_stores.types import DuplicatePolicy

from dpr_haystack import FAISSDocumentStore
from dpr_haystack.core.encoder_mark import MARK
from dpr_haystack.errors import EncoderMismatch
from dpr_haystack.store.check import check_store
from dpr_haystack.store.errors import StoreFailure
from dpr_haystack.store.writing import StoreWriter
from support.reembedding import StandIn
from support.stores import compact_above, make_store

A, M = StandIn("a", 8), StandIn("m", 8)


def texts(*numbers: int) -> list[Document]:
    return [Document(id=f"d{number}", content=f"text {number}", meta={"number": number}) for number in numbers]


def by(encoder: StandIn, *numbers: int) -> list[Document]:
    return list(encoder.run(texts(*numbers))["documents"])


def plain(*numbers: int) -> list[Document]:
    """The vectors of M without its mark."""
    return [replace(each, embedding=M.vector(each)) for each in texts(*numbers)]


def opened(path: Path | None, **settings: Any) -> FAISSDocumentStore:
    return make_store(path, embedding_dim=None, **settings)


def facts(store: FAISSDocumentStore) -> tuple[str | None, int, int]:
    """The recorded model, the number of vectors, and how many of unknown origin."""
    origin = store.origin()
    return (origin.encoder or {}).get("model"), origin.vectors, origin.unknown


def test_the_encoder_of_the_first_documents_is_recorded_and_their_mark_is_gone(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    given = by(A, 1, 2)
    store.write_documents([*given, *texts(3)])
    assert store.recorded_encoder == A.record()
    assert facts(store) == ("a", 2, 0)
    expected = [replace(each, embedding=A.vector(each)) for each in texts(1, 2)]
    assert store.filter_documents()[:2] == expected
    assert store.search(A.vector(texts(1)[0]), 1)[0].meta == {"number": 1}
    assert store.bm25_retrieval("text", 1)[0].meta.keys() == {"number"}
    assert set(store.get_metadata_fields_info()) == {"number"}
    assert all(MARK in each.meta for each in given)  # the caller's documents are not modified
    store.close()
    assert json.loads((tmp_path / "store" / "store.json").read_text())["encoder"] == A.record()


@pytest.mark.parametrize("given", [by(M, 3), by(M, 1), [*by(A, 3), *by(M, 4)], [*plain(3), *by(M, 4)]])
@pytest.mark.parametrize("policy", list(DuplicatePolicy))
def test_a_second_encoder_is_refused_and_nothing_changes(given: list[Document], policy: DuplicatePolicy) -> None:
    store = opened(None)
    store.write_documents(by(A, 1, 2))
    before = store.filter_documents()
    if policy == DuplicatePolicy.SKIP and given[0].id == "d1":
        assert store.write_documents(given, policy) == 0
    else:
        with pytest.raises(DocumentStoreError, match=r"(made by|have vectors of) a.*vectors of m|exist"):
            store.write_documents(given, policy)
    assert store.filter_documents() == before
    assert facts(store) == ("a", 2, 0)


def test_two_encoders_in_one_batch_are_refused() -> None:
    store = opened(None)
    with pytest.raises(EncoderMismatch):
        store.write_documents([*by(A, 1), *by(M, 2)])
    assert (store.count_documents(), store.recorded_encoder) == (0, None)


def test_a_mark_counts_only_for_the_vector_that_it_was_made_for() -> None:
    store = opened(None)
    stale = [replace(each, embedding=M.vector(each)) for each in by(A, 1)]  # embedded again by something else
    store.write_documents([*stale, *by(A, 2)])
    assert facts(store) == ("a", 2, 1)
    assert all(MARK not in each.meta for each in store.filter_documents())


def test_the_mark_survives_dicts_and_json() -> None:
    store = opened(None)
    store.write_documents([Document.from_dict(json.loads(json.dumps(each.to_dict()))) for each in by(A, 1)])
    assert facts(store) == ("a", 1, 0)


def write_another_mark(store: FAISSDocumentStore) -> None:
    store.write_documents([*texts(1), Document(content="x", meta={MARK: "mine"})])


def update_another_mark(store: FAISSDocumentStore) -> None:
    store.update_by_filter({"field": "id", "operator": "==", "value": "d0"}, {MARK: "mine"})


@pytest.mark.parametrize("write", [write_another_mark, update_another_mark])
def test_the_reserved_name_is_refused_with_another_value(write: Any) -> None:
    store = opened(None)
    store.write_documents(texts(0))
    with pytest.raises(ValueError, match="reserved"):
        write(store)
    assert store.count_documents() == 1


def test_vectors_of_unknown_origin_stay_so_when_an_encoder_is_recorded(caplog: pytest.LogCaptureFixture) -> None:
    store = opened(None)
    store.write_documents(plain(1, 2, 3))
    assert facts(store) == (None, 3, 3)
    assert not caplog.records
    store.write_documents(by(A, 4))
    assert facts(store) == ("a", 4, 3)
    store.write_documents(plain(5))
    assert "1 of the 1 vectors just written do not say which encoder made them" in caplog.text
    assert facts(store) == ("a", 5, 4)
    store.delete_documents(["d1", "d4"])
    assert facts(store) == ("a", 3, 3)


def test_what_is_read_and_written_back_keeps_its_origin() -> None:
    store = opened(None)
    store.write_documents(plain(1, 2))
    store.write_documents(by(A, 3, 4))
    changed = [replace(each, meta={"changed": True}) for each in store.filter_documents()]
    store.write_documents(changed, DuplicatePolicy.OVERWRITE)
    assert facts(store) == ("a", 4, 2)
    store.update_by_filter({"field": "meta.changed", "operator": "==", "value": True}, {"more": 1})
    assert facts(store) == ("a", 4, 2)
    store.write_documents(by(A, 1), DuplicatePolicy.OVERWRITE)
    assert facts(store) == ("a", 4, 1)
    store.write_documents(plain(3), DuplicatePolicy.OVERWRITE)
    assert facts(store) == ("a", 4, 2)


@pytest.mark.parametrize("encoder", [A.identity, A.record(), "a"])
def test_a_declared_encoder_stands_for_vectors_without_a_mark(encoder: Any, tmp_path: Path) -> None:
    store = opened(tmp_path / "store", encoder=encoder)
    again = FAISSDocumentStore.from_dict(json.loads(json.dumps(store.to_dict())))
    assert again.to_dict() == store.to_dict()
    store.write_documents(plain(1))
    assert facts(store) == ("a", 1, 0)
    store.write_documents(by(A, 2))
    assert store.recorded_encoder == A.record()  # with the fingerprint, even if only the name was declared
    with pytest.raises(EncoderMismatch):
        store.write_documents(by(M, 3))
    store.close()


def test_a_declared_encoder_may_lack_the_fingerprint_that_is_recorded(tmp_path: Path) -> None:
    opened(tmp_path / "store", encoder=A.identity).write_documents(by(A, 1))
    for without in ({"model": "a"}, {"model": "a", "fingerprint": None}, {"model": "a", "fingerprint": ""}):
        store = opened(tmp_path / "store", encoder=without)
        store.write_documents(plain(2), DuplicatePolicy.OVERWRITE)
        assert facts(store) == ("a", 2, 0)
        store.close()
    with pytest.raises(DocumentStoreError, match=r"encoder of the store .*: got m"):
        opened(tmp_path / "store", encoder={"model": "m", "fingerprint": None}).count_documents()


def test_a_declared_encoder_does_not_adopt_what_is_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = opened(tmp_path / "store")
    first.write_documents(plain(1, 2))
    second = opened(tmp_path / "store", encoder=A.identity)
    assert facts(second) == ("a", 2, 2)
    assert "does not record which encoder made its 2 vectors" in caplog.text
    second.write_documents(plain(3))
    assert facts(second) == ("a", 3, 2)
    second.record_encoder(A.identity)  # said of all
    assert facts(first) == ("a", 3, 0)
    first.record_encoder(None)
    assert facts(first) == (None, 3, 3)
    first.close()
    second.close()


def test_a_declared_encoder_refuses_others_even_while_the_store_is_empty() -> None:
    store = opened(None, encoder=A.identity)
    with pytest.raises(EncoderMismatch, match=r"opened for vectors of a: got vectors of m.*identity"):
        store.write_documents(by(M, 1))
    assert store.count_documents() == 0


def test_an_emptied_store_takes_another_encoder_when_it_is_told() -> None:
    store = opened(None)
    store.write_documents([*by(A, 1), *plain(2)])
    store.delete_all_documents()
    assert facts(store) == ("a", 0, 0)
    with pytest.raises(EncoderMismatch, match="no vectors and is meant for those of a; vectors of m cannot"):
        store.write_documents(by(M, 3))
    store.record_encoder(None)
    store.write_documents(by(M, 3))
    assert facts(store) == ("m", 1, 0)


@pytest.mark.parametrize("wrong", [7, "", {}, {"model": ""}, {"model": 7}, {"model": "a", "fingerprint": 7}, ["a"]])
def test_what_is_no_encoder_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="encoder must be the name or path of a passage tower"):
        FAISSDocumentStore(encoder=wrong).count_documents()
    with pytest.raises(ValueError, match="encoder must be the name or path of a passage tower"):
        opened(None).record_encoder(wrong)


def test_a_record_of_an_earlier_release_stands_for_all_vectors(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    store.write_documents(plain(1, 2))
    store.close()
    with sqlite3.connect(tmp_path / "store" / "documents.sqlite") as connection:
        connection.execute("DROP TABLE IF EXISTS unattributed")
    connection.close()
    manifest = json.loads((tmp_path / "store" / "store.json").read_text())
    (tmp_path / "store" / "store.json").write_text(json.dumps({**manifest, "encoder": A.record()}))
    again = opened(tmp_path / "store")
    assert facts(again) == ("a", 2, 0)
    assert any("2 vectors" in line and "made by a" in line for line in check_store(tmp_path / "store").passed)
    with pytest.raises(EncoderMismatch):
        again.write_documents(by(M, 3))
    again.write_documents([*by(A, 3), *plain(4)])
    assert facts(again) == ("a", 4, 1)
    again.close()


def test_check_counts_what_is_unknown(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    store.write_documents(plain(1, 2))
    assert "does not record which encoder made its 2 vectors" in check_store(tmp_path / "store").unknown[0]
    store.write_documents(by(A, 3))
    report = check_store(tmp_path / "store")
    assert "1 were made by a; nothing says so of the other 2" in report.unknown[0]
    assert report.is_sound
    store.close()


def test_a_copy_knows_the_same(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    store.write_documents(plain(1, 2))
    store.write_documents(by(A, 3))
    store.save(tmp_path / "copy")
    store.close()
    copy = opened(tmp_path / "copy")
    assert facts(copy) == ("a", 3, 2)
    copy.close()


def test_a_write_that_fails_half_way_records_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = opened(tmp_path / "store")
    store.write_documents(plain(1, 2))
    before = (tmp_path / "store" / "store.json").read_bytes()

    def fail(*_: object) -> None:
        assert (tmp_path / "store" / "store.json").read_bytes() == before  # here a kill would leave it like that
        raise StoreFailure("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("dpr_haystack.store.vectors.VectorFile.append", fail)
        with pytest.raises(StoreFailure):
            store.write_documents(by(A, 3))
    assert (tmp_path / "store" / "store.json").read_bytes() == before
    assert facts(store) == (None, 2, 2)
    store.close()


def test_a_write_that_is_interrupted_before_its_manifest_has_recorded_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(tmp_path / "store")
    store.write_documents(plain(1, 2))
    with monkeypatch.context() as patch:
        patch.setattr(StoreWriter, "_follow_record", lambda _: None)
        store.write_documents(by(A, 3))
    assert json.loads((tmp_path / "store" / "store.json").read_text())["encoder"] is None
    assert facts(store) == ("a", 3, 2)
    store.close()
    again = opened(tmp_path / "store")
    assert facts(again) == ("a", 3, 2)
    assert json.loads((tmp_path / "store" / "store.json").read_text())["encoder"] == A.record()
    again.close()


@pytest.mark.parametrize("seed", range(3))
def test_the_numbers_are_right_after_any_changes(tmp_path: Path, seed: int) -> None:
    """Compared with a dict from id to whether the origin is known; small compactions all the time."""
    chance = random.Random(seed)
    store = opened(tmp_path / "store")
    store.write_documents(by(A, 0))
    compact_above(store, 3)
    model = {"d0": True}
    for _ in range(60):
        numbers = chance.sample(range(30), chance.randint(1, 6))
        kind = chance.choice(["known", "plain", "delete", "update", "mixed"])
        if kind == "delete":
            store.delete_documents([f"d{number}" for number in numbers])
            for number in numbers:
                model.pop(f"d{number}", None)
        elif kind == "update":
            low = {"field": "meta.number", "operator": "<", "value": numbers[0]}
            store.update_by_filter(low, {"seen": True})
        else:
            known = [kind == "known" or (kind == "mixed" and chance.random() < 0.5) for _ in numbers]
            given = [(by(A, n) if k else plain(n))[0] for n, k in zip(numbers, known, strict=True)]
            store.write_documents(given, DuplicatePolicy.OVERWRITE)
            model.update(zip([each.id for each in given], known, strict=True))
        assert facts(store) == ("a", len(model), list(model.values()).count(False))
    store.close()
