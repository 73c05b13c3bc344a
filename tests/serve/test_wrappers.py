# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The wrappers for Hayhooks without a server: optional arguments, and which errors are the caller's."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import HTTPException
from haystack import Document

from dpr_haystack import FAISSDocumentStore
from dpr_haystack.serve.wrappers import AskWrapper, QuestionWrapper, SearchWrapper


class Words(SearchWrapper):
    """The search of `search`, by words alone: it needs no model."""

    pipeline_name = "bm25"
    component = "bm25"


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Words:
    monkeypatch.chdir(tmp_path)
    store = FAISSDocumentStore("store")
    store.write_documents(
        [
            Document(
                id=str(year), content=f"A tree of {year}.", meta={"year": year, "at": datetime(year, 1, 2, tzinfo=UTC)}
            )
            for year in range(1990, 2005)
        ]
    )
    store.close()
    wrapper = Words()
    wrapper.setup()
    return wrapper


def test_arguments_are_optional_and_honoured(words: Words) -> None:
    assert len(words.run_api("tree")["documents"]) == 10
    assert len(words.run_api("tree", top_k=3)["documents"]) == 3
    assert len(words.run_api("tree", top_k=12, filters={})["documents"]) == 12
    newest = {"field": "meta.year", "operator": ">=", "value": 2003}
    found = words.run_api("tree", filters=newest)["documents"]
    assert {document["meta"]["year"] for document in found} == {2003, 2004}
    assert set(found[0]) == {"id", "content", "meta", "score"}
    assert "2003-01-02" in json.dumps(words.run_api("2003")["documents"])  # dates too are JSON, as MCP needs it


@pytest.mark.parametrize(
    ("given", "words_of_the_message"),
    [
        ({"query": ""}, "the question is empty"),
        ({"query": " \n"}, "the question is empty"),
        ({"query": "tree", "top_k": -1}, "top_k must be an integer of at least 0: got -1"),
        ({"query": "tree", "filters": {"year": 3}}, "'operator' is missing"),
        ({"query": "tree", "filters": {"field": "meta.year", "operator": "~", "value": 1}}, "unknown filter operator"),
    ],
)
def test_invalid_arguments_are_422_with_the_message(
    words: Words, given: dict[str, Any], words_of_the_message: str
) -> None:
    with pytest.raises(HTTPException) as raised:
        words.run_api(**given)
    assert raised.value.status_code == 422
    assert words_of_the_message in raised.value.detail


def test_what_the_server_lacks_is_not_the_callers_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipelines").mkdir()
    wrapper = AskWrapper()
    wrapper.setup()
    with pytest.raises(Exception, match="there is no store") as raised:
        wrapper.run_api("Who wrote Dune?")
    assert not isinstance(raised.value, HTTPException)


def test_a_pipeline_of_the_served_folder_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dpr_haystack.serve.wrappers.settings.pipelines_dir", str(tmp_path))
    (tmp_path / "hybrid.yml").write_text("components: {}\nconnections: []\nmetadata: {mine: true}\n")
    wrapper = SearchWrapper()
    wrapper.setup()
    assert wrapper.pipeline.metadata == {"mine": True}
    assert issubclass(AskWrapper, QuestionWrapper)
