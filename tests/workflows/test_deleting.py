# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack delete`: what is meant goes, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from haystack import Document

from dpr_haystack import FAISSDocumentStore
from support.workspace import Ran

DOCUMENTS = [
    Document(id="1", content="one", meta={"file": "docs/a.md", "year": 1890}, embedding=[1.0, 0.0]),
    Document(id="2", content="two", meta={"file": "docs/b.md", "year": 1900}, embedding=[0.0, 1.0]),
    Document(
        id="3",
        content="three",
        meta={"title": "T", "file": "docs/a.md", "offset": 3, "also_in": [{"file": "other.md", "offset": 5}]},
        embedding=[1.0, 1.0],
    ),
    Document(id="4", content="four", embedding=[1.0, 2.0]),
]

Delete = Callable[..., Ran]


@pytest.fixture
def delete(cli: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Delete:
    monkeypatch.chdir(tmp_path)
    store = FAISSDocumentStore("store", embedding_dim=None)
    store.write_documents(DOCUMENTS)
    store.close()
    return lambda *arguments: cli("delete", "--store", "store", *arguments)


def ids() -> list[str]:
    return sorted(contents())


def contents() -> dict[str, Document]:
    store = FAISSDocumentStore.from_directory("store")
    documents = {document.id: document for document in store.filter_documents()}
    store.close()
    return documents


def test_by_id(delete: Delete) -> None:
    ran = delete("--id", "1", "4", "1")
    assert (ran.code, ran.out, ran.err) == (0, "2 passages deleted\n", "")
    assert ids() == ["2", "3"]
    ran = delete("--id", "2", "5", "6")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "no passage with the id '5' and 1 more; nothing was deleted" in ran.err
    assert ids() == ["2", "3"]


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ({"field": "meta.year", "operator": ">=", "value": 1900}, ["1", "3", "4"]),
        ({"field": "meta.title", "operator": "==", "value": "T"}, ["1", "2", "4"]),
        ("year >= 2000", ["1", "2", "3", "4"]),
        ("year >= 1900 and file == 'docs/b.md'", ["1", "3", "4"]),
    ],
)
def test_by_filter(delete: Delete, filters: dict[str, object] | str, left: list[str]) -> None:
    ran = delete("--filter", filters if isinstance(filters, str) else json.dumps(filters))
    count = 4 - len(left)
    assert (ran.code, ran.out) == (0, f"{count} passage{'' if count == 1 else 's'} deleted\n")
    assert ids() == left


@pytest.mark.parametrize("text", ["{}", "{", "[]", '{"field": "meta.year", "operator": "~", "value": 1}', ""])
def test_a_filter_that_is_none_deletes_nothing(delete: Delete, text: str) -> None:
    ran = delete("--filter", text)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert len(ids()) == 4


def test_by_file(delete: Delete) -> None:
    ran = delete("--file", "docs/a.md")
    assert (ran.code, ran.out) == (0, "1 passage deleted\n")
    found = contents()
    assert sorted(found) == ["2", "3", "4"]
    assert found["3"].meta == {"title": "T", "file": "other.md", "offset": 5}, "the other file still contains it"
    assert found["3"].embedding == [1.0, 1.0]
    ran = delete("--file", "other.md", "docs/a.md")
    assert (ran.code, ran.out) == (2, "")
    assert "no passage in store comes from docs/a.md; nothing was deleted" in ran.err
    assert len(ids()) == 3


def test_by_folder_wherever_the_command_runs(delete: Delete, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path / "docs")
    assert delete("--file", ".", "--store", "../store").out == "2 passages deleted\n"
    monkeypatch.chdir(tmp_path)
    assert ids() == ["3", "4"]


def test_what_is_not_there_or_not_said_is_refused(delete: Delete, cli: Callable[..., Ran]) -> None:
    assert cli("delete", "--store", "nowhere", "--id", "1").code == 2
    assert not Path("nowhere").exists()
    assert delete().code == 2
    assert delete("--id", "1", "--file", "docs/a.md").code == 2
    assert len(ids()) == 4
