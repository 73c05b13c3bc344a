# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""An encoder that needs no model, a store to embed anew with it, and what must be true of one."""

from __future__ import annotations

import json
import os
import random
import signal
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from haystack import Document
from haystack.document_stores.types import DuplicatePolicy

from dpr_haystack import FAISSDocumentStore
from dpr_haystack.core.encoder_mark import MARK, checksums, mark_of
from dpr_haystack.core.identity import EncoderIdentity
from dpr_haystack.store import database
from dpr_haystack.store.check import check_store
from dpr_haystack.store.errors import DoesNotFit
from dpr_haystack.workflows import reembedding
from dpr_haystack.workflows.reembedding import ReembedReport, reembed
from support.stores import HNSW, WORDS, assert_exact_hits, below, lognormal_vectors, make_store


class StandIn:
    """Makes a vector of a title, a text and its own name; counts what it embeds and calls something before."""

    similarity = "dot_product"

    def __init__(self, model: str, dimension: int, before: Callable[[int], object] = lambda _: None) -> None:
        self.model, self.dimension, self._before = model, dimension, before
        self.identity = EncoderIdentity(model, f"print-of-{model}", model, f"print-of-{model}")
        self.calls: list[int] = []

    def run(self, documents: list[Document]) -> dict[str, list[Document]]:
        self.calls.append(len(documents))
        self._before(len(self.calls))
        return {"documents": [self.embedded(each) for each in documents]}

    def embedded(self, document: Document) -> Document:
        vector = self.vector(document)
        mark = mark_of(self.record(), checksums(np.array([vector], dtype="f4"))[0])
        return replace(document, embedding=vector, meta={**document.meta, MARK: mark})

    def vector(self, document: Document) -> list[float]:
        text = f"{self.model}|{document.meta.get('title')}|{document.content}"
        seed = zlib.crc32(text.encode())
        return [float(value) for value in np.random.default_rng(seed).standard_normal(self.dimension).astype("f4")]

    def record(self) -> dict[str, str]:
        return self.identity.passage_record()


OLD, NEW = StandIn("old", 8), StandIn("new", 12)


def embed_some(running: Any, count: int, encoder: StandIn = NEW) -> None:
    """Add the new vectors of the next documents."""
    pending = running.pending(count)
    running.add(pending, encoder.run(pending.documents)["documents"])


def documents(count: int, first: int = 0) -> list[Document]:
    """Documents without vectors; one of nine has a title, one of ten no text."""
    return [
        Document(
            id=f"d{number}",
            content=None if number % 10 == 7 else f"{WORDS[number % 11]} {WORDS[number % 7]} {number}",
            meta={"number": number} | ({"title": f"title {number}"} if number % 9 == 0 else {}),
        )
        for number in range(first, first + count)
    ]


def embedded(given: list[Document], encoder: StandIn = OLD) -> list[Document]:
    """The same with vectors; one of eight has none."""
    return [
        replace(each, embedding=encoder.vector(each)) if each.content and each.meta["number"] % 8 != 5 else each
        for each in given
    ]


def filled_store(path: Path, count: int = 60) -> dict[str, Document]:
    """A store of the old encoder in which something was deleted and the indexes are there; its documents by id."""
    store = open_store(path)
    model = {each.id: each for each in embedded(documents(count))}
    store.write_documents(list(model.values()))
    store.record_encoder(OLD.record())
    for name in ("d2", "d5"):
        del model[name]
    store.delete_documents(["d2", "d5"])
    store.catch_up()
    store.close()
    return model


def open_store(path: Path) -> FAISSDocumentStore:
    return make_store(path, **HNSW, embedding_dim=None, lock_timeout=5)


