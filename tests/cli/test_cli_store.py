# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`check`, `info` and `convert`: their output and the directories that they write."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from haystack import Document

from dpr_haystack import DPRTextEmbedder, FAISSDocumentStore
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.resources import trained_pair
from support.checkpoints import reference, tiny_dpr
from support.workspace import Ran

pytestmark = pytest.mark.slow

Cli = Callable[..., Ran]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Fifty documents, forty of them with vectors, and both indexes on disk."""
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(5)
    made = FAISSDocumentStore("store", "HNSW16", embedding_dim=8, encoder={"model": "some/model", "fingerprint": "abc"})
    made.write_documents(
        [
            Document(
                id=str(number),
                content=f"tree {number}",
                meta={"file": "trees.txt", "number": number},
                embedding=generator.normal(size=8).tolist() if number < 40 else None,
            )
            for number in range(50)
        ]
    )
    made.catch_up()
    made.close()
    return Path("store")


def found(mode: str = "bm25") -> list[str]:
    opened = FAISSDocumentStore.from_directory("store")
    documents = opened.bm25_retrieval("tree", 100) if mode == "bm25" else opened.search([1.0] * 8, 40)
    opened.close()
    return [document.id for document in documents]


def test_a_sound_store(cli: Cli, store: Path) -> None:
    ran = cli("check", store)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out
    assert all(line.startswith("ok      ") for line in ran.out.splitlines())
    assert "50 documents" in ran.out
    assert "vectors: 40 of dimension 8" in ran.out
    assert cli("check", store, "--repair").code == 0


def test_what_can_be_rebuilt_is_rebuilt_on_request(cli: Cli, store: Path) -> None:
    before = found(), found("dpr")
    with closing(sqlite3.connect(store / "documents.sqlite")) as connection, connection:
        connection.execute("UPDATE state SET count = 7")
    ran = cli("check", store)
    assert (ran.code, ran.err) == (1, "store has problems\n")
    line = "WRONG   the recorded number of documents is 7, the store has 50"
    assert f"{line} (repair with: dpr-haystack check store --repair)\n" in ran.out
    assert cli("check", store).code == 1  # checking repairs nothing
    repaired = cli("check", store, "--repair")
    assert (repaired.code, repaired.err) == (0, "")
    assert cli("check", store).code == 0
    assert (found(), found("dpr")) == before


def test_a_damaged_index_is_rebuilt(cli: Cli, store: Path) -> None:
    before = found(), found("dpr")
    for path in (store / "indexes").rglob("*"):
        if path.is_file() and path.suffix != ".json" and "lock" not in path.name and path.name != "meta.json":
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    # An index that catches up may notice by itself; what counts is that the answers are right afterwards.
    assert "DAMAGED" not in cli("check", store).out
    assert cli("check", store, "--repair").code == 0
    assert cli("check", store).code == 0
    assert (found(), found("dpr")) == before


@pytest.mark.parametrize(
    "position", ["[]", "null", "{broken", '{"index": "HNSW8", "options": 3}', '{"index": "IVF8", "options": {}}']
)
def test_an_index_without_a_valid_position_is_replaced(cli: Cli, store: Path, position: str) -> None:
    before = found("dpr")
    (file,) = (path for path in (store / "indexes").glob("*.json") if path.with_suffix(".faiss").exists())
    file.write_text(position)
    assert cli("check", store).code == 0
    assert cli("check", store, "--repair").code == 0
    assert found("dpr") == before


@pytest.mark.parametrize("damage", ["bit", "cut", "gone"])
def test_damage_to_the_vectors_cannot_be_repaired(cli: Cli, store: Path, damage: str) -> None:
    (vectors,) = store.glob("vectors-*.f32")
    data = bytearray(vectors.read_bytes())
    data[37 * 4] ^= 0x10
    if damage == "gone":
        vectors.unlink()
    else:
        vectors.write_bytes(data if damage == "bit" else data[:-20])
    for arguments in ((store,), (store, "--repair")):
        ran = cli("check", *arguments)
        assert ran.code == 1
        assert ran.err.count("\n") == 1
        assert "DAMAGED" in ran.out


@pytest.mark.parametrize("damage", ["manifest", "newer", "database"])
def test_a_store_that_cannot_be_opened_is_said_in_one_line(cli: Cli, store: Path, damage: str) -> None:
    if damage == "database":
        (store / "documents.sqlite").write_bytes(b"no database at all" * 100)
    else:
        (store / "store.json").write_text('{"format_version": 99}' if damage == "newer" else "{")
    for command in ("check", "info", "search"):
        arguments = ("tree", "--store", store, "--mode", "bm25") if command == "search" else (store,)
        ran = cli(command, *arguments)
        assert (ran.code, ran.err.count("\n")) == (1, 1), (command, ran)
        assert "Traceback" not in ran.err


def test_info_of_a_store(cli: Cli, store: Path) -> None:
    facts = json.loads(cli("info", store, "--json").out)
    size = sum(path.stat().st_size for path in store.rglob("*") if path.is_file())
    assert facts.pop("bytes") == pytest.approx(size, abs=200_000)  # SQLite's own files come and go
    assert facts == {
        "kind": "store",
        "documents": 50,
        "vectors": 40,
        "dimension": 8,
        "similarity": "dot_product",
        "index": "HNSW16",
        "language": "english",
        "encoder": "some/model",
        "fingerprint": "abc",
        "unknown_origin": 0,
        "hybrid": "bm25 1, dpr 1, convex, minmax, 100 candidates (default)",
        "fields": "file, number",
    }
    assert facts["similarity"] in list(Similarity)
    ran = cli("info", store)
    assert ran.err == ""
    assert dict(line.split(maxsplit=1) for line in ran.out.splitlines())["encoder"] == "some/model"


def test_info_of_a_model_and_of_neither(cli: Cli, tiny_models: tuple[Path, Path], tmp_path: Path) -> None:
    facts = json.loads(cli("info", tiny_models[0], "--json").out)
    assert facts["kind"] == "model directory"
    assert "pooling cls" in facts["question"]
    assert "dimension 32" in facts["passage"]
    assert facts["hybrid"] == "bm25 1, dpr 1, convex, minmax, 100 candidates (default)"
    assert cli("info", tiny_models[0]).out.startswith("kind ")
    fitted = "bm25 0.44, dpr 0.56, convex, zscore, exact scores, 100 candidates (fitted on 4260 questions)"
    assert json.loads(cli("info", trained_pair(), "--json").out)["hybrid"] == fitted
    for place in (tmp_path, tmp_path / "nowhere", __file__):
        ran = cli("info", place)
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)


def test_convert_writes_both_towers(cli: Cli, tmp_path: Path) -> None:
    question = tiny_dpr(tmp_path / "q", "question", seed=1)
    passage = tiny_dpr(tmp_path / "p", "passage", seed=2)
    output = tmp_path / "out" / "model"
    arguments = ("convert", question, "--passage-model", passage, "--output", output)
    ran = cli(*arguments)
    assert (ran.code, ran.out, ran.err) == (0, f"{output}\n", "")
    text = "who wrote the origin of species"
    embedding = DPRTextEmbedder(str(output), dtype="float32").run(text)["embedding"]
    assert np.allclose(embedding, reference(question, "question", [(None, text)])[0].numpy(), atol=1e-4)
    before = (output / "dpr.json").read_bytes()
    again = cli(*arguments)
    assert (again.code, again.out, again.err.count("\n")) == (2, "", 1)
    assert (output / "dpr.json").read_bytes() == before
    assert cli(*arguments, "--overwrite", "--max-length", 64).code == 0
    assert json.loads((output / "dpr.json").read_text())["parts"]["question"]["max_length"] == 64


def test_what_convert_cannot_read_leaves_nothing_behind(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    passage = tiny_dpr(tmp_path / "p", "passage")
    for arguments in ((tmp_path / "empty",), ("nobody/nothing",), (passage,)):
        ran = cli("convert", *arguments, "--output", tmp_path / "model")
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1), ran
        assert not (tmp_path / "model").exists()
