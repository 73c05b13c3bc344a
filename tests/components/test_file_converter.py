# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Files to passages and into a store by components: the same that `dpr-haystack index` does."""

from __future__ import annotations

import copy
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from haystack import Document, Pipeline
from haystack.dataclasses import ByteStream

from dpr_haystack import DPRDocumentEmbedder, DPRFileConverter, DPRPassageWriter, FAISSDocumentStore
from dpr_haystack.errors import DataError, InputError
from dpr_haystack.resources import pipelines_directory
from dpr_haystack.workflows.indexing import index_paths
from support.files import pdf, write_four, write_records

SAME = "# Bees\n\nBees dance.\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(store: str) -> dict[str, tuple[str | None, dict[str, Any], Any]]:
    opened = FAISSDocumentStore.from_directory(store)
    documents = opened.filter_documents()
    opened.close()
    return {each.id: (each.content, each.meta, each.embedding) for each in documents}


def assert_equal_stores() -> None:
    store, other = contents("store"), contents("other")
    assert {name: each[:2] for name, each in store.items()} == {name: each[:2] for name, each in other.items()}
    for name, (_, _, vector) in store.items():
        assert vector == pytest.approx(other[name][2], abs=1e-5)


@pytest.mark.slow
def test_the_pipeline_and_the_command_write_the_same_and_continue_each_other(
    here: Path, tiny_models: tuple[Path, Path]
) -> None:
    paths = [*write_four(here / "docs").values(), *write_records(here / "docs").values()]
    for name in ("a.md", "b.md"):
        (here / "docs" / name).write_text(SAME)
        paths.append(here / "docs" / name)
    files = [str(path) for path in paths]
    text = (pipelines_directory() / "indexing.yml").read_text()
    pipeline = Pipeline.loads(text.replace("model: model", f"{{model: '{tiny_models[0]}', dtype: float32}}"[1:-1]))
    embedder = DPRDocumentEmbedder(str(tiny_models[0]), dtype="float32", progress_bar=False)

    def by_pipeline() -> dict[str, int]:
        return dict(pipeline.run({"files": {"sources": files}})["writer"])

    def by_command(store: str) -> Any:
        opened = FAISSDocumentStore(store, embedding_dim=None)
        report = index_paths(files, opened, embedder)
        opened.close()
        return report

    assert by_pipeline() == {"documents_written": 9, "documents_removed": 0}
    assert by_command("other").new == 9
    assert_equal_stores()
    assert by_command("store").unchanged == 9
    (here / "docs" / "b.md").write_text("# Bees\n\nBees fly.\n")
    assert by_pipeline() == {"documents_written": 1, "documents_removed": 0}
    by_command("other")
    assert_equal_stores()
    (here / "docs" / "a.md").write_text("")
    assert by_command("store").removed == 1
    (here / "docs" / "b.md").write_text(SAME)
    assert by_pipeline() == {"documents_written": 1, "documents_removed": 1}
    by_command("other")
    assert_equal_stores()
    pipeline.close()


def test_documents_and_the_files_that_they_are_from(here: Path) -> None:
    (here / "a.md").write_text(SAME)
    (here / "b.md").write_text(SAME + "# Ants\n\nAnts walk.\n")
    found = DPRFileConverter(base=".").run([here / "b.md", "a.md"])
    assert found["files"] == ["b.md", "a.md"]
    assert [(each.content, each.meta) for each in found["documents"]] == [
        ("Bees dance.", {"title": "Bees", "file": "a.md", "offset": 8, "also_in": [{"file": "b.md", "offset": 8}]}),
        ("Ants walk.", {"title": "Ants", "file": "b.md", "offset": 28}),
    ]
    (absolute,) = DPRFileConverter().run(["a.md"])["documents"]
    assert absolute.meta["file"] == str(here / "a.md")
    assert absolute.id == found["documents"][0].id


def test_streams_are_called_by_their_metadata(here: Path) -> None:
    streams: list[str | Path | ByteStream] = [
        ByteStream(pdf("One page.", "Another page."), meta={"file_name": "two-pages.pdf"}),
        ByteStream(b"Some text.", mime_type="text/plain"),
    ]
    documents = DPRFileConverter().run(streams)["documents"]
    assert [(each.content, each.meta["title"], Path(each.meta["file"]).name) for each in documents] == [
        ("One page.", "two pages", "two-pages.pdf"),
        ("Another page.", "two pages", "two-pages.pdf"),
        ("Some text.", "stream", "stream.txt"),
    ]
    assert [each.meta.get("page_number") for each in documents] == [1, 2, None]
    with pytest.raises(InputError, match="file_path or file_name"):
        DPRFileConverter().run([ByteStream(b"?")])


