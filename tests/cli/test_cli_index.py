# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack index`: all file types, incremental indexing, and interruptions."""

from __future__ import annotations

import gzip
import json
import re
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from haystack import Document

from dpr_haystack import FAISSDocumentStore
from support.files import BEES, GLACIERS, TEA, VOLCANO, gzipped, pdf, write_four, write_records
from support.indexing import counts_in, table_in
from support.interruption import signalled
from support.workspace import Ran

pytestmark = pytest.mark.slow

Cli = Callable[..., Ran]
Indexing = Callable[..., dict[str, int]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def index(cli: Cli, tiny_models: tuple[Path, Path], here: Path) -> Indexing:
    def run(*arguments: object, store: str = "store") -> dict[str, int]:
        ran = cli("index", *arguments, "--store", store, "--model", tiny_models[0])
        assert (ran.code, but_decisions(ran.err)) == (0, [])
        held = len(contents(store))
        assert ran.out.endswith(f"{store} contains {held} passage{'' if held == 1 else 's'}\n")
        return counts_in(ran.out)

    return run


def but_decisions(err: str) -> list[str]:
    """What is said on stderr, apart from how tables are read."""
    return [line for line in err.splitlines() if "--columns and --quoting change this" not in line]


def contents(store: str | Path) -> dict[str, Document]:
    opened = FAISSDocumentStore.from_directory(store)
    found = {document.id: document for document in opened.filter_documents()}
    opened.close()
    return found


def by_title(store: str | Path = "store") -> dict[str, Document]:
    return {document.meta["title"]: document for document in contents(store).values()}


@pytest.fixture(params=["plain", "gz"])
def written(request: pytest.FixtureRequest, here: Path) -> dict[str, Path]:
    """Seven files under `docs`, by the titles of their passages."""
    files = {**write_four(here / "docs"), **write_records(here / "docs" / "records")}
    files = {title: path.relative_to(here) for title, path in files.items()}
    return {title: gzipped(path) for title, path in files.items()} if request.param == "gz" else files


def test_every_kind_of_file(written: dict[str, Path], index: Indexing) -> None:
    counts = index("docs")
    assert counts == {"read": 8, "embedded": 8, "updated": 0, "unchanged": 0, "removed": 0}
    every = contents("store").values()
    assert all(len(document.embedding or []) == 32 for document in every)
    found = {document.meta["title"]: document for document in every if document.meta.get("page_number") != 1}
    assert {title: document.meta["file"] for title, document in found.items()} == {
        title: path.as_posix() for title, path in written.items()
    }
    assert (found["tea leaves"].content, found["tea leaves"].meta["offset"]) == (TEA, 0)
    assert (found["Tambora"].content, found["Tambora"].meta["offset"]) == (VOLCANO, len("# Tambora\n\n"))
    assert (found["ice report"].content, found["ice report"].meta["page_number"]) == (GLACIERS, 2)
    assert all(paragraph in " ".join((found["The dance of the bees"].content or "").split()) for paragraph in BEES)
    assert "Home" not in (found["The dance of the bees"].content or "")
    assert (found["Rosetta"].id, found["Rosetta"].meta["mission"]) == ("r-1", "ESA")
    assert (found["Lagoon"].id, found["Lagoon"].content) == ("t-7", "Venice lies in a lagoon.")
    assert (found["Harp"].content, found["Harp"].meta["paragraph"]) == ("A concert harp has 47 strings.", 1)
    assert index("docs") == {"read": 8, "embedded": 0, "updated": 0, "unchanged": 8, "removed": 0}


def test_the_table_says_what_was_done_and_what_was_passed_over(
    cli: Cli, here: Path, tiny_models: tuple[Path, Path]
) -> None:
    (here / "docs").mkdir()
    for name in ("a.rst", "b.rst", "c.docx.bak", "Makefile"):
        (here / "docs" / name).write_text("unknown")
    (here / "docs" / "a.md").write_text("# A\n\n10 euros.\n\n# B\n\nThe same.\n\n# B\n\nThe same.\n")
    arguments = ("index", "docs", "--store", "store", "--model", tiny_models[0])
    assert cli(*arguments).code == 0
    (here / "docs" / "a.md").write_text("# A\n\n12 euros.\n\n# B\n\nThe same.\n\n# B\n\nThe same.\n")
    ran = cli(*arguments)
    assert (ran.code, ran.err) == (0, "")
    assert re.sub(r"[\d.]+ s", "0.0 s", ran.out).splitlines() == [
        "read       1 file in 0.0 s",
        "           4 files passed over: .rst 2, .bak 1, without suffix 1 (unknown)",
        *("passages   3", "new        1", "replaced   0", "updated    0", "unchanged  1", "duplicates 1"),
        *("removed    1", "embedded   1", "store contains 2 passages"),
    ]


def test_ids_of_another_file_are_replaced_with_a_word(cli: Cli, here: Path, tiny_models: tuple[Path, Path]) -> None:
    for name in ("a", "b"):
        (here / f"{name}.tsv").write_text(f"1\tThe text of {name}.\n2\tAnother text of {name}.\n")
    arguments = ("--store", "store", "--model", tiny_models[0])
    assert "replaced" not in cli("index", "a.tsv", *arguments).err
    ran = cli("index", "b.tsv", *arguments)
    assert table_in(ran.out)["replaced"] == 2
    assert "2 passages replaced passages of another source that had the same ids, e.g. 1 of a.tsv; " in ran.err
    assert "--id-prefix" in ran.err
    assert "replaced" not in cli("index", "a.tsv", *arguments, "--id-prefix", "a:").err
    assert set(contents("store")) == {"1", "2", "a:1", "a:2"}


@pytest.mark.parametrize("store", ["file", "file/store"])
def test_a_file_is_no_store(cli: Cli, here: Path, tiny_models: tuple[Path, Path], store: str) -> None:
    (here / "file").write_text("mine")
    (here / "a.md").write_text("Text.")
    ran = cli("index", "a.md", "--store", store, "--model", tiny_models[0])
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "dpr-haystack index: --store must be a directory: file is a file\n"
    assert (here / "file").read_text() == "mine"


def test_text_in_another_encoding(cli: Cli, here: Path, index: Indexing, tiny_models: tuple[Path, Path]) -> None:
    (here / "a.txt").write_bytes("Café.\n".encode("cp1252"))
    (here / "b.txt").write_bytes("Blüte.\n".encode("utf-16"))
    arguments = ("index", "b.txt", "a.txt", "--store", "store", "--model", tiny_models[0])
    ran = cli(*arguments)
    assert ran.code == 2
    assert ran.err.startswith("dpr-haystack index: a.txt, line 1: is not UTF-8 text")
    assert "--encoding" in ran.err
    assert cli(*arguments, "--encoding", "utf-9").code == 2
    index("b.txt", "a.txt", "--encoding", "cp1252")
    assert {document.content for document in contents("store").values()} == {"Café.", "Blüte."}


def test_single_files_and_words(here: Path, index: Indexing) -> None:
    (here / "long.txt").write_text(" ".join(f"word{number}" for number in range(250)))
    assert index("long.txt")["embedded"] == 3
    assert index("long.txt", "--words", 50, store="other")["embedded"] == 5
    assert sorted(len((document.content or "").split()) for document in contents("store").values()) == [50, 100, 100]
    text = (here / "long.txt").read_text()
    for document in contents("other").values():
        assert text[document.meta["offset"] :].startswith(document.content or "?")


def sections(count: int, changed: int | None = None) -> str:
    return "".join(f"# Part {n}\n\nText {n}{' anew' if n == changed else ''}.\n\n" for n in range(count))


def test_only_what_changed_is_embedded(here: Path, index: Indexing) -> None:
    (here / "docs").mkdir()
    file = here / "docs" / "book.md"
    file.write_text(sections(20))
    assert index("docs")["embedded"] == 20
    before = contents("store")
    file.write_text(sections(20, changed=19))
    assert index("docs") == {"read": 20, "embedded": 1, "updated": 0, "unchanged": 19, "removed": 1}
    after = contents("store")
    assert len(after) == 20
    assert all(after[name].embedding == old.embedding for name, old in before.items() if name in after)
    file.write_text("New first words.\n\n" + sections(20, changed=19))
    assert index("docs") == {"read": 21, "embedded": 1, "updated": 20, "unchanged": 0, "removed": 0}
    shifted = contents("store")
    assert {document.content for document in shifted.values()} >= {"New first words.", "Text 19 anew.", "Text 3."}
    assert "Text 19." not in {document.content for document in shifted.values()}
    text = file.read_text()
    for name, document in shifted.items():
        assert text[document.meta["offset"] :].startswith(document.content or "?")
        if name in after:
            assert document.embedding == after[name].embedding


def test_a_title_is_part_of_what_is_embedded(here: Path, index: Indexing) -> None:
    record = {"id": "1", "title": "Darwin", "text": "He wrote the origin of species."}
    (here / "a.jsonl").write_text(json.dumps(record))
    index("a.jsonl")
    before = contents("store")["1"].embedding
    (here / "a.jsonl").write_text(json.dumps({**record, "title": "London"}))
    assert index("a.jsonl")["embedded"] == 1
    assert contents("store")["1"].embedding != before


def test_the_same_text_from_two_places_is_one_passage(here: Path, index: Indexing) -> None:
    for name in ("a", "b"):
        (here / name).mkdir()
        (here / name / "same.md").write_text("# One\n\nThe same words.\n")
    assert index("a", "b") == {"read": 2, "embedded": 1, "updated": 0, "unchanged": 0, "removed": 0}
    assert index("a", "b", "a/same.md")["embedded"] == 0
    assert contents("store").popitem()[1].meta == {
        "title": "One",
        "file": "a/same.md",
        "offset": 7,
        "also_in": [{"file": "b/same.md", "offset": 7}],
    }


def test_two_texts_under_one_id_are_said(cli: Cli, here: Path, tiny_models: tuple[Path, Path]) -> None:
    records = [{"id": "1", "text": "One."}, {"id": "2", "text": "Two."}, {"id": "1", "text": "Another one."}]
    (here / "a.jsonl").write_text("\n".join(map(json.dumps, [*records, records[1]])))
    ran = cli("index", "a.jsonl", "--store", "store", "--model", tiny_models[0])
    assert ran.code == 0
    assert ran.err == "1 passages were skipped because their ids had occurred with another text, e.g. 1\n"
    assert re.search(r"^passages +4$", ran.out, re.MULTILINE)
    assert re.search(r"^new +2$", ran.out, re.MULTILINE)
    assert re.search(r"^duplicates +1$", ran.out, re.MULTILINE)
    assert contents("store")["1"].content == "One."


def test_pruning_takes_what_is_gone_and_nothing_else(here: Path, index: Indexing) -> None:
    for folder in ("docs", "docs-of-others", "docs/inner"):
        (here / folder).mkdir(parents=True)
        (here / folder / "a.md").write_text(f"# A of {folder}\n\nThe a of {folder}.\n")
        (here / folder / "b.md").write_text(f"# B of {folder}\n\nThe b of {folder}.\n")
    (here / "docs.md").write_text("# Docs\n\nA file whose name begins like the folder's.\n")
    index("docs", "docs-of-others", "docs.md")
    store = FAISSDocumentStore.from_directory("store")
    store.write_documents(
        [
            Document(id="by hand", content="no file", meta={"title": "by hand"}),
            Document(id="odd", content="odd file", meta={"title": "odd", "file": 7}),
        ]
    )
    store.close()
    (here / "docs" / "a.md").unlink()
    (here / "docs-of-others" / "a.md").unlink()
    (here / "docs.md").unlink()
    assert index("docs")["removed"] == 0
    assert index("docs", "--prune")["removed"] == 1
    assert set(by_title()) == {
        *("B of docs", "A of docs/inner", "B of docs/inner", "A of docs-of-others", "B of docs-of-others"),
        *("Docs", "by hand", "odd"),
    }
    (here / "docs" / "inner" / "a.md").unlink()
    assert index("docs/inner", "--prune")["removed"] == 1
    assert index("docs", "--prune")["removed"] == 0
    assert "B of docs" in by_title()


def test_a_file_has_one_name_wherever_the_command_runs(here: Path, index: Indexing, monkeypatch: Any) -> None:
    (here / "books" / "inner").mkdir(parents=True)
    (here / "a.md").write_text("# A\n\nText of a.\n")
    (here / "books" / "b.md").write_text("# B\n\nText of b.\n")
    store = str(here / "books" / "store")
    index("a.md", "books", store=store)
    files = {title: document.meta["file"] for title, document in by_title(store).items()}
    assert files == {"A": str(here / "a.md"), "B": "b.md"}
    monkeypatch.chdir(here / "books" / "inner")
    assert index("../b.md", "../../a.md", store="../store")["unchanged"] == 2
    (here / "a.md").unlink()
    assert list(index("../..", "--prune", store="../store").values()) == [1, 0, 0, 1, 1]
    monkeypatch.chdir(here)
    (here / "books").rename(here / "moved")
    assert index("moved", "--prune", store="moved/store")["unchanged"] == 1
    assert set(by_title("moved/store")) == {"B"}


def test_pruning_where_the_source_itself_is_gone(
    cli: Cli, here: Path, index: Indexing, tiny_models: tuple[Path, Path]
) -> None:
    for folder in ("a", "b", "c"):
        (here / folder).mkdir()
        (here / folder / "x.md").write_text(f"# {folder}\n\nText of {folder}.\n")
    index("a", "b", "c")
    (here / "a" / "x.md").unlink()
    assert index("a", "--prune")["removed"] == 1
    (here / "b" / "x.md").unlink()
    (here / "b").rmdir()
    assert index("b", "--prune")["removed"] == 1
    (here / "c" / "x.md").unlink()
    assert index("c/x.md", "--prune")["removed"] == 1
    assert contents("store") == {}
    for path, store in (("nowhere", "store"), ("nowhere", "other")):
        ran = cli("index", path, "--store", store, "--model", tiny_models[0], "--prune")
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
        assert "nowhere does not exist, and no passage came from there" in ran.err
    assert not (here / "other").exists()
    assert cli("index", "a", "--store", "other", "--model", tiny_models[0], "--prune").out.endswith(
        "other contains 0 passages\n"
    )
    assert not (here / "other").exists()


def test_pruning_where_one_stands_leaves_other_places_alone(here: Path, index: Indexing, monkeypatch: Any) -> None:
    for folder in ("elsewhere", "project/docs"):
        (here / folder).mkdir(parents=True)
        (here / folder / "a.md").write_text(f"# {folder}\n\nThe text of {folder}.\n")
    store = str(here / "store")
    index(here / "elsewhere", store=store)
    monkeypatch.chdir(here / "project")
    index("../elsewhere/a.md", store=store)
    (here / "project" / "docs" / "gone.md").write_text("# Gone\n\nSoon to be gone.\n")
    index(".", store=store)
    (here / "project" / "docs" / "gone.md").unlink()
    assert index(".", "--prune", store=store)["removed"] == 1
    assert set(by_title(store)) == {"elsewhere", "project/docs"}


def test_stores_models_and_hidden_files_in_a_folder_are_passed_over(
    here: Path, index: Indexing, tiny_models: tuple[Path, Path]
) -> None:
    (here / "a.md").write_text("# A\n\nThe only text.\n")
    (here / ".hidden.md").write_text("# H\n\nHidden.\n")
    (here / ".git").mkdir()
    (here / ".git" / "b.md").write_text("# B\n\nHidden.\n")
    (here / "picture.png").write_bytes(b"\x89PNG")
    (here / "model").symlink_to(tiny_models[0])
    (here / "copy").mkdir()
    (here / "copy" / "dpr.json").write_text("{}")
    (here / "copy" / "vocab.txt").write_text("[PAD]\nword\n")
    assert index(".")["embedded"] == 1
    assert index(".") == {"read": 1, "embedded": 0, "updated": 0, "unchanged": 1, "removed": 0}


def test_a_file_without_text_is_named(cli: Cli, here: Path, tiny_models: tuple[Path, Path]) -> None:
    (here / "a.md").write_text("# A\n\nText.\n")
    (here / "empty.txt").write_text(" \n")
    (here / "scan.pdf").write_bytes(pdf("", ""))
    (here / "empty.html").write_text("<html><body></body></html>")
    ran = cli("index", ".", "--store", "store", "--model", tiny_models[0])
    assert ran.code == 0
    assert sorted(ran.err.splitlines()) == ["no text in empty.html", "no text in empty.txt", "no text in scan.pdf"]
    assert set(by_title()) == {"A"}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("broken.pdf", b"%PDF-1.4 and then nothing"),
        ("broken.pdf.gz", b"\x1f\x8b\x08\x00 nothing"),
        ("cut.txt.gz", gzip.compress(b"words " * 1000, mtime=0)[:40]),
        ("broken.html.gz", b"no gzip"),
        ("latin.txt", b"caf\xe9"),
        ("broken.jsonl", b'{"text": "a"}\n{"text": '),
        ("broken.json", b'{"data": 3}'),
        ("broken.tsv", b"only one column\n"),
        ("unknown.xyz", b"words"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_in_one_line(
    cli: Cli, here: Path, tiny_models: tuple[Path, Path], name: str, data: bytes
) -> None:
    (here / name).write_bytes(data)
    ran = cli("index", name, "--store", "store", "--model", tiny_models[0])
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1
    assert ran.err.startswith(f"dpr-haystack index: {name}")
    assert (here / "store").exists() == (name == "broken.jsonl"), "only that one has a passage before what is broken"


def test_what_was_read_before_a_bad_file_is_indexed(cli: Cli, here: Path, tiny_models: tuple[Path, Path]) -> None:
    (here / "docs").mkdir()
    (here / "docs" / "a.md").write_text(sections(100))
    (here / "docs" / "b.jsonl").write_text('{"text": "one"}\n{bad')
    ran = cli("index", "docs", "--store", "store", "--model", tiny_models[0])
    assert (ran.code, ran.out) == (2, "")
    assert "docs/b.jsonl, line 2" in ran.err
    assert len(contents("store")) == 101


def test_a_folder_with_bad_files(cli: Cli, here: Path, tiny_models: tuple[Path, Path]) -> None:
    (here / "docs").mkdir()
    for name in ("a", "b", "c"):
        (here / "docs" / f"{name}.md").write_text(f"# {name}\n\nThe text of {name}.\n")
    arguments = ("index", "docs", "--store", "store", "--model", tiny_models[0])
    assert cli(*arguments).code == 0
    (here / "docs" / "b.md").write_bytes(b"caf\xe9")
    (here / "docs" / "c.md").write_text("# c\n\nAnother text of c.\n")
    ran = cli(*arguments)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert ran.err.startswith("dpr-haystack index: docs/b.md")
    assert "--skip-bad" in ran.err
    ran = cli(*arguments, "--skip-bad", "--prune")
    assert ran.code == 0
    assert re.fullmatch(r"not read completely: docs/b\.md, line 1: .*\n", ran.err)
    assert counts_in(ran.out) == {"read": 2, "embedded": 1, "updated": 0, "unchanged": 1, "removed": 1}
    assert {each.content for each in contents("store").values()} == {
        *("The text of a.", "The text of b.", "Another text of c."),
    }


def test_bad_lines_cost_no_others(cli: Cli, here: Path, tiny_models: tuple[Path, Path]) -> None:
    (here / "docs").mkdir()
    (here / "docs" / "a.jsonl").write_bytes(
        b'{"text": "one"}\n{bad\n{"text": "caf\xe9"}\n{"text": ""}\n{"text": "two"}\n'
    )
    (here / "docs" / "b.tsv").write_text('id\ttext\ttitle\n1\tthree\t\n2\n3\t"open\t\n4\tfour\t\n')
    (here / "docs" / "c.json").write_text('[{"text": "five"}, 6, {"text": "six"}]')
    ran = cli("index", "docs", "--store", "store", "--model", tiny_models[0], "--skip-bad")
    assert ran.code == 0
    said = but_decisions(ran.err)
    places = [
        "a.jsonl, line 2",
        "a.jsonl, line 3",
        "a.jsonl, line 4",
        "b.tsv, line 3",
        "c.json: passage 2: ",
    ]
    for place, line in zip(places, said, strict=False):
        assert line.startswith(f"skipped: docs/{place}")
    assert said[5:] == ["5 bad records skipped"]
    read = {"one", "two", "three", '"open', "four", "five", "six"}
    assert {each.content for each in contents("store").values()} == read
    # what bad lines held before is not known to be gone
    (here / "docs" / "a.jsonl").write_text('{bad\n{"text": "two"}\n')
    ran = cli("index", "docs", "--store", "store", "--skip-bad", "--prune")
    assert counts_in(ran.out)["removed"] == 0
    assert len(contents("store")) == 7


def test_another_model_is_refused_and_changes_nothing(
    cli: Cli, here: Path, index: Indexing, tiny_models: tuple[Path, Path]
) -> None:
    (here / "a.md").write_text("# A\n\nText.\n")
    index("a.md")
    before = (here / "store" / "store.json").read_bytes(), contents("store")
    (here / "a.md").write_text("# A\n\nChanged text.\n")
    ran = cli("index", "a.md", "--store", "store", "--model", tiny_models[1])
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert str(tiny_models[0]) in ran.err
    assert ((here / "store" / "store.json").read_bytes(), contents("store")) == before


def test_vectors_of_another_length_are_refused_and_change_nothing(
    cli: Cli, here: Path, tiny_models: tuple[Path, Path]
) -> None:
    store = FAISSDocumentStore("store", embedding_dim=8)
    store.write_documents([Document(id="1", content="old")])
    store.close()
    before = (here / "store" / "store.json").read_bytes()
    (here / "a.md").write_text("# A\n\nText.\n")
    ran = cli("index", "a.md", "--store", "store", "--model", tiny_models[0])
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "8" in ran.err
    assert "32" in ran.err
    assert (here / "store" / "store.json").read_bytes() == before
    assert list(contents("store")) == ["1"]


def test_the_model_of_the_store_is_found_again(cli: Cli, here: Path, tiny_models: tuple[Path, Path]) -> None:
    (here / "demo").mkdir()
    (here / "demo" / "a.md").write_text("# A\n\nText.\n")
    __import__("shutil").copytree(tiny_models[0], here / "demo" / "model")
    assert cli("index", "demo/a.md", "--store", "demo/store", "--model", "demo/model").code == 0
    assert json.loads((here / "demo" / "store" / "store.json").read_text())["encoder"]["model"] == str(
        here / "demo" / "model"
    )
    (here / "demo" / "b.md").write_text("# B\n\nText of b.\n")
    assert counts_in(cli("index", "demo/b.md", "--store", "demo/store").out)["removed"] == 0
    (here / "demo").rename(here / "moved")
    (here / "moved" / "c.md").write_text("# C\n\nText of c.\n")
    ran = cli("index", "moved/c.md", "--store", "moved/store")
    assert (ran.code, ran.err) == (0, "")
    assert set(by_title("moved/store")) == {"A", "B", "C"}
    assert cli("search", "text", "--store", "moved/store", "--json").code == 0
    (here / "moved" / "model").rename(here / "moved" / "old")
    ran = cli("index", "moved/c.md", "--store", "moved/store")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "--model" in ran.err
    assert cli("index", "moved/c.md", "--store", "moved/store", "--model", "moved/old").code == 0
    ran = cli("search", "text", "--store", "moved/store")
    assert (ran.code, ran.err) == (0, "")


def test_progress_is_said_where_stderr_is_no_terminal(
    cli: Cli, here: Path, tiny_models: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dpr_haystack.cli.common.SECONDS_A_LINE", 0.0)
    (here / "book.md").write_text(sections(100))
    ran = cli("index", "book.md", "--store", "store", "--model", tiny_models[0])
    said = [re.fullmatch(r"passages: (\d+), \d+ per second", line) for line in ran.err.splitlines()]
    assert [int(each[1]) for each in said if each] == [64, 100]


def test_an_empty_store_says_that_it_is(cli: Cli, here: Path) -> None:
    FAISSDocumentStore("store").write_documents([])
    ran = cli("search", "text", "--store", "store")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "store is empty: fill it with dpr-haystack index PATHS" in ran.err


def test_index_and_language_of_a_new_store(cli: Cli, here: Path, tiny_models: tuple[Path, Path]) -> None:
    (here / "a.md").write_text("# A\n\nDie Häuser der Städte.\n")
    model = ("--model", tiny_models[0])
    assert cli("index", "a.md", "--store", "store", *model, "--index", "HNSW16", "--language", "german").code == 0
    manifest = json.loads((here / "store" / "store.json").read_text())
    assert (manifest["index"], manifest["language"], manifest["dimension"]) == ("HNSW16", "german", 32)
    assert cli("index", "a.md", "--store", "store", *model).code == 0
    assert json.loads((here / "store" / "store.json").read_text()) == manifest
    ran = cli("index", "a.md", "--store", "store", *model, "--language", "french")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)


MANY = 2100
# bfloat16 rounds a text's vector according to what else is in its batch, and an interruption changes the batches.
FULL_PRECISION = ("--dtype", "float32")


@pytest.fixture
def many(here: Path) -> Path:
    """Enough passages for several batches."""
    path = here / "many.jsonl"
    lines = (json.dumps({"id": f"p{n}", "text": f"Darwin wrote book {n} in London. " * 3}) for n in range(MANY))
    path.write_text("\n".join(lines))
    return path


def count_of(store: Path) -> int:
    """The number of passages of a store while another process writes."""
    try:
        with closing(sqlite3.connect(f"file:{store / 'documents.sqlite'}?mode=ro", uri=True, timeout=1)) as connection:
            return int(connection.execute("SELECT count FROM state").fetchone()[0])
    except (sqlite3.Error, TypeError):  # not made yet, or without its first row
        return 0


@pytest.fixture
def interrupted(request: pytest.FixtureRequest, many: Path, tiny_models: tuple[Path, Path]) -> Path:
    """A store whose indexing was interrupted (Ctrl-C) or killed after its second write."""
    store = many.parent / "store"
    arguments = ("index", many.name, "--store", store.name, "--model", tiny_models[0], *FULL_PRECISION)
    ran = signalled(request.param, 2, *arguments, cwd=many.parent)
    if request.param == signal.SIGINT:
        assert (ran.returncode, ran.stdout) == (130, "")
        assert ran.stderr == f"interrupted: {count_of(store)} passages are in store; run the same command to resume\n"
    else:
        assert ran.returncode == -signal.SIGKILL
    return store


@pytest.mark.parametrize("interrupted", [signal.SIGINT, signal.SIGKILL], indirect=True)
def test_after_an_interruption_the_rest_is_embedded(interrupted: Path, many: Path, index: Indexing) -> None:
    kept = count_of(interrupted)
    assert 0 < kept < MANY
    counts = index(many.name, *FULL_PRECISION)
    assert counts == {"read": MANY, "embedded": MANY - kept, "updated": 0, "unchanged": kept, "removed": 0}
    assert index(many.name, *FULL_PRECISION)["embedded"] == 0
    index(many.name, *FULL_PRECISION, store="whole")
    resumed, whole = contents(interrupted), contents("whole")
    assert {name: (each.content, each.meta) for name, each in resumed.items()} == {
        name: (each.content, each.meta) for name, each in whole.items()
    }
    for name, document in whole.items():
        assert np.allclose(resumed[name].embedding or [], document.embedding or [], atol=1e-4)
    first, second = FAISSDocumentStore.from_directory(interrupted), FAISSDocumentStore.from_directory("whole")
    for question in ("book 77", "book 2099"):
        found = [(each.id, round(each.score or 0.0, 4)) for each in first.bm25_retrieval(question, 3)]
        assert found == [(each.id, round(each.score or 0.0, 4)) for each in second.bm25_retrieval(question, 3)]
    first.close()
    second.close()
