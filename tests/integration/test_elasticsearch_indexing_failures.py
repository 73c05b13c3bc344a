# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack index --elasticsearch` where something is wrong: what is said, and what is there afterwards."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch
from haystack import Document

from dpr_haystack import create_elasticsearch_index
from dpr_haystack.backends.registry import writer_over
from dpr_haystack.errors import DPRError
from support.files import BEES, GLACIERS, TEA, VOLCANO
from support.indexing import Cli, Indexing, contents, counts_in, passages_file

pytestmark = pytest.mark.integration

TEXTS = {"bees": BEES[0], "frisch": BEES[1], "glaciers": GLACIERS, "volcano": VOLCANO, "tea": TEA}
FLOAT32 = ("--dtype", "float32")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return passages_file(tmp_path / "corpus.jsonl", TEXTS)


@pytest.mark.each_version
def test_refused_documents_are_listed_and_tried_again(
    elasticsearch_url: str, indexing: Indexing, tmp_path: Path, client: Elasticsearch, index: str
) -> None:
    create_elasticsearch_index(elasticsearch_url, index, embedding_dim=32)
    client.indices.put_mapping(index=index, properties={"year": {"type": "integer"}, "code": {"type": "keyword"}})
    long = "i" * 513  # spoils its whole request, where the others only fail by themselves
    rows = [{"id": f"good {number}", "text": f"text {number}", "meta": {"year": number}} for number in range(40)]
    bad: list[dict[str, Any]] = [
        {"id": "wrong type", "text": "a", "meta": {"year": "about 1900"}},
        {"id": "long term", "text": "b", "meta": {"code": "x" * 40_000}},
        {"id": long, "text": "c"},
        {"id": "large number", "text": "d", "meta": {"n": 2**70}},
    ]
    file = tmp_path / "some.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in [*rows[:20], *bad, *rows[20:]]))
    for _ in range(2):  # what was refused once is tried again
        ran = indexing.ran(file)
        assert ran.code == 1
        lines = ran.err.splitlines()
        assert len(lines) == 5
        for row, reason in zip(bad, ("year", "max_bytes_length|immense", "512 bytes", "64-bit"), strict=True):
            (line,) = [line for line in lines if line.startswith(f"rejected: {row['id']}: ")]
            assert any(part in line for part in reason.split("|")), line
            assert len(line) < 1_200
        assert lines[-1] == "4 passages were rejected; run the same command to try again"
        assert ran.out.endswith(f"index {index} contains 40 passages\n")
        assert set(contents(client, index, refresh=False)) == {row["id"] for row in rows}
    assert counts_in(ran.out) == {"read": 44, "embedded": 4, "updated": 0, "unchanged": 40, "removed": 0}
    fixed = [{**row, "id": str(row["id"])[:20], "meta": {}} for row in bad]
    file.write_text("".join(json.dumps(row) + "\n" for row in [*rows, *fixed]))
    assert indexing(file) == {"read": 44, "embedded": 4, "updated": 0, "unchanged": 40, "removed": 0}


def test_an_index_that_is_read_only_is_one_line(
    indexing: Indexing, corpus: Path, client: Elasticsearch, index: str
) -> None:
    indexing(corpus)
    client.indices.put_settings(index=index, settings={"index.blocks.write": True})
    passages_file(corpus, TEXTS | {f"new {number}": f"text {number}" for number in range(30)})
    ran = indexing.ran(corpus)
    assert (ran.code, ran.out) == (1, "")
    assert len(ran.err.splitlines()) == 1
    assert "FORBIDDEN/8/index write" in ran.err


@pytest.mark.parametrize("dimension", [200, 2])
def test_an_index_that_is_deleted_meanwhile_is_an_error(
    dimension: int, client: Elasticsearch, index: str, store_of: Callable[..., Any]
) -> None:
    """The server makes another in its place, without a word, in which no vector is compared as it should be."""
    with closing(writer_over(store_of(index))) as target:
        target.prepare({"model": "m", "fingerprint": "f"}, dimension)
        target.write([Document(id="a", content="a", embedding=[0.5] * dimension)])
        assert target.settle() == []
        client.indices.delete(index=index)
        target.write([Document(id="b", content="b", embedding=[0.5] * dimension)])
        with pytest.raises(DPRError, match=f"{index}.* (was deleted while|has no searchable vectors)"):
            target.settle()


@pytest.mark.parametrize("named", [True, False])
def test_a_server_that_was_never_there_is_one_line_within_seconds(
    named: bool, cli: Cli, corpus: Path, tiny_models: tuple[Path, Path]
) -> None:
    model = ("--model", tiny_models[0]) if named else ()
    started = time.monotonic()
    ran = cli("index", corpus, "--elasticsearch", "http://127.0.0.1:9", *model)
    assert time.monotonic() - started < 5
    assert (ran.code, ran.out) == (1, "")
    assert len(ran.err.splitlines()) == 1
    assert "Elasticsearch at http://127.0.0.1:9 cannot be reached" in ran.err


def test_an_address_that_is_none_is_refused(cli: Cli, corpus: Path, tiny_models: tuple[Path, Path]) -> None:
    ran = cli("index", corpus, "--elasticsearch", "localhost:9", "--model", tiny_models[0])
    assert (ran.code, ran.out) == (2, "")
    assert "a host looks like http://localhost:9200" in ran.err


def test_without_the_extra_its_name_is_said(
    cli: Cli, corpus: Path, tiny_models: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "haystack_integrations.document_stores.elasticsearch", None)
    ran = cli("index", corpus, "--elasticsearch", "http://127.0.0.1:9", "--model", tiny_models[0])
    assert (ran.code, ran.out) == (2, "")
    assert "pip install 'elasticsearch-haystack>=7.1'" in ran.err


def test_an_index_needs_a_server(cli: Cli, tmp_path: Path) -> None:
    ran = cli("search", "what?", "--store", tmp_path, "--index", "passages")
    assert (ran.code, ran.out) == (2, "")
    assert "--elasticsearch URL" in ran.err


@pytest.mark.parametrize("wrong", [{"ELASTIC_PASSWORD": "Not-The-Password-1"}, {}])
def test_wrong_credentials_are_one_line(
    wrong: dict[str, str],
    secured: Any,
    cli: Cli,
    corpus: Path,
    tiny_models: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("ELASTIC_API_KEY", "ELASTIC_USER", "ELASTIC_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    ran = cli("index", corpus, "--elasticsearch", secured.url, "--model", tiny_models[0])
    assert (ran.code, ran.out) == (1, "")
    assert len(ran.err.splitlines()) == 1
    assert "missing or wrong credentials" in ran.err
    assert "Not-The-Password" not in ran.err
    monkeypatch.setenv("ELASTIC_USER", secured.user)
    monkeypatch.setenv("ELASTIC_PASSWORD", secured.password)
    with Elasticsearch(secured.url, basic_auth=(secured.user, secured.password)) as admin:
        try:
            place = ("--elasticsearch", secured.url, "--index", "test-indexing-secured")
            assert cli("index", corpus, *place, "--model", tiny_models[0]).code == 0
        finally:
            admin.options(ignore_status=404).indices.delete(index="test-indexing-secured")
