# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The pipelines that travel with the package, run against a real server that asks for a key."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from elasticsearch import Elasticsearch
from haystack import Pipeline

from dpr_haystack import DPRReader, create_elasticsearch_index
from dpr_haystack.engines.reader.model_directory import add_reader
from dpr_haystack.resources import pipelines_directory
from support.checkpoints import tiny_dpr
from support.files import ASKED_OF_FOUR, write_four

pytestmark = pytest.mark.integration

QUESTION = "When did Tambora erupt?"


@pytest.fixture
def secured_index(secured: Any) -> Iterator[tuple[str, str]]:
    """An index on the server with security, and a key for it alone."""
    name = f"test-{uuid4().hex}"
    account = (secured.user, secured.password)
    create_elasticsearch_index(secured.url, name, embedding_dim=32, basic_auth=account)
    with Elasticsearch(secured.url, basic_auth=account) as admin:
        roles = {"all": {"cluster": ["monitor"], "indices": [{"names": [name], "privileges": ["all"]}]}}
        yield name, admin.security.create_api_key(name=name, role_descriptors=roles)["encoded"]
        admin.indices.delete(index=name)


@pytest.fixture
def here(tmp_path: Path, tiny_models: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a model that has a reader, and four files."""
    shutil.copytree(tiny_models[0], tmp_path / "model")
    add_reader(str(tiny_dpr(tmp_path / "reader", "reader")), tmp_path / "model")
    write_four(tmp_path / "docs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def as_users_change_it(name: str, url: str, index: str) -> Pipeline:
    """One of the pipelines, with another address and index."""
    text = (pipelines_directory() / f"{name}.yml").read_text()
    assert "env_vars: [ELASTIC_API_KEY]" in text
    changed = text.replace("http://localhost:9200", url).replace("index: dpr-haystack", f"index: {index}")
    return Pipeline.loads(changed)


def test_from_files_to_answers(
    secured: Any, secured_index: tuple[str, str], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Indexing, then BM25, then answers; what the last one says is what its parts say in Python."""
    index, key = secured_index
    monkeypatch.setenv("ELASTIC_API_KEY", key)
    sources = sorted(str(path) for path in (here / "docs").iterdir())
    indexing = as_users_change_it("elasticsearch_indexing", secured.url, index)
    written = indexing.run({"files": {"sources": sources}})["writer"]["documents_written"]
    assert written >= 4
    again = indexing.run({"files": {"sources": sources}})["writer"]
    assert again == {"documents_written": 0, "documents_removed": 0}
    with Elasticsearch(secured.url, basic_auth=(secured.user, secured.password)) as admin:
        assert admin.count(index=index)["count"] == written

    bm25 = as_users_change_it("elasticsearch_bm25", secured.url, index)
    for question, word in ASKED_OF_FOUR.items():
        assert word in bm25.run({"bm25": {"query": question}})["bm25"]["documents"][0].content

    answering = as_users_change_it("elasticsearch_hybrid_qa", secured.url, index)
    told = yaml.safe_load((pipelines_directory() / "elasticsearch_hybrid_qa.yml").read_text())
    asked: dict[str, dict[str, str]] = {}
    for target in told["inputs"]["query"]:
        name, socket = target.split(".")
        asked.setdefault(name, {})[socket] = QUESTION
    answers = answering.run(asked, include_outputs_from={"hybrid"})
    documents = answers["hybrid"]["documents"]
    expected = DPRReader("model", top_k=3).run(QUESTION, documents)["answers"]
    assert [each.to_dict() for each in answers["reader"]["answers"]] == [each.to_dict() for each in expected]
    assert any(each.data for each in expected)
    assert key not in answering.dumps() + indexing.dumps()
    for pipeline in (indexing, bm25, answering):
        pipeline.close()
