# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack ask`: answers with their sources, and messages if there is none."""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from haystack import Document

from dpr_haystack import DPRHybridRetriever, DPRReader, FAISSDocumentStore
from dpr_haystack.cli import make_parser
from dpr_haystack.cli.ask import as_text
from dpr_haystack.workflows.asking import FoundAnswer, Reply, SearchRank
from support.workspace import Ran

pytestmark = pytest.mark.slow

Cli = Callable[..., Ran]
QUESTION = "Where was Albert Einstein born?"


def asked(cli: Cli, *arguments: object) -> list[dict[str, Any]]:
    ran = cli("ask", *arguments, "--store", "store", "--json")
    assert (ran.code, ran.err) == (0, "")
    return [json.loads(line) for line in ran.out.splitlines()]


def contents(store: str = "store") -> dict[str, Document]:
    opened = FAISSDocumentStore.from_directory(store)
    found = {document.id: document for document in opened.filter_documents()}
    opened.close()
    return found


@pytest.mark.parametrize("mode", ["bm25", "dpr", "hybrid"])
def test_json_has_the_places_of_the_answers(cli: Cli, in_answering: Path, mode: str) -> None:
    (reply,) = asked(cli, QUESTION, "--mode", mode, "--top-k", 4)
    assert list(reply) == ["question", "answers"]
    assert reply["question"] == QUESTION
    assert 1 <= len(reply["answers"]) <= 4
    kept = contents()
    for answer in reply["answers"]:
        fields = ["answer", "score", "document_id", "start", "end", "title", "file", "page_number"]
        assert list(answer) == fields
        document = kept[answer["document_id"]]
        assert (answer["file"], answer["page_number"]) == (document.meta["file"], None)
        assert (document.content or "")[answer["start"] : answer["end"]] == answer["answer"]
        assert answer["title"] == document.meta["title"]
        assert 0 <= answer["score"] <= 1


def test_it_is_what_retriever_and_reader_give(cli: Cli, in_answering: Path) -> None:
    (reply,) = asked(cli, QUESTION)
    store = FAISSDocumentStore.from_directory("store")
    documents = DPRHybridRetriever(store, "model", top_k=20).run(QUESTION)["documents"]
    expected = DPRReader("model", top_k=3).run(QUESTION, documents)["answers"]
    store.close()
    assert [(each["answer"], each["document_id"]) for each in reply["answers"]] == [
        (each.data, each.document.id) for each in expected
    ]
    assert [each["score"] for each in reply["answers"]] == pytest.approx([each.score for each in expected], abs=1e-6)


def test_text_shows_the_sentence_and_what_was_thought_of_it(cli: Cli, in_answering: Path) -> None:
    (reply,) = asked(cli, QUESTION)
    ran = cli("ask", QUESTION, "--store", "store")
    assert (ran.code, ran.err) == (0, "")
    first, *rest = ran.out.splitlines()
    assert first == QUESTION
    store = FAISSDocumentStore.from_directory("store")
    words = {hit.id: rank for rank, hit in enumerate(store.bm25_retrieval(QUESTION, 100), 1)}
    store.close()
    heads = [line for line in rest if re.match(r" +\d+\. ", line)]
    assert len(heads) == len(reply["answers"])
    for rank, (head, answer) in enumerate(zip(heads, reply["answers"], strict=True), 1):
        assert head == f"{rank:>3}. {answer['answer']}  ({answer['score']:.2f})"
        sentence, thoughts = rest[rest.index(head) + 1 :][:2]
        assert f"[{answer['answer']}]" in sentence
        plain = sentence.strip().replace("[", "").replace("]", "")
        assert plain in " ".join((contents()[answer["document_id"]].content or "").split("\n"))
        assert thoughts.strip().startswith(f"{answer['title']} ({answer['file']}) - BM25: ")
        place = words.get(answer["document_id"])
        assert (f"BM25: rank {place} (" if place else "BM25: not found") in thoughts
        assert "DPR: rank " in thoughts


def test_questions_come_line_by_line(cli: Cli, in_answering: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    questions = [QUESTION, "What is BWV 988?", "who wrote Dune?"]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join([questions[0], "", *questions[1:]])))
    replies = asked(cli)
    assert [reply["question"] for reply in replies] == questions
    assert replies[1] == asked(cli, questions[1])[0]
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert asked(cli) == []


