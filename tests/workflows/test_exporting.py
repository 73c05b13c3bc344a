# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What is exported reads back as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from haystack import Document
from pyarrow import parquet

from dpr_haystack import FAISSDocumentStore
from dpr_haystack.components.file_reading import Sources, as_document
from dpr_haystack.errors import InputError
from dpr_haystack.workflows.exporting import export_passages
from dpr_haystack.workflows.finding import find_files
from support.workspace import Ran

DOCUMENTS = [
    Document(id="1", content="A plain text.", meta={"title": "Title", "file": "docs/a.md", "offset": 9}),
    Document(id="2", content="In two files.", meta={"file": "a.md", "also_in": [{"file": "b.md", "year": 1900}]}),
    Document(id="3", content='Lines\nand "quotes"\tand é.', meta={"title": "With é", "a": {"b": [1, None, 2.5]}}),
    Document(id="4" * 32, content="By hand, from nowhere."),
]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FAISSDocumentStore:
    monkeypatch.chdir(tmp_path)
    store = FAISSDocumentStore("store", embedding_dim=None)
    store.write_documents(DOCUMENTS)
    return store


def read_back(path: str) -> dict[str, tuple[str | None, dict[str, Any]]]:
    """As `index` reads it beside the store."""
    documents = map(as_document, Sources(find_files([path]).files, Path()))
    return {document.id: (document.content, document.meta) for document in documents}


@pytest.mark.parametrize("path", ["out.jsonl", "out.jsonl.gz", "out.parquet", "beir"])
def test_what_is_written_reads_back_as_it_was(store: FAISSDocumentStore, path: str) -> None:
    report = export_passages(store, path)
    assert (report.written, report.without_text, report.changed) == (4, 0, 0)
    assert read_back(path) == {document.id: (document.content, document.meta) for document in DOCUMENTS}


def test_parquet_has_one_row_for_each_passage(store: FAISSDocumentStore) -> None:
    report = export_passages(store, "out.parquet")
    rows = parquet.read_table("out.parquet").to_pylist()
    assert report.written == len(rows) == 4
    assert list(rows[0]) == ["id", "title", "text", "meta"]
    by_json = export_passages(store, "out.jsonl")
    assert by_json == report
    lines = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert [{**row, "meta": json.loads(row["meta"])} for row in rows] == lines


def test_what_is_no_passage_or_changes_is_counted(store: FAISSDocumentStore) -> None:
    metas: list[dict[str, Any]] = [
        {"when": date(2020, 1, 2)},
        {"pair": (1, 2)},
        {"bytes": b"ab"},
        {"title": "Snake_case"},
        {"title": 7},
        {"nan": float("nan"), "large": 2**70},
    ]
    store.write_documents(
        [
            *(Document(id=f"m{number}", content="text", meta=meta) for number, meta in enumerate(metas)),
            Document(id="blank", content=" "),
            Document(id="none", meta={"a": 1}),
        ]
    )
    report = export_passages(store, "out.jsonl")
    assert (report.written, report.without_text, report.changed) == (10, 2, 5)
    found = read_back("out.jsonl")
    assert found["m0"][1] == {"when": "2020-01-02"}
    assert found["m1"][1] == {"pair": [1, 2]}
    assert found["m2"][1] == {"bytes": "YWI="}
    assert (found["m3"][1], found["m4"][1]) == ({"title": "Snake case"}, {"title": "7"})
    assert found["m5"][1]["large"] == 2**70


@pytest.mark.parametrize("path", ["out.csv", "out.parquet.gz", "full", "full/a", "folder.jsonl", "there"])
def test_a_path_that_cannot_be_meant_is_refused(store: FAISSDocumentStore, tmp_path: Path, path: str) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "queries.jsonl").write_text("mine")
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "there").write_text("mine")
    (tmp_path / "full" / "a").write_text("mine")
    with pytest.raises(InputError, match=path):
        export_passages(store, path)
    assert (tmp_path / "full" / "queries.jsonl").read_text() == (tmp_path / "there").read_text() == "mine"


def test_the_command(store: FAISSDocumentStore, cli: Callable[..., Ran]) -> None:
    store.write_documents([Document(id="none")])
    store.close()
    ran = cli("export", "--store", "store", "--output", "out.jsonl")
    assert (ran.code, ran.out) == (0, "4 passages written to out.jsonl\n")
    assert ran.err == "1 documents without text were left out\n"
    assert json.loads(Path("out.jsonl").read_text().splitlines()[0])["id"] == "1"
    assert cli("export", "--store", "nowhere", "--output", "out.jsonl").code == 2
    ran = cli("export", "--store", "store", "--output", "nowhere/out.jsonl")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
