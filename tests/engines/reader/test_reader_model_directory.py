# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Putting a reader into a model directory."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from haystack import Document

from dpr_haystack import DPRReader, DPRTextEmbedder
from dpr_haystack.core.model_directory import read_manifest
from dpr_haystack.engines.reader.model_directory import add_reader
from dpr_haystack.errors import InputError, ModelError
from support.checkpoints import tiny_dpr, tiny_qa
from support.workspace import Ran

pytestmark = pytest.mark.slow

DOCUMENT = Document(content="Darwin was born in England and wrote a book in London.", meta={"title": "Darwin"})


@pytest.fixture
def directory(tmp_path: Path, tiny_models: tuple[Path, Path]) -> Path:
    return Path(shutil.copytree(tiny_models[0], tmp_path / "model"))


def answers(model: Path) -> list[tuple[str | None, float]]:
    found = DPRReader(str(model), dtype="float32").run("who wrote a book?", [DOCUMENT])["answers"]
    return [(each.data, each.score) for each in found]


def files_of(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", ["dpr", "qa"])
def test_it_reads_there_as_it_did_and_the_towers_stay(directory: Path, tmp_path: Path, kind: str) -> None:
    reader = tiny_dpr(tmp_path / "r", "reader") if kind == "dpr" else tiny_qa(tmp_path / "r", "bert")
    (reader / "notes.md").write_text("not part of the model")
    before = files_of(directory)
    embedding = DPRTextEmbedder(str(directory)).run("darwin")["embedding"]
    assert add_reader(str(reader), directory) == directory
    assert answers(directory) == answers(reader)
    np.testing.assert_array_equal(DPRTextEmbedder(str(directory)).run("darwin")["embedding"], embedding)
    after = files_of(directory)
    assert {name for name in after if name not in before} == {
        f"reader/{path.name}" for path in reader.iterdir() if path.name != "notes.md"
    }
    assert {name for name in before if before[name] != after[name]} == {"dpr.json"}
    manifest = read_manifest(directory)
    assert list(manifest.parts) == ["question", "passage", "reader"]
    assert manifest.made_from["reader"] == str(reader)


def test_one_that_is_there_is_replaced_only_on_request(directory: Path, tmp_path: Path) -> None:
    first, second = tiny_dpr(tmp_path / "1", "reader"), tiny_dpr(tmp_path / "2", "reader", seed=5)
    add_reader(str(first), directory)
    before = files_of(directory)
    with pytest.raises(InputError, match=r"already has a reader.*--overwrite"):
        add_reader(str(second), directory)
    assert files_of(directory) == before
    add_reader(str(second), directory, overwrite=True)
    assert answers(directory) == answers(second)
    assert answers(directory) != answers(first)


def test_what_is_no_reader_leaves_no_trace(directory: Path, tmp_path: Path) -> None:
    before = files_of(directory)
    for other, error in (("question", InputError), ("nowhere", ModelError)):
        model = tiny_dpr(tmp_path / other, other) if other == "question" else tmp_path / "nowhere"
        with pytest.raises(error):
            add_reader(str(model), directory)
    assert files_of(directory) == before
    with pytest.raises(InputError, match="not a model directory"):
        add_reader(str(tiny_dpr(tmp_path / "r", "reader")), tmp_path / "question")


def test_an_interruption_leaves_a_model_without_a_reader(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = tiny_dpr(tmp_path / "r", "reader")
    before = files_of(directory)

    def fails(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("dpr_haystack.core.files.replace_directory", fails)
        with pytest.raises(KeyboardInterrupt):
            add_reader(str(reader), directory)
    assert files_of(directory) == before
    add_reader(str(reader), directory)
    assert answers(directory) == answers(reader)


def test_by_command(cli: Callable[..., Ran], directory: Path, tmp_path: Path) -> None:
    reader = tiny_dpr(tmp_path / "r", "reader")
    ran = cli("convert", "--reader", reader, "--output", directory)
    assert (ran.code, ran.out, ran.err) == (0, f"{directory}\n", "")
    assert answers(directory) == answers(reader)
    told = cli("info", directory).out
    assert re.search(r"^reader +max_length \d+$", told, re.MULTILINE), told
    ran = cli("convert", directory, "--reader", reader, "--output", tmp_path / "both")
    assert (ran.code, ran.out) == (0, f"{tmp_path / 'both'}\n")
    assert list(read_manifest(tmp_path / "both").parts) == ["question", "passage", "reader"]
    ran = cli("convert", "--output", tmp_path / "none")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "give MODEL" in ran.err
