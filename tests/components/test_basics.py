# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What every public component can do: be serialised, copied, wrapped, and described to an agent."""

from __future__ import annotations

import copy
import inspect
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from haystack import Document, Pipeline, SuperComponent
from haystack.tools import ComponentTool
from haystack.utils import Secret
from haystack_integrations.document_stores.elasticsearch import ElasticsearchDocumentStore

import dpr_haystack
from dpr_haystack import FAISSDocumentStore


def local() -> FAISSDocumentStore:
    return FAISSDocumentStore("store", embedding_dim=2)


def server() -> ElasticsearchDocumentStore:
    return ElasticsearchDocumentStore(hosts="http://localhost:9", index="passages", api_key=Secret.from_env_var("KEY"))


FILTERS = {"field": "meta.year", "operator": ">=", "value": 1900}
COMMON: dict[str, Any] = {"filters": FILTERS, "top_k": 3, "min_top_k": 2, "filter_policy": "merge"}
TOWER: dict[str, Any] = {"model": "folder/model", "device": "cpu", "dtype": "float32", "token": None, "max_length": 9}
COMPONENTS: dict[str, Callable[[Any], Any]] = {
    "AnswerMatchEvaluator": lambda c: c(confidence=90.0, resamples=5, seed=3),
    "DPRDocumentEmbedder": lambda c: c("folder/model", device="cpu", dtype="float32"),
    "DPRFileConverter": lambda c: c(words=50, base="docs", encoding="cp1252", columns=["id", "text"]),
    "DPRHybridRetriever": lambda c: c(local(), candidates=7, weights={"bm25": 1, "dpr": 2}, **TOWER, **COMMON),
    "DPRPassageWriter": lambda c: c(local(), keep_old=True),
    "DPRReader": lambda c: c("folder/model", top_k=2, no_answer=True, device="cpu"),
    "DPRRetriever": lambda c: c(local(), **TOWER, **COMMON),
    "DPRTextEmbedder": lambda c: c("folder/model", device="cpu", dtype="float32"),
    "ElasticsearchBM25Retriever": lambda c: c(document_store=server(), fields={"content": 2}, **COMMON),
    "ElasticsearchDPRRetriever": lambda c: c(server(), num_candidates=50, **TOWER, **COMMON),
    "FAISSBM25Retriever": lambda c: c(local(), **COMMON),
    "FAISSEmbeddingRetriever": lambda c: c(document_store=local(), **COMMON),
    "HybridJoiner": lambda c: c({"a": 1.0, "b": 2}, fusion="dbsf", top_k=3, lower_is_better=["b"], explain=True),
    "TopKAccuracyEvaluator": lambda c: c(ks=[3, 1], match="regex"),
}
every_component = pytest.mark.parametrize("name", list(COMPONENTS))


def made(name: str) -> Any:
    return COMPONENTS[name](getattr(dpr_haystack, name))


def is_component(name: str) -> bool:
    return inspect.isclass(value := getattr(dpr_haystack, name)) and hasattr(value, "run")


def test_every_public_component_is_tested_here() -> None:
    assert sorted(filter(is_component, dpr_haystack.__all__)) == list(COMPONENTS)


@every_component
def test_it_is_made_again_from_its_settings(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    one = made(name)
    data = one.to_dict()
    untouched = copy.deepcopy(data)
    parameters = set(inspect.signature(type(one).__init__).parameters) - {"self", "max_batch_size"}  # another name
    assert set(data["init_parameters"]) == parameters
    again = type(one).from_dict(data)
    assert type(again) is type(one)
    assert data == untouched
    assert again.to_dict() == untouched == type(one).from_dict(data).to_dict()
    default = {each.name: each.default for each in inspect.signature(type(one).__init__).parameters.values()}
    changed = {key for key, value in untouched["init_parameters"].items() if value != default[key]}
    assert len(changed) >= 2
    assert list(tmp_path.iterdir()) == []


@every_component
def test_it_survives_yaml_copies_and_wrapping(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = made(name).to_dict()
    pipeline = Pipeline()
    pipeline.add_component("it", made(name))
    wrapped = SuperComponent(pipeline=Pipeline.loads(pipeline.dumps()))
    loaded: Any = SuperComponent.from_dict(wrapped.to_dict())
    copied: Any = copy.deepcopy(pipeline)
    assert loaded.pipeline.get_component("it").to_dict() == data
    assert copied.get_component("it").to_dict() == data
    assert copy.deepcopy(made(name)).to_dict() == data
    assert list(tmp_path.iterdir()) == []


@every_component
def test_its_description_for_an_agent_is_short(name: str) -> None:
    one = made(name)
    assert len(type(one).__doc__ or "") > 300
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of inputs without a JSON schema
        tool = ComponentTool(one)
    assert 20 < len(tool.description) < 200
    assert tool.description == copy.deepcopy(one).__doc__
    assert "\n" not in tool.description
    assert "``" not in tool.description
    assert ":class:" not in tool.description


@pytest.mark.parametrize("name", ["FAISSBM25Retriever", "FAISSEmbeddingRetriever"])
def test_a_tool_sends_no_vectors_to_the_model(name: str, tmp_path: Path) -> None:
    store = FAISSDocumentStore(str(tmp_path / "store"), embedding_dim=2)
    store.write_documents([Document(id="a", content="tree", embedding=[0.625, 0.375])])
    tool = ComponentTool(getattr(dpr_haystack, name)(document_store=store))
    given: dict[str, Any] = {"query": "tree"} if "BM25" in name else {"query_embedding": [1.0, 0.0]}
    (document,) = tool.invoke(**given)["documents"]
    assert document.id == "a"
    assert document.embedding is None
    assert "0.375" not in json.dumps(document.to_dict())
    store.close()
