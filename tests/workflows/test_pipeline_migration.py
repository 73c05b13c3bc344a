# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Pipelines for faiss-haystack and for Haystack's reader load after conversion, and find what they found before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
import yaml
from haystack import Pipeline

from dpr_haystack.cli import main
from dpr_haystack.errors import DataError, InputError
from dpr_haystack.workflows.pipeline_migration import convert_pipeline

VECTORS = {"a": [2.0, 0.5], "b": [1.0, 0.0], "c": [3.0, 1.0]}
RETRIEVER = "haystack_integrations.components.retrievers.faiss.embedding_retriever.FAISSEmbeddingRetriever"
STORE = "haystack_integrations.document_stores.faiss.document_store.FAISSDocumentStore"
READER = "haystack_integrations.components.readers.transformers.extractive_reader.TransformersExtractiveReader"


def old_pipeline(store: Path, index_string: str = "Flat") -> dict[str, Any]:
    """What faiss-haystack 3.0 and transformers-haystack 2.0 write."""
    parameters = {"index_path": str(store), "index_string": index_string, "embedding_dim": 2}
    return {
        "components": {
            "retriever": {
                "type": RETRIEVER,
                "init_parameters": {
                    "document_store": {"type": STORE, "init_parameters": parameters},
                    "filters": {},
                    "top_k": 2,
                    "filter_policy": "replace",
                },
            },
            "reader": {"type": READER, "init_parameters": {"model": "my-reader", "device": None, "top_k": 3}},
        },
        "connections": [{"sender": "retriever.documents", "receiver": "reader.documents"}],
        "max_runs_per_component": 7,
    }


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A store as faiss-haystack saves it."""
    index: Any = faiss.IndexIDMap(faiss.IndexFlatL2(2))
    index.add_with_ids(np.array(list(VECTORS.values()), dtype="float32"), np.arange(3))
    faiss.write_index(index, str(tmp_path / "wiki.faiss"))
    documents = [{"id": name, "content": name, "embedding": vector} for name, vector in VECTORS.items()]
    ids = dict(enumerate(VECTORS))
    data = {"documents": documents, "id_map": ids, "inverse_id_map": {v: k for k, v in ids.items()}, "next_id": 3}
    (tmp_path / "wiki.json").write_text(json.dumps(data))
    return tmp_path / "wiki"


def test_a_converted_pipeline_finds_what_it_found(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "old.yml").write_text(yaml.safe_dump(old_pipeline(saved)))
    lines = convert_pipeline(tmp_path / "old.yml", tmp_path / "new.yml")
    changes = dict(line.split(" -> ") for line in lines)
    assert changes[STORE] == "haystack_integrations.document_stores.dpr.FAISSDocumentStore, with similarity='l2'"
    assert changes[RETRIEVER] == "haystack_integrations.components.retrievers.dpr.FAISSEmbeddingRetriever"
    assert changes[READER].endswith("rank_by='span', probabilities='sigmoid', title_field=None")
    pipeline = Pipeline.loads((tmp_path / "new.yml").read_text())
    found = pipeline.get_component("retriever").run([1.0, 0.0])["documents"]
    assert [document.id for document in found] == ["b", "a"], "by distance; by inner product it would be c, a"
    settings = pipeline.to_dict()["components"]["reader"]["init_parameters"]
    assert {name: settings[name] for name in ("model", "top_k", "no_answer", "calibration_factor")} == {
        "model": "my-reader",
        "top_k": 3,
        "no_answer": True,
        "calibration_factor": 0.1,
    }


def test_the_documented_replacement_loads_as_well(saved: Path) -> None:
    text = yaml.safe_dump({**old_pipeline(saved), "connections": []})
    new = text.replace(".faiss.document_store.", ".dpr.").replace(".faiss.embedding_retriever.", ".dpr.")
    only_retriever = yaml.safe_load(new)
    del only_retriever["components"]["reader"]
    pipeline = Pipeline.loads(yaml.safe_dump(only_retriever))
    assert len(pipeline.get_component("retriever").run([1.0, 0.0])["documents"]) == 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("components: {}\nconnections: []\n", "no component to convert"),
        ("- [", "not valid YAML"),
        ("", "no component to convert"),
        (f"type: {STORE}\ninit_parameters: 3\n", "must be a mapping: got int"),
    ],
)
def test_what_cannot_be_converted_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "old.yml").write_text(text)
    with pytest.raises(DataError, match=problem):
        convert_pipeline(tmp_path / "old.yml", tmp_path / "new.yml")
    assert not (tmp_path / "new.yml").exists()


def test_the_command(saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = str(tmp_path / "old.yml"), str(tmp_path / "new.yml")
    assert main(["convert", "--pipeline", old, "--output", new]) == 2
    assert "old.yml: cannot be read: No such file" in capsys.readouterr().err
    Path(old).write_text(yaml.safe_dump(old_pipeline(saved, "IVF256,Flat")))
    assert main(["convert", "--pipeline", old, "--output", new]) == 2
    assert "unknown index_string 'IVF256,Flat'" in capsys.readouterr().err
    Path(old).write_text(yaml.safe_dump(old_pipeline(saved)))
    assert main(["convert", "--pipeline", old, "--output", new]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == new
    assert main(["convert", "--pipeline", old, "--output", new]) == 2
    assert "already exists; --overwrite" in capsys.readouterr().err
    assert main(["convert", "--pipeline", old, "--output", new, "--overwrite"]) == 0
    assert main(["convert", "model", "--pipeline", old, "--output", new]) == 2
    with pytest.raises(InputError, match="already exists"):
        convert_pipeline(old, new)