def test_what_is_no_text_is_no_end(cli: Cli, in_answering: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("who \udcff wrote Dune?\nWhat is BWV 988?\n"))
    first, second = asked(cli)
    assert first["question"] == "who \ufffd wrote Dune?"
    assert second["answers"]


def test_a_model_that_has_moved_is_said_and_not_a_missing_reader(
    cli: Cli, answering_root: Path, tmp_path: Path, readers: tuple[Path, Path]
) -> None:
    shutil.copytree(answering_root / "store", tmp_path / "store")
    store = FAISSDocumentStore.from_directory(tmp_path / "store")
    store.record_encoder("/nowhere/at/all")
    store.close()
    ran = cli("ask", QUESTION, "--store", tmp_path / "store")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "/nowhere/at/all" in ran.err
    assert "does not exist any more" in ran.err
    assert "answering needs a reader" not in ran.err
    assert cli("ask", QUESTION, "--store", tmp_path / "store", "--reader", readers[1], "--mode", "bm25").code == 0


def test_no_reader_is_said_plainly(cli: Cli, in_workspace: Path) -> None:
    ran = cli("ask", QUESTION, "--store", "store")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "answering needs a reader" in ran.err
    assert "--reader" in ran.err
    assert "dpr-haystack search" in ran.err


def test_a_reader_by_name(cli: Cli, in_workspace: Path, readers: tuple[Path, Path]) -> None:
    (reply,) = asked(cli, QUESTION, "--reader", readers[1], "--mode", "bm25", "--passages", 3)
    assert reply["answers"]
    ran = cli("ask", QUESTION, "--store", "store", "--reader", "model/question")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "is not a reader but an encoder" in ran.err


def test_nothing_to_read_is_said_plainly(cli: Cli, in_answering: Path, tmp_path: Path) -> None:
    ran = cli("ask", "qqq xyzzy", "--store", "store", "--mode", "bm25")
    assert (ran.code, ran.out) == (0, "qqq xyzzy\n  no passages found\n\n")
    assert asked(cli, "qqq xyzzy", "--mode", "bm25") == [{"question": "qqq xyzzy", "answers": []}]
    store = FAISSDocumentStore(str(tmp_path / "blank"))
    store.write_documents([Document(id="1", content="", meta={"title": "tree"})])
    store.close()
    ran = cli("ask", "tree", "--store", tmp_path / "blank", "--mode", "bm25", "--reader", "model")
    assert (ran.code, ran.out) == (0, "tree\n  no answer found in 1 passages\n\n")


@pytest.mark.parametrize(("no_answer", "min_probability"), [(0.1, 0.1), (0.7, 0.1), (0.1, 0.5)])
def test_no_good_answer_is_said_plainly(no_answer: float, min_probability: float) -> None:
    document = Document(id="1", content="First. It grew in\nUlm. Last.", meta={"title": "T"})
    thoughts = {"bm25": SearchRank(3, 7.25), "dpr": SearchRank(None, None)}
    reply = Reply("Where?", [FoundAnswer("Ulm", 0.4, document, 18, 21, thoughts)], no_answer, 20, min_probability)
    assert reply.is_good == (no_answer < 0.4 and min_probability < 0.4)
    first, *lines = as_text(reply).splitlines()
    warning = f"  no good answer in 20 passages (probability of no answer: {no_answer:.2f}); the most probable ones:"
    assert first == "Where?"
    assert lines[: len(lines) - 3] == ([] if reply.is_good else [warning])
    assert lines[-3:] == [
        *("  1. Ulm  (0.40)", "     It grew in [Ulm].", "     T - BM25: rank 3 (7.250), DPR: not found"),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("",), "question is empty"),
        ((" ", "--mode", "bm25"), "question is empty"),
        (("q", "--passages", "0"), "must be an integer of at least 1: got '0'"),
        (("q", "--retriever-weight", "-1"), "retriever_weight"),
        (("q", "--reader", "nobody/nothing"), "nobody/nothing"),
        (("q", "--rank-by", "magic"), "magic"),
    ],
)
def test_bad_input(cli: Cli, in_answering: Path, arguments: tuple[str, ...], message: str) -> None:
    ran = cli("ask", *arguments, "--store", "store")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert message in ran.err


@pytest.mark.parametrize("option", ["--min-probability", "--least"])
def test_the_old_name_of_the_minimum_probability_is_still_accepted(option: str) -> None:
    parsed = make_parser().parse_args(["ask", "q", "--store", "store", option, "0.25"])
    assert parsed.min_probability == 0.25
