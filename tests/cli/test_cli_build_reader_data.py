# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`build-reader-data`: what it writes by each search, what it says, and what is left when it is killed."""

from __future__ import annotations

import gzip
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from haystack import Document

from dpr_haystack import FAISSDocumentStore
from dpr_haystack.core.answers import has_answer
from dpr_haystack.core.passages import passage_id
from dpr_haystack.workflows.training.reader_loading import load_reader_set
from support.interruption import signalled
from support.workspace import Ran

Cli = Callable[..., Ran]

RIVERS = {
    "Danube": "The Danube rises in the Black Forest and flows through Ulm.",
    "Rhine": "The Rhine flows through Basel and Cologne.",
    "Aare": "The river Aare flows through Bern, and into the Rhine at Koblenz.",
}


@pytest.fixture
def rivers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a store without vectors, and a file of SQuAD about its passages and another one."""
    store = FAISSDocumentStore(str(tmp_path / "store"), embedding_dim=4)
    store.write_documents(
        [Document(id=passage_id(name, text), content=text, meta={"title": name}) for name, text in RIVERS.items()]
    )
    store.close()
    asked = {"Danube": ("Which city is on the Danube?", "Ulm"), "Rhine": ("Which river is in Basel?", "Rhine")}
    elsewhere = {"Inn": ("Which river is in Innsbruck?", "Inn")}
    texts = {**RIVERS, "Inn": "The Inn flows through Innsbruck."}
    articles = []
    for title, (question, answer) in {**asked, **elsewhere}.items():
        answers = [{"text": answer, "answer_start": texts[title].index(answer)}]
        qas = [{"id": f"id-{title}", "question": question, "answers": answers}]
        articles.append({"title": title, "paragraphs": [{"context": texts[title], "qas": qas}]})
    (tmp_path / "squad.json").write_text(json.dumps({"version": "1.1", "data": articles}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines_of(path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


BUILD = ("build-reader-data", "squad.json", "--store", "store", "--by", "bm25", "--output")


def test_the_file_is_that_of_dpr_with_places_and_gold_passages(cli: Cli, rivers: Path) -> None:
    ran = cli(*BUILD, "r.jsonl", "--top-k", 2)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "3 of 3 questions in r.jsonl: 1.3 passages with an answer and 0.3 without per question",
        "  gold passages added that the search did not return: 1",
    ]
    danube, rhine, inn = lines_of("r.jsonl")
    assert {key: danube[key] for key in ("id", "question", "answers")} == {
        "id": "id-Danube",
        "question": "Which city is on the Danube?",
        "answers": ["Ulm"],
    }
    first = danube["ctxs"][0]
    assert float(first.pop("score")) > 0
    assert first == {
        "id": passage_id("Danube", RIVERS["Danube"]),
        "title": "Danube",
        "text": RIVERS["Danube"],
        "has_answer": True,
        "answer_spans": [[55, 58]],
        "annotated_spans": [[55, 58]],
    }
    assert [(each["title"], each["answer_spans"]) for each in rhine["ctxs"]] == [
        ("Rhine", [[4, 9]]),
        ("Aare", [[48, 53]]),
    ]
    assert (inn["ctxs"][0]["title"], "score" in inn["ctxs"][0]) == ("Inn", False)
    rows = load_reader_set(["r.jsonl"]).rows
    assert [[bool(each.annotated) for each in row.positives] for row in rows] == [[True], [True, False], [True]]


def test_only_what_was_retrieved_for_judging(cli: Cli, rivers: Path) -> None:
    ran = cli(*BUILD, "r.json.gz", "--retrieved-only")
    assert ran.out.splitlines()[1:] == [
        "  questions without an answer in their passages: 1, left out; --keep-unanswered keeps them"
    ]
    ran = cli(*BUILD, "r.json.gz", "--retrieved-only", "--keep-unanswered", "--max-negatives", 1)
    assert ran.out.splitlines()[1:] == [
        "  questions without an answer in their passages: 1, kept, marked as impossible"
    ]
    values = json.loads(gzip.decompress(Path("r.json.gz").read_bytes()))
    assert [value.get("is_impossible", False) for value in values] == [False, False, True]
    assert all(sum(not each["has_answer"] for each in value["ctxs"]) <= 1 for value in values)


def test_what_is_refused(cli: Cli, rivers: Path) -> None:
    before = (rivers / "squad.json").read_bytes()
    for arguments, message in (
        (("squad.json", "--output", "./squad.json"), "--output ./squad.json would replace the questions"),
        (("--output", "r.jsonl"), "give one file of questions"),
        (("squad.json", "--questions", "squad.json", "--output", "r.jsonl"), "give one file of questions"),
        (("squad.json", "--output", "r.jsonl", "--by", "dpr"), "dpr needs vectors"),
        (("squad.json", "--output", "no/r.jsonl", "--by", "bm25"), "no/r.jsonl: cannot be written"),
        (("squad.json", "--output", "r.jsonl", "--model", "m"), "--question-model m"),
    ):
        ran = cli("build-reader-data", *arguments, "--store", "store")
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
        assert message in ran.err
    (rivers / "other.jsonl").write_text('{"question": "Who wrote Dune?", "answers": ["Herbert"]}\n')
    (rivers / "r.jsonl").write_text("old")
    ran = cli("build-reader-data", "other.jsonl", "--store", "store", "--by", "bm25", "--output", "r.jsonl")
    assert (ran.code, ran.out) == (2, "")
    assert "do the questions belong to these passages?" in ran.err
    assert (rivers / "r.jsonl").read_text() == "old"
    assert (rivers / "squad.json").read_bytes() == before
    assert sorted(path.name for path in rivers.iterdir()) == ["other.jsonl", "r.jsonl", "squad.json", "store"]


@pytest.mark.slow
def test_half_a_file_is_never_there(cli: Cli, rivers: Path) -> None:
    asked = [
        {"id": str(number), "question": "Which city is on the Danube?", "answers": ["Ulm"]} for number in range(200)
    ]
    (rivers / "many.jsonl").write_text("\n".join(map(json.dumps, asked)))
    build = ("build-reader-data", "many.jsonl", "--store", "store", "--by", "bm25", "--output", "r.jsonl")
    (rivers / "r.jsonl").write_text("old")
    assert signalled(signal.SIGKILL, 2, *build, cwd=rivers).returncode == -signal.SIGKILL
    assert (rivers / "r.jsonl").read_text() == "old"
    assert cli(*build).code == 0
    assert [each["id"] for each in lines_of("r.jsonl")] == [str(number) for number in range(200)]


@pytest.mark.parametrize("by", ["bm25", "dpr", "hybrid"])
def test_every_search_finds_what_search_finds(cli: Cli, own_workspace: Path, by: str) -> None:
    ran = cli(
        "build-reader-data", "questions.jsonl", "--store", "store", "--output", "r.jsonl", "--by", by, "--limit", 4
    )
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("4 of 4 questions in r.jsonl: ")
    values = lines_of("r.jsonl")
    assert len(values) == 4
    for value in values:
        found = json.loads(
            cli("search", value["question"], "--store", "store", "--mode", by, "--json", "--top-k", 100).out
        )
        assert [each["id"] for each in value["ctxs"]] == [hit["id"] for hit in found]
        assert [float(each["score"]) for each in value["ctxs"]] == pytest.approx([hit["score"] for hit in found])
        assert all(each["has_answer"] == has_answer(value["answers"], each["text"]) for each in value["ctxs"])
