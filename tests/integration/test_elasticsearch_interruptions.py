# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Indexing into Elasticsearch that is killed, interrupted, or loses its server: it goes on, and nothing is lost."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from elasticsearch import Elasticsearch

from dpr_haystack import DPRDocumentEmbedder, create_elasticsearch_index
from dpr_haystack.backends.elasticsearch.creation import elasticsearch_store
from dpr_haystack.workflows.indexing import index_paths
from support.cut_line import CutLine
from support.indexing import Cli, Indexing, contents, counts_in, passages_file, vectors_of
from support.interruption import at_steps, heeding_ctrl_c, signalled

pytestmark = pytest.mark.integration

MANY = 2_000
# Steps after which something was acknowledged: three requests may be on their way, and each step sends one at least.
ENOUGH = 4
FLOAT32 = ("--dtype", "float32")


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return {f"p{number}": f"passage {number} is about {number % 17} and {number % 23} things" for number in range(MANY)}


@pytest.fixture(scope="module")
def many(texts: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return passages_file(tmp_path_factory.mktemp("many") / "many.jsonl", texts)


@pytest.fixture(scope="module")
def vectors(texts: dict[str, str], tiny_models: tuple[Path, Path]) -> dict[str, Any]:
    return vectors_of(texts, tiny_models[0])


def count_there(client: Elasticsearch, index: str) -> int:
    """Documents that the server has acknowledged, whether or not they can be found yet."""
    client.cluster.health(index=index, wait_for_status="green", timeout="30s")
    client.indices.refresh(index=index)
    return int(client.count(index=index)["count"])


def check_all(client: Elasticsearch, index: str, texts: dict[str, str], vectors: dict[str, Any]) -> None:
    """Every passage is there exactly once, as it should be, and is found without another refresh."""
    found = contents(client, index, refresh=False)
    assert {name: source["content"] for name, source in found.items()} == texts
    names = sorted(texts)
    assert np.allclose(
        np.array([found[name]["embedding"] for name in names]), np.array([vectors[name] for name in names]), atol=1e-5
    )


def test_a_killed_run_goes_on_with_the_rest(
    indexing: Indexing,
    many: Path,
    texts: dict[str, str],
    vectors: dict[str, Any],
    client: Elasticsearch,
    index: str,
    tiny_models: tuple[Path, Path],
) -> None:
    ran = signalled(signal.SIGKILL, ENOUGH, "index", many, *indexing.place, *FLOAT32, "--model", tiny_models[0])
    assert ran.returncode == -signal.SIGKILL
    time.sleep(0.3)  # what it had sent may still be read
    kept = count_there(client, index)
    assert 0 < kept < MANY
    counts = indexing(many, *FLOAT32)
    assert counts == {"read": MANY, "embedded": MANY - kept, "updated": 0, "unchanged": kept, "removed": 0}
    check_all(client, index, texts, vectors)
    assert indexing(many, *FLOAT32)["embedded"] == 0


@pytest.mark.each_version
def test_what_an_interrupted_run_left_unrefreshed_is_not_embedded_again(
    elasticsearch_url: str,
    indexing: Indexing,
    many: Path,
    texts: dict[str, str],
    vectors: dict[str, Any],
    client: Elasticsearch,
    index: str,
) -> None:
    create_elasticsearch_index(elasticsearch_url, index, embedding_dim=32)
    client.indices.put_settings(index=index, settings={"index.refresh_interval": "-1"})
    names, without = list(texts)[:100], list(texts)[100:110]
    few = passages_file(many.with_name("few.jsonl"), {name: texts[name] for name in list(texts)[:120]})
    lines: list[Any] = []
    for name in names + without:
        source = {"id": name, "content": texts[name], "file": str(few)}
        if name in names:
            source["embedding"] = vectors[name]
        lines += [{"index": {"_id": name}}, source]
    client.bulk(index=index, operations=lines)
    assert client.count(index=index)["count"] == 0
    counts = indexing(few, *FLOAT32)
    assert counts == {"read": 120, "embedded": 20, "updated": 10, "unchanged": 100, "removed": 0}
    check_all(client, index, {name: texts[name] for name in list(texts)[:120]}, vectors)


def test_ctrl_c_says_how_much_is_there(
    indexing: Indexing,
    many: Path,
    texts: dict[str, str],
    vectors: dict[str, Any],
    client: Elasticsearch,
    index: str,
    tiny_models: tuple[Path, Path],
) -> None:
    ran = signalled(signal.SIGINT, ENOUGH, "index", many, *indexing.place, *FLOAT32, "--model", tiny_models[0])
    assert (ran.returncode, ran.stdout) == (130, "")
    kept = count_there(client, index)
    assert 0 < kept < MANY
    assert ran.stderr == f"interrupted: {kept} passages are in index {index}; run the same command to resume\n"
    counts = indexing(many, *FLOAT32)
    assert (counts["embedded"], counts["unchanged"]) == (MANY - kept, kept)
    check_all(client, index, texts, vectors)


def test_ctrl_c_while_the_server_is_gone(
    cli: Cli,
    many: Path,
    index: str,
    elasticsearch_url: str,
    tiny_models: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with CutLine(elasticsearch_url) as line:
        pressed = []

        def press() -> None:
            pressed.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)

        def cut() -> None:
            line.cut()
            threading.Timer(1.5, press).start()

        at_steps(monkeypatch, {2: cut})
        with heeding_ctrl_c():
            ran = cli("index", many, "--elasticsearch", line.url, "--index", index, "--model", tiny_models[0])
        assert (ran.code, ran.out) == (130, "")
        assert time.monotonic() - pressed[0] < 12
    (last,) = [text for text in ran.err.splitlines() if text.startswith("interrupted")]
    assert "is unknown" in last
    assert last.endswith("run the same command to resume")


def test_a_line_that_is_cut_again_and_again_loses_nothing(
    many: Path,
    texts: dict[str, str],
    vectors: dict[str, Any],
    client: Elasticsearch,
    index: str,
    elasticsearch_url: str,
    tiny_models: tuple[Path, Path],
) -> None:
    with CutLine(elasticsearch_url) as line:

        def cut(_: int) -> None:  # some requests have just been handed over
            line.cut()
            threading.Timer(0.3, line.mend).start()

        embedder = DPRDocumentEmbedder(str(tiny_models[0]), dtype="float32", progress_bar=False)
        with closing(elasticsearch_store([line.url], index)) as store:
            report = index_paths([many], store, embedder, progress=cut)
        assert line.cuts > 3
    assert (report.embedded, report.failed) == (MANY, [])
    check_all(client, index, texts, vectors)


def test_a_server_that_stops_and_starts_again_is_waited_for(
    cli: Cli,
    many: Path,
    texts: dict[str, str],
    vectors: dict[str, Any],
    own_server: Any,
    tiny_models: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is gone after the fourth write; while it starts again, the run goes on asking."""
    starting = threading.Thread(target=own_server.act, args=("start",))
    with Elasticsearch(own_server.url) as client:

        def stop() -> None:
            assert 0 < count_there(client, "passages") < MANY
            own_server.act("stop")
            starting.start()

        at_steps(monkeypatch, {ENOUGH: stop})
        place = ("--elasticsearch", own_server.url, "--index", "passages", "--model", tiny_models[0])
        ran = cli("index", many, *place, *FLOAT32)
        starting.join()
        assert ran.code == 0, ran.err
        assert counts_in(ran.out)["embedded"] == MANY
        assert ran.out.endswith(f"index passages contains {MANY} passages\n")
        check_all(client, "passages", texts, vectors)
        at_steps(monkeypatch, {})
        again = cli("index", many, *place, *FLOAT32)
        assert counts_in(again.out)["unchanged"] == MANY
