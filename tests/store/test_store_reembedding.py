# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Re-embedding: a store has all vectors of the old encoder or all of the new one, whatever happens."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from collections import namedtuple
from pathlib import Path

import pytest
from haystack import Document

from dpr_haystack import FAISSDocumentStore
from dpr_haystack.errors import EncoderMismatch
from dpr_haystack.store.errors import DoesNotFit, StoreFailure, StoreLocked
from dpr_haystack.workflows import reembedding
from dpr_haystack.workflows.reembedding import reembed
from support.reembedding import (
    NEW,
    OLD,
    Changes,
    StandIn,
    anew,
    assert_is,
    documents,
    embed_anew,
    embed_some,
    embedded,
    filled_store,
    killed_at,
    open_store,
    watch,
)
from support.stores import compact_above, processes

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reembedding, "FIRST", 8)


def test_all_at_once(tmp_path: Path) -> None:
    model = filled_store(tmp_path / "store")
    keyword = (tmp_path / "store" / "indexes" / "keyword.json").read_text()
    encoder = StandIn("new", 12)
    report = embed_anew(tmp_path / "store", encoder)
    with_text = [each for each in model.values() if each.content is not None]
    assert (report.embedded, report.found, report.without_text) == (len(with_text), 0, len(model) - len(with_text))
    assert sum(encoder.calls) == len(with_text)
    assert '"folder": "' in keyword
    folder = keyword.split('"folder": "')[1].split('"')[0]
    assert (tmp_path / "store" / "indexes" / folder).is_dir(), "the keyword index was rebuilt"
    assert_is(tmp_path / "store", anew(model), NEW)
    assert not (tmp_path / "store" / "staged.f32").exists()
    again = StandIn("new", 12)
    assert embed_anew(tmp_path / "store", again).is_new is False
    assert again.calls == []
    # And back, to vectors of the first length.
    embed_anew(tmp_path / "store", StandIn("old", 8))
    assert_is(tmp_path / "store", anew(model, OLD), OLD)


def test_killed_at_every_step(tmp_path: Path) -> None:
    model = filled_store(tmp_path / "whole", 40)
    outcomes, found = [], []
    step = 0
    while True:
        step += 1
        path = tmp_path / f"store-{step}"
        shutil.copytree(tmp_path / "whole", path)
        child = processes.Process(target=killed_at, args=(str(path), step))
        child.start()
        child.join()
        if child.exitcode == 0:
            break
        assert child.exitcode == -signal.SIGKILL
        store = open_store(path)
        is_new = store.recorded_encoder == NEW.record()
        store.close()
        assert_is(path, anew(model) if is_new else model, NEW if is_new else OLD)
        outcomes.append(is_new)
        encoder = StandIn("new", 12)
        report = embed_anew(path, encoder)
        assert report.is_new is not is_new
        if not is_new:
            assert report.found + sum(encoder.calls) == len([each for each in model.values() if each.content])
            found.append(report.found)
        assert_is(path, anew(model), NEW)
        shutil.rmtree(path)
    assert outcomes == sorted(outcomes), "new and old again"
    assert True in outcomes
    assert False in outcomes
    assert found == sorted(found)
    assert len(set(found)) >= 3
    assert step > 25


@pytest.mark.parametrize("seed", range(12))
def test_writing_and_deleting_in_the_meantime(tmp_path: Path, seed: int) -> None:
    model = filled_store(tmp_path / "store")
    other = FAISSDocumentStore.from_directory(tmp_path / "store", index_string="Flat")
    compact_above(other, 10)
    changes = Changes(other, model, seed)

    def meanwhile(call: int) -> None:
        if call <= 6:
            changes.some()
            assert {each.id: each for each in other.filter_documents()} == model, "the old vectors answer until then"

    embed_anew(tmp_path / "store", StandIn("new", 12, before=meanwhile))
    other.close()
    other = FAISSDocumentStore.from_directory(tmp_path / "store")
    compact_above(other, 10)
    more = embedded(documents(40, first=5000), NEW)
    other.write_documents(more)
    other.close()
    assert_is(tmp_path / "store", anew(model) | {each.id: each for each in more}, NEW)