def test_streams_without_a_name_do_not_replace_each_other(here: Path) -> None:
    writer = DPRPassageWriter(FAISSDocumentStore("store", embedding_dim=2))
    for text, name in (("one", ""), ("two", ""), ("old", "a.txt"), ("new", "a.txt")):
        stream = ByteStream(text.encode(), meta={"file_name": name} if name else {}, mime_type="text/plain")
        found = DPRFileConverter(base=".").run([stream])
        assert found["files"] == ([name] if name else [])
        writer.run([replace(each, embedding=[1.0, 0.0]) for each in found["documents"]], found["files"])
    assert sorted(str(content) for content, _, _ in contents("store").values()) == ["new", "one", "two"]
    writer.close()


def test_the_kind_of_a_stream_is_that_of_its_name_or_else_its_media_type(here: Path) -> None:
    text = b"# Bees\n\nBees dance."
    for name, kind, title in (("notes.md", "text/plain", "Bees"), ("notes", "text/markdown", "Bees")):
        stream = ByteStream(text, meta={"file_name": name}, mime_type=kind)
        (document,) = DPRFileConverter(base=".").run([stream])["documents"]
        assert (document.content, document.meta["title"], document.meta["file"]) == ("Bees dance.", title, name)


def test_what_was_decided_about_a_table_is_said_with_the_names_of_the_settings(
    here: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (here / "a.tsv").write_text("1\tBees dance.\tBees\n")
    with caplog.at_level(logging.INFO):
        DPRFileConverter().run(["a.tsv"])
    assert "a.tsv: columns id, text, title" in caplog.text
    assert "columns and quoting change this" in caplog.text
    assert "--" not in caplog.text


def test_what_cannot_be_read_is_refused_or_skipped_with_a_word(here: Path, caplog: pytest.LogCaptureFixture) -> None:
    (here / "a.txt").write_text("Text.")
    (here / "b.jsonl").write_text('{"text": "one"}\n{bad\n')
    with pytest.raises(DataError, match=r"b\.jsonl, line 2"):
        DPRFileConverter().run(["a.txt", "b.jsonl"])
    with pytest.raises(DataError, match=r"nowhere\.txt"):
        DPRFileConverter().run(["nowhere.txt"])
    with caplog.at_level(logging.WARNING):
        found = DPRFileConverter(base=".", skip_bad=True).run(["a.txt", "b.jsonl", "nowhere.txt"])
    assert [each.content for each in found["documents"]] == ["Text.", "one"]
    assert found["files"] == ["a.txt"], "the others may contain more"
    assert "b.jsonl, line 2" in caplog.text
    assert "nowhere.txt" in caplog.text


UNUSABLE: list[dict[str, Any]] = [
    {"words": 0},
    {"words": True},
    {"encoding": "utf-9"},
    {"encoding": "base64"},
    {"columns": "id,text"},
    {"columns": ["id", "title"]},
    {"quoting": "double"},
]


@pytest.mark.parametrize("settings", UNUSABLE)
def test_settings_that_cannot_be_used_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        DPRFileConverter(**settings)


def test_both_components_can_be_copied_and_written_as_yaml(here: Path) -> None:
    converter = DPRFileConverter(words=50, base="x", encoding="cp1252", id_prefix="p-", skip_bad=True)
    assert DPRFileConverter(**converter.to_dict()["init_parameters"]).to_dict() == converter.to_dict()
    writer = DPRPassageWriter(FAISSDocumentStore("store"), keep_old=True)
    assert copy.deepcopy(converter).words == 50
    pipeline = Pipeline()
    pipeline.add_component("files", converter)
    pipeline.add_component("writer", writer)
    pipeline.connect("files.documents", "writer.documents")
    pipeline.connect("files.files", "writer.files")
    assert Pipeline.loads(pipeline.dumps()).dumps() == pipeline.dumps()
    assert list(here.iterdir()) == []


def test_the_writer_removes_only_what_is_asked_for(here: Path) -> None:
    def passage(name: str, file: str) -> Document:
        return Document(id=name, content=f"text {name}", meta={"file": file}, embedding=[1.0, float(len(name))])

    writer = DPRPassageWriter(FAISSDocumentStore("store", embedding_dim=None))
    assert writer.run([], ["a"]) == {"documents_written": 0, "documents_removed": 0}
    writer.run([passage("1", "a"), passage("2", "a"), passage("3", "b")])
    assert writer.run([passage("4", "a")]) == {"documents_written": 1, "documents_removed": 0}
    keeping = DPRPassageWriter(writer.document_store, keep_old=True)
    assert keeping.run([passage("4", "a")], ["a"]) == {"documents_written": 0, "documents_removed": 0}
    assert writer.run([passage("4", "a")], ["a"]) == {"documents_written": 0, "documents_removed": 2}
    assert set(contents("store")) == {"3", "4"}
    writer.close()
    with pytest.raises(InputError, match="document_store must be"):
        DPRPassageWriter(object())  # type: ignore[arg-type]
