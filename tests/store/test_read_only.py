# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A store that cannot be written to is searched as usual, whatever its indexes lack, and says so to whoever writes."""

import encodings.cp437  # for zipfile: the superuser's Python may be unreadable for others
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from haystack import Document
from haystack.document_stores.errors import DocumentStoreError
from haystack.document_stores.types import DuplicatePolicy

from dpr_haystack import FAISSDocumentStore
from dpr_haystack.cli import main
from dpr_haystack.store.check import check_store
from dpr_haystack.store.errors import StoreReadOnly
from support.stores import DIM, HNSW, below, make_documents, make_store

NOBODY = 65534
assert encodings.cp437
DOCUMENTS = make_documents(300, DIM)
QUESTION = DOCUMENTS[5].embedding or []


@pytest.fixture
def folder():
    """A folder that everybody can read; those of pytest are private."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@contextmanager
def read_only(root):
    """Nobody may write to a folder; for the superuser by being somebody else in the meantime."""
    everything = [root, *root.rglob("*")]
    for path in everything:
        path.chmod(0o555 if path.is_dir() else 0o444)
    is_superuser = os.geteuid() == 0
    before = {path: path.stat().st_mtime_ns for path in everything}
    if is_superuser:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_superuser:
            os.seteuid(0)
        assert {path: path.stat().st_mtime_ns for path in [root, *root.rglob("*")]} == before
        for path in everything:
            path.chmod(0o755 if path.is_dir() else 0o644)


def answers(store):
    """What every kind of search finds."""
    return (
        [(hit.id, hit.score) for hit in store.search(QUESTION, 7)],
        [(hit.id, hit.score) for hit in store.search(QUESTION, 7, below(40))],
        [(hit.id, hit.score) for hit in store.bm25_retrieval("river castle", 7)],
        store.count_documents(),
        store.count_documents_by_filter(below(40)),
    )


@pytest.mark.parametrize("settings", [{}, HNSW], ids=["Flat", "HNSW"])
@pytest.mark.parametrize("indexes", ["none", "current", "behind"])
def test_searching(folder, indexes, settings):
    store = make_store(folder / "store", DOCUMENTS[:200], **settings)
    store.opened().filter_index.fewest = 0
    if indexes != "none":
        answers(store)
    if indexes == "behind":
        store.catch_up()
        store.close()
        store.write_documents(DOCUMENTS[200:])
        store.delete_documents(["d7", "d205"])
    store.close()
    shutil.copytree(folder / "store", folder / "copy")
    writable = FAISSDocumentStore(str(folder / "copy"))
    expected = answers(writable)
    writable.close()
    with read_only(folder / "store"):
        again = FAISSDocumentStore(str(folder / "store"))
        again.opened().filter_index.fewest = 0
        temporary = again.opened().layout.indexes
        assert answers(again) == expected
        assert answers(again) == expected
        assert check_store(folder / "store").is_sound
        again.close()
        del again
    assert not temporary.exists()


WRITES = {
    "write": lambda store: store.write_documents([Document(content="new")]),
    "overwrite": lambda store: store.write_documents(DOCUMENTS[:1], DuplicatePolicy.OVERWRITE),
    "delete": lambda store: store.delete_documents(["d1"]),
    "delete by filter": lambda store: store.delete_by_filter(below(3)),
    "update": lambda store: store.update_by_filter(below(3), {"n": 1}),
    "delete all": lambda store: store.delete_all_documents(),
    "encoder": lambda store: store.record_encoder({"model": "m"}),
    "re-embedding": lambda store: store.drop_reembedding(),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_writing(folder, write):
    make_store(folder / "store", DOCUMENTS[:10]).close()
    store = FAISSDocumentStore(str(folder / "store"), lock_timeout=1)
    with read_only(folder / "store"):
        with pytest.raises(StoreReadOnly, match=r"is read-only .* can be searched but not changed"):
            write(store)
        assert store.count_documents() == 10
        store.close()


def test_commands(folder, capsys):
    root = str(folder / "store")
    make_store(root, DOCUMENTS[:10]).close()
    printed = []
    for command in (["info", root], ["search", "river", "--store", root, "--mode", "bm25"]):
        assert main(command) == 0  # whoever is not the superuser may not be able to import what is needed
        expected = capsys.readouterr().out
        with read_only(folder / "store"):
            assert main(command) == 0
        printed.append((expected, capsys.readouterr().out))
    assert "documents " in printed[0][1]
    assert printed[1][0] == printed[1][1]


def test_settings_that_cannot_be_recorded(folder):
    make_store(folder / "store", [Document(id="a", content="river")], embedding_dim=None).close()
    with read_only(folder / "store"):
        store = FAISSDocumentStore(str(folder / "store"), embedding_dim=8, encoder="some/model")
        assert [hit.id for hit in store.bm25_retrieval("river")] == ["a"]
        store.close()


def test_a_copy_with_writes_that_are_only_in_the_log(folder):
    """Copied while it was open: without its log the database would lack documents."""
    store = make_store(folder / "store", DOCUMENTS[:10])
    shutil.copytree(folder / "store", folder / "copy")
    store.close()
    assert (folder / "copy" / "documents.sqlite-wal").stat().st_size
    (folder / "copy" / "documents.sqlite-shm").unlink()
    refused = pytest.raises(DocumentStoreError, match="close the store where it is written")
    with read_only(folder / "copy"), refused:
        FAISSDocumentStore(str(folder / "copy")).count_documents()


def test_what_others_write_is_seen(folder):
    """No permission for this process, but another one writes."""
    make_store(folder / "store", DOCUMENTS[:10]).close()
    reader = FAISSDocumentStore(str(folder / "store"))
    with read_only(folder / "store"):
        assert reader.count_documents() == 10
        assert len(reader.bm25_retrieval("river bridge castle harbour garden winter", 50)) > 0
    with closing(sqlite3.connect(folder / "store" / "documents.sqlite")) as connection, connection:
        connection.execute("DELETE FROM documents WHERE id = 'd1'")
        connection.execute("UPDATE state SET count = 9")
    with read_only(folder / "store"):
        assert reader.count_documents() == 9
        reader.close()