@pytest.mark.parametrize("dimension", [8, 12])
def test_other_processes_see_the_old_or_the_new_vectors(tmp_path: Path, dimension: int) -> None:
    """Another process reads all the time, also with vectors of the same length."""
    filled_store(tmp_path / "store", 300)
    encoder = StandIn("new", dimension)
    receiver, sender = processes.Pipe(duplex=False)
    child = processes.Process(target=watch, args=(str(tmp_path / "store"), dimension, sender))
    child.start()
    sender.close()
    try:
        assert receiver.recv() == "ready"
        mine = FAISSDocumentStore.from_directory(tmp_path / "store")
        before = mine.filter_documents()
        embed_anew(tmp_path / "store", encoder)
        assert receiver.recv() == ["old", "new"]
    except BaseException:
        child.kill()  # otherwise it reads forever
        raise
    finally:
        child.join()
    mine.delete_documents(["d9000"])  # by the other process
    after = {each.id: each for each in mine.filter_documents()}
    assert after == anew({each.id: each for each in before}, encoder)
    assert mine.recorded_encoder == encoder.record()
    mine.close()


def test_leftovers_of_a_killed_process_while_the_store_is_open(tmp_path: Path) -> None:
    model = filled_store(tmp_path / "store")
    store, root = open_store(tmp_path / "store"), tmp_path / "store"
    assert store.count_documents() == len(model)
    with store.reembedding(NEW.record(), 12) as running:
        embed_some(running, 20)
    os.link(root / "staged.f32", root / "vectors-1.f32")  # before the switch was committed
    reembed(store, StandIn("new", 12))  # type: ignore[arg-type]
    os.link(root / "vectors-1.f32", root / "staged.f32")  # after the commit, before the old name was removed
    third = StandIn("third", 12)
    with store.reembedding(third.record(), 12) as running:
        embed_some(running, 20, third)
        assert {each.id: each for each in store.filter_documents()} == anew(model)
    (root / "vectors-2.f32").write_bytes(b"of a compaction")
    reembed(store, third)  # type: ignore[arg-type]
    store.close()
    assert_is(root, anew(model, third), third)


def test_an_engine_that_is_open_goes_on_with_another_length(tmp_path: Path) -> None:
    model = filled_store(tmp_path / "store")
    mine = FAISSDocumentStore.from_directory(tmp_path / "store")
    assert len(mine.search([1.0] * 8, 3)) == 3
    reembed(mine, StandIn("new", 12))  # type: ignore[arg-type]
    assert len(mine.search([1.0] * 12, 3)) == 3
    with pytest.raises(DoesNotFit, match="must be 12: got 8"):
        mine.search([1.0] * 8, 3)
    late = embedded(documents(3, first=900), NEW)
    mine.write_documents(late)
    with pytest.raises(DoesNotFit, match="must be 12: got 8"):
        mine.write_documents(embedded(documents(3, first=1000), OLD))
    mine.record_encoder({**NEW.record(), "fingerprint": "moved"})
    assert mine.recorded_encoder is not None
    assert mine.recorded_encoder["fingerprint"] == "moved"
    mine.record_encoder(NEW.record())
    mine.close()
    assert_is(tmp_path / "store", anew(model) | {each.id: each for each in late}, NEW)


def test_documents_written_just_before_the_switch(tmp_path: Path) -> None:
    model = filled_store(tmp_path / "store", 8)
    store = open_store(tmp_path / "store")
    encoder = StandIn("new", 12)
    with store.reembedding(NEW.record(), 12) as running:
        assert (running.done, running.remaining) == (0, 5)
        embed_some(running, 100, encoder)
        assert (running.done, running.remaining) == (5, 0)
        late = embedded(documents(40, first=100))
        model.update((each.id, each) for each in late)
        store.write_documents(late)
        assert not running.switch(lambda _: pytest.fail("these are too many to keep others waiting"))
        store.delete_documents([f"d{number}" for number in range(100, 120)])
        for number in range(100, 120):
            del model[f"d{number}"]
        assert running.switch(lambda some: encoder.run(some)["documents"])
    assert encoder.calls == [5, 18]
    store.close()
    assert_is(tmp_path / "store", anew(model), NEW)


def test_one_at_a_time_and_only_with_the_same_model(tmp_path: Path) -> None:
    model = filled_store(tmp_path / "store")
    store = open_store(tmp_path / "store")
    with store.reembedding(NEW.record(), 12) as running:
        embed_some(running, 10)
        with (
            pytest.raises(StoreLocked, match="another process is re-embedding"),
            store.reembedding(NEW.record(), 12),
        ):
            pass
        with pytest.raises(StoreLocked, match="another process is re-embedding"):
            store.drop_reembedding()
    other = StandIn("other", 12)
    with pytest.raises(EncoderMismatch, match=r"with new, 9 vectors are done.*--restart"):
        reembed(store, other)  # type: ignore[arg-type]
    moved = {**NEW.record(), "model": "elsewhere"}
    with store.reembedding(moved, 12) as running:
        assert running.done == 9
    assert store.recorded_encoder == OLD.record()
    reembed(store, other, restart=True)  # type: ignore[arg-type]
    store.close()
    assert_is(tmp_path / "store", anew(model, other), other)


