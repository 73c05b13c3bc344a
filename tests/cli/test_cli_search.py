# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack search`: it prints the results of the store, and nothing else on stdout."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from haystack import Document

from dpr_haystack import DPRHybridRetriever, DPRTextEmbedder, FAISSDocumentStore, HybridJoiner
from dpr_haystack.cli import main
from support.workspace import Ran

pytestmark = pytest.mark.slow

Cli = Callable[..., Ran]
EINSTEIN = "Where was Albert Einstein born?"


def asked(cli: Cli, question: str, *arguments: object) -> list[dict[str, Any]]:
    ran = cli("search", question, "--store", "store", "--json", *arguments)
    assert (ran.code, ran.err) == (0, "")
    return list(json.loads(ran.out))


@pytest.fixture(scope="module")
def found(workspace_root: Path) -> dict[str, list[Document]]:
    """The results of the three searches, computed here by the store's BM25, numpy and the joiner."""
    store = FAISSDocumentStore.from_directory(workspace_root / "store")
    embedding = np.array(DPRTextEmbedder(str(workspace_root / "model")).run(EINSTEIN)["embedding"])
    every = store.filter_documents()
    scores = np.array([document.embedding for document in every]) @ embedding
    best = np.argsort(-scores)[:100]
    dense = [
        Document(id=every[place].id, content=every[place].content, meta=every[place].meta, score=float(scores[place]))
        for place in best
    ]
    words = store.bm25_retrieval(EINSTEIN, 100)
    store.close()
    return {"bm25": words, "dpr": dense, "hybrid": HybridJoiner().run(bm25=words, dpr=dense)["documents"]}


@pytest.mark.parametrize("mode", ["bm25", "dpr", "hybrid"])
def test_json_is_what_the_search_found(cli: Cli, in_workspace: Path, found: dict[str, Any], mode: str) -> None:
    hits = asked(cli, EINSTEIN, "--mode", mode, "--top-k", 7)
    expected = found[mode][:7]
    assert [list(hit) for hit in hits] == [["rank", "score", "id", "title", "page_number", "content", "meta"]] * len(
        expected
    )
    assert [hit["rank"] for hit in hits] == list(range(1, len(expected) + 1))
    assert [hit["id"] for hit in hits] == [document.id for document in expected]
    assert [hit["score"] for hit in hits] == pytest.approx([document.score for document in expected], abs=1e-4)
    assert [hit["title"] for hit in hits] == [document.meta["title"] for document in expected]
    assert [(hit["content"], hit["meta"]) for hit in hits] == [(each.content, each.meta) for each in expected]
    assert hits[0]["title"] == "Albert Einstein"


def test_exact_scores_on_request(cli: Cli, in_workspace: Path) -> None:
    store = FAISSDocumentStore.from_directory("store")
    retriever = DPRHybridRetriever(store, "model", candidates=100, exact_scores=True)
    expected = [(document.id, pytest.approx(document.score)) for document in retriever.run(EINSTEIN)["documents"]]
    retriever.close()
    exact = [(hit["id"], hit["score"]) for hit in asked(cli, EINSTEIN, "--top-k", 10, "--exact-scores")]
    assert exact == expected
    assert exact != [(hit["id"], hit["score"]) for hit in asked(cli, EINSTEIN, "--top-k", 10)]


def test_hybrid_and_five_are_the_default(cli: Cli, in_workspace: Path) -> None:
    hits = asked(cli, EINSTEIN)
    assert len(hits) == 5
    assert hits == asked(cli, EINSTEIN, "--mode", "hybrid", "--top-k", 5)


def test_more_than_the_usual_candidates(cli: Cli, in_workspace: Path) -> None:
    assert len(asked(cli, EINSTEIN, "--top-k", 180)) == 180
    assert len(asked(cli, EINSTEIN, "--top-k", 1000, "--mode", "dpr")) == 185