class Changes:
    """What others do to a store, at random, and what it must hold then.

    :param store: The store.
    :param model: Its documents by id.
    :param seed: The same seed does the same.
    """

    def __init__(self, store: FAISSDocumentStore, model: dict[str, Document], seed: int) -> None:
        self.store, self.model, self._chance, self._next = store, model, random.Random(seed), 1000

    def some(self) -> None:
        """One to three changes."""
        kinds = [self._write, self._overwrite, self._delete, self._update, self._filter, self._all]
        for change in self._chance.choices(kinds, [4, 4, 4, 2, 1, 0.3], k=self._chance.randint(1, 3)):
            change(self._chance.randrange(60))

    def _write(self, number: int) -> None:
        self._next += 100
        self._put(embedded(documents(number % 6 + 1, first=self._next)))

    def _overwrite(self, number: int) -> None:
        self._put([replace(each, content=f"changed {number}") for each in embedded(documents(6, first=number))])

    def _put(self, given: list[Document]) -> None:
        self.store.write_documents(given, DuplicatePolicy.OVERWRITE)
        for each in given:
            self.model[each.id] = each

    def _delete(self, number: int) -> None:
        gone = [f"d{each}" for each in range(number, number + 7)]
        self.store.delete_documents(gone)
        for name in gone:
            self.model.pop(name, None)

    def _update(self, number: int) -> None:
        self.store.update_by_filter(below(number), {"title": f"new {number}"})
        for name, each in self.model.items():
            if each.meta["number"] < number:
                self.model[name] = replace(each, meta={**each.meta, "title": f"new {number}"})

    def _filter(self, number: int) -> None:
        self.store.delete_by_filter(below(number // 2))
        for name in [name for name, each in self.model.items() if each.meta["number"] < number // 2]:
            del self.model[name]

    def _all(self, _: int) -> None:
        self.store.delete_all_documents()
        self.model.clear()


def anew(model: dict[str, Document], encoder: StandIn = NEW) -> dict[str, Document]:
    """The same documents with the vectors that they are to have."""
    return {
        name: replace(each, embedding=encoder.vector(each) if each.content is not None else None)
        for name, each in model.items()
    }


def assert_is(path: Path, model: dict[str, Document], encoder: StandIn) -> None:
    """A store has these documents with these vectors, says whose they are, and finds them in every way."""
    store = open_store(path)
    assert {each.id: each for each in store.filter_documents()} == model
    assert store.count_documents() == len(model)
    assert store.recorded_encoder == encoder.record()
    store.close()
    manifest = json.loads((path / "store.json").read_text())
    assert manifest["encoder"] == encoder.record()
    assert manifest["dimension"] == encoder.dimension
    store, exact = open_store(path), FAISSDocumentStore.from_directory(path, index_string="Flat")
    for question in lognormal_vectors(2, encoder.dimension, seed=3):
        assert_exact_hits(exact.search(question, 10), list(model.values()), question, 10, "dot_product")
        assert_exact_hits(store.search(question, 10), list(model.values()), question, 10, "dot_product")
    found = {each.id for each in store.bm25_retrieval(WORDS[0], 1000)}
    assert found == {name for name, each in model.items() if WORDS[0] in (each.content or "").split()}
    exact.close()
    store.close()
    report = check_store(path)
    assert report.is_sound, report
    assert len(list(path.glob("vectors-*"))) <= 1


def embed_anew(path: Path, encoder: StandIn, **settings: Any) -> ReembedReport:
    store = open_store(path)
    try:
        return reembed(store, encoder, **settings)  # type: ignore[arg-type]
    finally:
        store.close()


def killed_at(path: str, step: int) -> None:
    """Embed a store anew in small steps, and die at one of them: before a commit, after it, at a change of a file."""
    count = 0

    def tick() -> None:
        nonlocal count
        count += 1
        if count == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def ticking(function: Callable[..., Any]) -> Callable[..., Any]:
        def ticked(*arguments: Any, **settings: Any) -> Any:
            tick()
            return function(*arguments, **settings)

        return ticked

    writing = database.Database.writing

    @contextmanager
    def ticking_writing(self: database.Database, **settings: Any) -> Iterator[Any]:
        with writing(self, **settings) as connection:
            yield connection
            tick()  # all said, nothing committed
        tick()

    database.Database.writing = ticking_writing  # type: ignore[method-assign]
    os.fsync, os.link, os.replace = ticking(os.fsync), ticking(os.link), ticking(os.replace)
    Path.unlink, Path.replace = ticking(Path.unlink), ticking(Path.replace)  # type: ignore[method-assign]
    reembedding.FIRST = 8  # type: ignore[attr-defined]
    embed_anew(Path(path), StandIn("new", 12, before=lambda _: tick()))


def watch(path: str, dimension: int, report: Any) -> None:
    """Read a store over and over, and say which encoder's vectors each look has found; end with the new ones."""
    store = FAISSDocumentStore.from_directory(path)
    encoders = {"old": OLD, "new": StandIn("new", dimension)}
    seen: list[str] = []
    try:
        while not seen or seen[-1] != "new":
            found = store.filter_documents()
            names = {
                name
                for each in found
                if each.embedding is not None
                for name, encoder in encoders.items()
                if each.embedding == encoder.vector(each)
            }
            seen += names if len(names) == 1 else [f"mixed: {names}"]
            if len(seen) == 1:
                report.send("ready")
            with suppress(DoesNotFit):  # where the switch came between the two looks
                assert len(store.search(lognormal_vectors(1, 8)[0], 5)) == 5
        assert len(store.search(lognormal_vectors(1, dimension)[0], 5)) == 5
        store.write_documents(embedded(documents(1, first=9000), encoders["new"]))
        store.close()
        report.send(list(dict.fromkeys(seen)))
    except BaseException as error:
        report.send(repr(error))
        raise