def test_the_current_encoder_only_drops_leftovers(tmp_path: Path) -> None:
    filled_store(tmp_path / "store")
    store = open_store(tmp_path / "store")
    embed_anew(tmp_path / "store", StandIn("old-again", 8))
    with store.reembedding(NEW.record(), 12) as running:
        embed_some(running, 10)
    assert (tmp_path / "store" / "staged.f32").exists()
    assert reembed(store, StandIn("old-again", 8)).is_new is False  # type: ignore[arg-type]
    assert (tmp_path / "store" / "staged.f32").exists()
    assert reembed(store, StandIn("old-again", 8), restart=True).is_new is False  # type: ignore[arg-type]
    assert not (tmp_path / "store" / "staged.f32").exists()
    with store.reembedding(StandIn("third", 5).record(), 5) as running:
        assert running.done == 0
    store.close()


def test_damaged_new_vectors_are_made_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = filled_store(tmp_path / "store")
    store = open_store(tmp_path / "store")
    with store.reembedding(NEW.record(), 12) as running:
        embed_some(running, 20)
    os.truncate(tmp_path / "store" / "staged.f32", 100)
    report = reembed(store, StandIn("new", 12))  # type: ignore[arg-type]
    store.close()
    assert report.found == 0
    assert "starts over" in caplog.text
    assert_is(tmp_path / "store", anew(model), NEW)


def test_a_copy_has_no_reembedding_in_progress(tmp_path: Path) -> None:
    model = filled_store(tmp_path / "store")
    store = open_store(tmp_path / "store")
    with store.reembedding(NEW.record(), 12) as running:
        embed_some(running, 20)
    store.save(tmp_path / "copy")
    reembed(store, StandIn("new", 12))  # type: ignore[arg-type]
    store.save(tmp_path / "later")
    store.close()
    assert_is(tmp_path / "copy", model, OLD)
    assert embed_anew(tmp_path / "copy", StandIn("third", 4)).found == 0
    assert_is(tmp_path / "later", anew(model), NEW)


def test_where_there_are_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "not supported")

    model = filled_store(tmp_path / "store")
    monkeypatch.setattr(os, "link", refuse)
    embed_anew(tmp_path / "store", StandIn("new", 12))
    assert_is(tmp_path / "store", anew(model), NEW)


def test_no_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = filled_store(tmp_path / "store")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 10, 53 * 12 * 4 - 1 - 48))
    encoder = StandIn("new", 12)
    with pytest.raises(StoreFailure, match=r"not enough disk space to re-embed .*need 0 MB beside the old ones"):
        embed_anew(tmp_path / "store", encoder)
    assert encoder.calls == []
    assert_is(tmp_path / "store", model, OLD)


def test_a_store_of_an_earlier_release(tmp_path: Path) -> None:
    model = filled_store(tmp_path / "store")
    connection = sqlite3.connect(tmp_path / "store" / "documents.sqlite")
    connection.execute("DROP TABLE embedding")
    connection.close()
    assert_is(tmp_path / "store", model, OLD)
    embed_anew(tmp_path / "store", StandIn("new", 12))
    assert_is(tmp_path / "store", anew(model), NEW)


def test_stores_with_nothing_to_embed(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    assert store.count_documents() == 0
    assert reembed(store, StandIn("new", 12)).embedded == 0  # type: ignore[arg-type]
    assert store.recorded_encoder == NEW.record()
    store.write_documents([Document(id="a", content=None, meta={"number": 1})])
    assert reembed(store, StandIn("newer", 5)).without_text == 1  # type: ignore[arg-type]
    store.write_documents(embedded(documents(1, first=2), StandIn("newer", 5)))
    assert [each.id for each in store.search([1.0] * 5)] == ["d2"]
    store.close()


def test_a_failing_encoder_keeps_finished_vectors(tmp_path: Path) -> None:
    model = filled_store(tmp_path / "store")

    def fail(call: int) -> None:
        if call == 3:
            msg = "no memory"
            raise RuntimeError(msg)

    with pytest.raises(RuntimeError, match="no memory"):
        embed_anew(tmp_path / "store", StandIn("new", 12, before=fail))
    assert_is(tmp_path / "store", model, OLD)
    report = embed_anew(tmp_path / "store", StandIn("new", 12))
    assert report.found > 15
    assert_is(tmp_path / "store", anew(model), NEW)
