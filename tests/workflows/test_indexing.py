# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Indexing again: what a store contains depends on what its files contain, not on the way there."""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from haystack import Document
from haystack.document_stores.types import DuplicatePolicy

from dpr_haystack import DPRDocumentEmbedder, FAISSDocumentStore
from dpr_haystack.errors import InputError
from dpr_haystack.workflows.index_report import IndexReport
from dpr_haystack.workflows.indexing import index_paths
from support.interruption import signalled

pytestmark = pytest.mark.slow

OVERWRITE = DuplicatePolicy.OVERWRITE

Index = Callable[..., IndexReport]


@pytest.fixture(scope="module")
def embedder(tiny_models: tuple[Path, Path]) -> DPRDocumentEmbedder:
    return DPRDocumentEmbedder(str(tiny_models[0]), dtype="float32", progress_bar=False)


@pytest.fixture
def index(embedder: DPRDocumentEmbedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    """Indexes files of the working directory into one of its stores."""
    monkeypatch.chdir(tmp_path)

    def run(*paths: str, store: str = "store", **settings: Any) -> IndexReport:
        opened = FAISSDocumentStore(store, embedding_dim=None)
        try:
            return index_paths(paths, opened, embedder, **settings)
        finally:
            opened.close()

    return run


def contents(store: str = "store") -> dict[str, tuple[str | None, dict[str, Any]]]:
    opened = FAISSDocumentStore.from_directory(store)
    documents = opened.filter_documents()
    opened.close()
    assert all(document.embedding is not None for document in documents)
    return {document.id: (document.content, document.meta) for document in documents}


def texts(store: str = "store") -> set[str | None]:
    return {content for content, _ in contents(store).values()}


def write(files: Mapping[str, str]) -> None:
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)


def test_a_single_path_needs_no_list(index: Index, embedder: DPRDocumentEmbedder) -> None:
    write({"notes/a.txt": "Bees dance.", "n": "", "elsewhere.txt": "Tea grows."})
    store = FAISSDocumentStore("store", embedding_dim=None)
    for path in ("notes", Path("notes")):
        assert index_paths(path, store, embedder).read == 1
    for words in ("5", 0):
        with pytest.raises(InputError, match="words must be an integer of at least 1"):
            index_paths("notes", store, embedder, words=words)  # type: ignore[arg-type]
    store.close()
    assert texts() == {"Bees dance."}


def test_an_edited_file_replaces_what_it_had(index: Index) -> None:
    write({"prices.md": "# Day\n\nA day costs 10 euros.\n\n# Week\n\nA week costs 50 euros.\n"})
    assert index("prices.md").new == 2
    write({"prices.md": "# Day\n\nA day costs 12 euros.\n\n# Week\n\nA week costs 50 euros.\n"})
    report = index("prices.md")
    assert (report.new, report.unchanged, report.removed, report.embedded) == (1, 1, 1, 1)
    assert texts() == {"A day costs 12 euros.", "A week costs 50 euros."}
    write({"prices.md": ""})
    assert index("prices.md").removed == 2
    assert contents() == {}


def test_on_request_old_passages_stay(index: Index) -> None:
    write({"a.md": "10 euros."})
    index("a.md")
    write({"a.md": "12 euros."})
    assert index("a.md", keep_old=True).removed == 0
    assert texts() == {"10 euros.", "12 euros."}
    with pytest.raises(InputError, match="keep_old and prune"):
        index("a.md", keep_old=True, prune=True)


def test_what_another_file_still_contains_stays(index: Index) -> None:
    same = "# Bees\n\nBees dance.\n"
    write({"a.md": same, "b.md": "\n" + same, "c.md": same})
    assert index("c.md").new == 1
    assert index("a.md").updated == 1
    assert index("b.md").updated == 1
    (name,) = contents()
    origins = [{"file": file, "offset": offset} for file, offset in (("a.md", 8), ("b.md", 9), ("c.md", 8))]
    expected = {"title": "Bees", **origins[0], "also_in": origins[1:]}
    assert contents() == {name: ("Bees dance.", expected)}
    write({"a.md": "# Bees\n\nBees fly.\n"})
    report = index("a.md")
    assert (report.new, report.removed) == (1, 0)
    assert contents()[name][1] == {"title": "Bees", **origins[1], "also_in": origins[2:]}
    Path("c.md").unlink()
    assert index(".", prune=True).removed == 0
    assert contents()[name][1] == {"title": "Bees", **origins[1]}
    write({"b.md": ""})
    assert index("b.md").removed == 1
    assert texts() == {"Bees fly."}