def test_nothing_found(cli: Cli, in_workspace: Path) -> None:
    assert asked(cli, "zzzqqq", "--mode", "bm25") == []
    ran = cli("search", "zzzqqq", "--store", "store", "--mode", "bm25")
    assert (ran.code, ran.out, ran.err) == (0, "no passages found\n", "")


def test_for_people_it_prints_title_score_place_and_text(cli: Cli, in_workspace: Path, found: dict[str, Any]) -> None:
    ran = cli("search", EINSTEIN, "--store", "store", "--mode", "bm25", "--top-k", 2, "--full")
    first, second = found["bm25"][:2]
    assert ran.out.startswith(f" 1. Albert Einstein  ({first.score:.3f}) {first.meta['file']}\n    {first.content}\n")
    assert f"\n 2. {second.meta['title']}  ({second.score:.3f}) " in ran.out
    assert "offset" not in ran.out


def test_the_page_is_shown_also_of_what_a_pipeline_wrote(cli: Cli, tmp_path: Path) -> None:
    store = FAISSDocumentStore(str(tmp_path / "store"))
    store.write_documents(
        [
            Document(id="1", content="tree one", meta={"file": "a.pdf", "page": 3, "title": "A"}),
            Document(id="2", content="tree two", meta={"file_path": "b.pdf", "page_number": 4}),
            Document(id="3", content="tree three", meta={"title": "Ünï ☃"}),
            Document(id="4", content=None, meta={"title": "tree"}),
        ]
    )
    store.close()
    out = cli("search", "tree", "--store", tmp_path / "store", "--mode", "bm25").out
    assert "A  (" in out
    assert ") a.pdf, page 3\n" in out
    assert ". 2  (" in out
    assert ") b.pdf, page 4\n" in out
    assert "Ünï ☃" in out
    assert "None" not in out


def test_metadata_that_json_does_not_know_is_written_as_text(cli: Cli, tmp_path: Path) -> None:
    from datetime import UTC, datetime

    store = FAISSDocumentStore(str(tmp_path / "store"))
    store.write_documents([Document(content="tree", meta={"at": datetime(2020, 1, 2, tzinfo=UTC), "title": "☃"})])
    store.close()
    ran = cli("search", "tree", "--store", tmp_path / "store", "--mode", "bm25", "--json")
    assert json.loads(ran.out)[0]["meta"]["at"].startswith("2020-01-02")
    assert "☃" in ran.out


def test_a_long_passage_is_shown_around_the_words_of_the_question(cli: Cli, tmp_path: Path) -> None:
    text = "sand " * 100 + "Frank Herbert wrote Dune. " + "spice " * 100
    store = FAISSDocumentStore(str(tmp_path / "store"))
    store.write_documents([Document(content=text)])
    store.close()
    search = ("search", "who wrote Dune?", "--store", tmp_path / "store", "--mode", "bm25")
    out = cli(*search).out
    assert "Frank Herbert wrote Dune." in out
    assert 200 < len(out) < 400
    assert " ".join(text.split()) in cli(*search, "--full").out


def test_matching_words_are_bold_on_a_terminal(cli: Cli, in_workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    search = ("search", EINSTEIN, "--store", "store", "--mode", "bm25", "--top-k", 1)
    assert "\033" not in cli(*search).out
    monkeypatch.setattr("dpr_haystack.cli.search.is_terminal", lambda: True)
    assert "\033[1mEinstein\033[0m" in cli(*search).out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\033" not in cli(*search).out


@pytest.mark.parametrize("mode", ["bm25", "dpr", "hybrid"])
def test_a_filter_selects_before_the_search(cli: Cli, in_workspace: Path, mode: str) -> None:
    title = "Marie Curie"
    hits = asked(cli, EINSTEIN, "--mode", mode, "--filter", f'title == "{title}"')
    assert hits
    assert {hit["title"] for hit in hits} == {title}
    as_json = json.dumps({"field": "meta.title", "operator": "==", "value": title})
    assert hits == asked(cli, EINSTEIN, "--mode", mode, "--filter", as_json)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("title = 3", "equality is written =="),
        ('{"field": "meta.title"}', "operator"),
        ("title > [1]", "filter"),
    ],
)
def test_what_is_no_filter_is_refused(cli: Cli, in_workspace: Path, text: str, problem: str) -> None:
    ran = cli("search", EINSTEIN, "--store", "store", "--mode", "bm25", "--filter", text)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert problem in ran.err