def test_equal_texts_with_other_metadata_are_the_same_within_a_run_and_across_runs(index: Index) -> None:
    rows = {"x.jsonl": {"text": "One.", "year": 1}, "y.jsonl": {"text": "One.", "year": 2}}
    write({name: json.dumps(row) for name, row in rows.items()})
    report = index("y.jsonl", "x.jsonl", store="at once")
    assert (report.new, report.duplicates) == (1, 1)
    index("x.jsonl", store="forwards")
    index("y.jsonl", store="forwards")
    index("y.jsonl", store="backwards")
    index("x.jsonl", store="backwards")
    (content, meta) = next(iter(contents("at once").values()))
    assert (content, meta) == ("One.", {"file": "x.jsonl", "year": 1, "also_in": [{"file": "y.jsonl", "year": 2}]})
    assert contents("at once") == contents("forwards") == contents("backwards")
    write({"x.jsonl": "\n".join(json.dumps({"text": "One.", "year": year}) for year in (3, 4))})
    report = index("x.jsonl", store="at once")
    assert (report.updated, report.duplicates) == (1, 1), "of two in one file, the first counts"
    assert next(iter(contents("at once").values()))[1]["year"] == 3


def test_ids_of_another_source_are_replaced_with_a_word_or_kept_apart(index: Index) -> None:
    write({"a.tsv": "1\tOne.\ta\n2\tTwo.\ta\n", "b.tsv": "1\tAnother one.\tb\n2\tTwo.\ta\n3\tThree.\tb\n"})
    index("a.tsv")
    report = index("b.tsv")
    assert (report.new, report.replaced, report.updated) == (1, 1, 1)
    assert report.replaced_elsewhere == {"1": "a.tsv"}
    assert contents()["2"][1] == {"title": "a", "file": "a.tsv", "also_in": [{"file": "b.tsv"}]}
    write({"b.tsv": "1\tYet another one.\tb\n"})
    report = index("b.tsv")
    assert (report.replaced, report.replaced_elsewhere, report.removed) == (1, {}, 1)
    write({"c.tsv": "1\tA third one.\tc\n\tWithout an id.\tc\n"})
    assert index("c.tsv", id_prefix="c-").new == 2
    assert {name for name in contents() if len(name) < 32} == {"1", "2", "c-1"}
    assert len(contents()) == 4, "an id that is a hash gets no prefix"


def test_a_store_of_an_earlier_version_is_continued(index: Index, embedder: DPRDocumentEmbedder) -> None:
    """Its passages name one file, and their page under another name."""
    write({"a.tsv": "1\tOne.\n2\tTwo.\n", "b.tsv": "1\tOne.\n"})
    index("a.tsv")
    store = FAISSDocumentStore.from_directory("store")
    documents = [*store.filter_documents(), Document(id="3", content="Three.", meta={"file": "a.tsv"})]
    texts_then = ["One.", "An older text.", "Three."]
    then = [
        replace(each, content=text, meta={**each.meta, "page": 7})
        for each, text in zip(documents, texts_then, strict=True)
    ]
    store.write_documents(embedder.run(then)["documents"], OVERWRITE)
    store.close()
    report = index("a.tsv", "b.tsv")
    assert (report.updated, report.replaced, report.removed, report.embedded) == (1, 1, 1, 1)
    index("a.tsv", "b.tsv", store="fresh")
    assert contents() == contents("fresh")


@pytest.mark.parametrize("seed", range(4))
def test_any_way_leads_to_the_same_store(index: Index, seed: int) -> None:
    """Files change, go and come back; the store is that of a first indexing of what is there."""
    choose = random.Random(seed)
    names = [f"docs/{letter}.md" for letter in "abcd"]
    Path("docs").mkdir()
    for _ in range(5):
        for name in choose.sample(names, 2):
            parts = choose.sample(range(6), choose.randint(0, 4))
            write({name: "".join(f"# {part}\n\nText {part}.\n\n" for part in parts)})
        if choose.random() < 0.5:
            Path(choose.choice(names)).unlink(missing_ok=True)
        there = [name for name in names if Path(name).exists()]
        index(*choose.sample(there, choose.randint(1, len(there))))
    index("docs", prune=True)
    index("docs", store="fresh", prune=True)
    assert contents() == contents("fresh")


def test_killed_at_any_time_nothing_is_lost(index: Index, tiny_models: tuple[Path, Path], tmp_path: Path) -> None:
    def book(word: str) -> str:
        return "".join(f"# {number}\n\n{word} {number}.\n\n" for number in range(150))

    write({"book.md": book("old")})
    index("book.md")
    write({"book.md": book("new")})
    arguments = ("index", "book.md", "--store", "store", "--model", tiny_models[0], "--dtype", "float32")
    assert signalled(signal.SIGKILL, 1, *arguments, cwd=tmp_path).returncode == -signal.SIGKILL
    found = texts()
    assert {f"old {number}." for number in range(150)} < found
    assert 150 < len(found) < 300
    report = index("book.md")
    assert (report.removed, report.unchanged) == (150, len(found) - 150)
    index("book.md", store="fresh")
    assert contents() == contents("fresh")