def test_questions_line_by_line(cli: Cli, in_workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = "What is BWV 988?"
    for json_option in ((), ("--json",)):
        where = ("--store", "store", "--mode", "bm25", *json_option)
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{EINSTEIN}\n\n{other}\n"))
        ran = cli("search", "--interactive", *where)
        assert (ran.code, ran.err) == (0, "")
        single = [cli("search", question, *where).out for question in (EINSTEIN, other)]
        if json_option:
            assert [json.loads(line) for line in ran.out.splitlines()] == [json.loads(out) for out in single]
        else:
            assert ran.out == "".join(single)
    for arguments in ((), (EINSTEIN, "--interactive")):
        ran = cli("search", *arguments, "--store", "store")
        assert (ran.code, ran.err.count("\n")) == (2, 1)
        assert "--interactive" in ran.err


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["search", "who", "wrote", "dune", "--store", "s"], 'in quotes: "who wrote dune"'),
        (["ask", "--store", "s", "who", "wrote", "dune"], 'in quotes: "who wrote dune"'),
        (["search", "who?", "--store", "s", "--model", "m"], "--question-model m"),
    ],
)
def test_common_slips_are_explained(capsys: pytest.CaptureFixture[str], arguments: list[str], problem: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert problem in capsys.readouterr().err


def test_another_question_tower_can_be_named(cli: Cli, tmp_path: Path, tiny_models: tuple[Path, Path]) -> None:
    from dpr_haystack import DPRDocumentEmbedder

    store = FAISSDocumentStore(str(tmp_path / "store"), embedding_dim=None)
    vector = DPRDocumentEmbedder(str(tiny_models[0]), progress_bar=False).embed(["Darwin"])[0].tolist()
    store.write_documents([Document(content="Darwin", embedding=vector)])
    store.close()
    where = ("--store", tmp_path / "store")
    ran = cli("search", "darwin", *where)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "--question-model" in ran.err
    assert cli("search", "darwin", *where, "--question-model", tiny_models[0]).code == 0
    assert cli("search", "darwin", *where, "--mode", "bm25").code == 0


def test_progress_goes_to_the_screen_and_data_to_the_pipe(
    cli: Cli, in_workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a terminal on stderr, progress bars go there and stdout is still JSON."""
    screen, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    lines = (in_workspace / "questions.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "few.jsonl").write_text("".join(lines[:3]))
    with os.fdopen(terminal, "w") as drawn:
        with monkeypatch.context() as patched:
            patched.setattr("sys.stderr", drawn)
            ran = cli("evaluate", "--store", "store", "--questions", tmp_path / "few.jsonl", "--json")
        assert json.loads(ran.out)["questions"] == 3
        readable, _, _ = select.select([screen], [], [], 1)
        assert readable, "no progress bar was drawn"
        assert b"questions" in os.read(screen, 100_000)
    os.close(screen)


def test_a_reader_that_has_seen_enough_is_no_error(workspace_root: Path) -> None:
    """As `dpr-haystack search ... | head -1`: the pipe is closed before everything is written."""
    arguments = [
        "search",
        "the",
        "--store",
        str(workspace_root / "store"),
        "--mode",
        "bm25",
        "--top-k",
        "185",
        "--json",
    ]
    command = [sys.executable, "-m", "dpr_haystack.cli", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.read(1) in (b"[", b"")
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 0
    process.stderr.close()
