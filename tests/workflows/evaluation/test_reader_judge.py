# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Judging a reader on real questions: exact match, F1, and causes of wrong answers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from itertools import islice, product
from pathlib import Path
from typing import Any

import pytest
from haystack import Document

from dpr_haystack import DPRReader, FAISSDocumentStore
from dpr_haystack.backends.registry import search_over
from dpr_haystack.core.answers import exact_match, f1
from dpr_haystack.core.intervals import bootstrap_interval
from dpr_haystack.errors import InputError
from dpr_haystack.formats.question import Question
from dpr_haystack.formats.questions import read_questions
from dpr_haystack.workflows.evaluation.evaluate import EvaluationOptions, evaluate
from dpr_haystack.workflows.evaluation.reader_judge import JudgedAnswer, ReadingJudge
from support.reader_training import DEV, TRAIN
from support.workspace import Ran

Cli = Callable[..., Ran]


@pytest.fixture(scope="module")
def squad(workspace_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the paragraphs of the questions in `tests/data`."""
    from dpr_haystack.cli import main

    store = tmp_path_factory.mktemp("squad") / "store"
    assert main(["index", str(TRAIN), str(DEV), "--store", str(store), "--model", str(workspace_root / "model")]) == 0
    return store


def evaluated(cli: Cli, store: Path, reader: Path, *arguments: object) -> dict[str, Any]:
    ran = cli("evaluate", "--store", store, "--questions", DEV, "--reader", reader, "--json", *arguments)
    assert ran.code == 0, ran.err
    return dict(json.loads(ran.out)["systems"])


@pytest.mark.slow
def test_a_minute_of_training_is_worth_five_times_the_f1(
    cli: Cli, squad: Path, readers: tuple[Path, Path], tmp_path: Path
) -> None:
    before, after = (evaluated(cli, squad, reader, "--passages", 5) for reader in readers)
    for system in ("bm25", "dpr", "hybrid"):
        untrained, trained = before[system]["reader"]["5"], after[system]["reader"]["5"]
        assert trained["f1"] >= 5 * untrained["f1"], (system, trained["f1"], untrained["f1"])
        assert trained["f1_interval"][0] > untrained["f1_interval"][1]


@pytest.mark.slow
def test_every_figure_follows_from_the_answers(
    cli: Cli, squad: Path, readers: tuple[Path, Path], tmp_path: Path
) -> None:
    output = tmp_path / "answers.jsonl"
    options = ("--passages", 2, 8, "--limit", 30, "--output", output, "--predictions", tmp_path / "predictions.json")
    report = evaluated(cli, squad, readers[1], *options)
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert len(lines) == 30 * 3 * 2
    ids = [question.id for question in islice(read_questions(DEV), 30)]
    for system, read in product(("bm25", "dpr", "hybrid"), (2, 8)):
        predictions = json.loads((tmp_path / f"predictions.{system}-{read}.json").read_text())
        assert list(predictions) == ids
        mine = [line for line in lines if (line["system"], line["passages"]) == (system, read)]
        assert predictions == {line["id"]: line["prediction"] for line in mine}
    store = FAISSDocumentStore.from_directory(squad)
    texts = {document.id: document.content or "" for document in store.filter_documents()}
    store.close()
    for system, told in report.items():
        for count in ("2", "8"):
            mine = [line for line in lines if (line["system"], line["passages"]) == (system, int(count))]
            matches = [100 * exact_match(line["prediction"], line["answers"]) for line in mine]
            overlaps = [100 * f1(line["prediction"], line["answers"]) for line in mine]
            figures = told["reader"][count]
            assert figures["questions"] == len(mine) == 30
            assert figures["exact_match"] == pytest.approx(sum(matches) / 30)
            assert figures["f1"] == pytest.approx(sum(overlaps) / 30)
            assert tuple(figures["f1_interval"]) == pytest.approx(bootstrap_interval(overlaps))
            assert figures["exact_match"] + sum(figures["lost_to"].values()) == pytest.approx(100)
            lost = Counter(line["lost_to"] for line in mine)
            assert {name: 100 * lost[name] / 30 for name in figures["lost_to"]} == pytest.approx(figures["lost_to"])
            for line in mine:
                assert line["prediction"] in texts[line["document_id"]]
                if line["lost_to"] == "span":
                    assert any(answer in texts[line["document_id"]] for answer in line["answers"])


@pytest.mark.slow
def test_the_table_says_the_same(cli: Cli, squad: Path, readers: tuple[Path, Path]) -> None:
    options = ("--passages", 3, "--limit", 12, "--modes", "bm25")
    figures = evaluated(cli, squad, readers[1], *options)
    assert list(figures) == ["bm25"]
    told = figures["bm25"]["reader"]["3"]
    ran = cli("evaluate", "--store", squad, "--questions", DEV, "--reader", readers[1], *options)
    row, _, judged = ran.out.splitlines()[-3:]
    assert judged.startswith("12 of 12 questions can be judged")
    low, high = told["exact_match_interval"]
    assert row.split()[:4] == ["bm25", "3", f"{told['exact_match']:.1f}", f"({low:.1f}-{high:.1f})"]
    assert [float(cell) for cell in row.split()[-3:]] == [
        pytest.approx(value, abs=0.05) for value in told["lost_to"].values()
    ]


@pytest.fixture
def planets(tmp_path: Path) -> FAISSDocumentStore:
    """Passages for one question in a known BM25 order."""
    store = FAISSDocumentStore(str(tmp_path / "planets"), embedding_dim=None)
    texts = {
        "wrong": "Planet planet planet red and cold.",
        "right": "The red planet of old is named Mars, a planet of dust.",
        "other": "Nothing is like a whale.",
    }
    store.write_documents([Document(id=name, content=text) for name, text in texts.items()])
    return store


@pytest.mark.parametrize(
    ("answers", "passages", "expected"),
    [
        (("Jupiter",), 2, "retrieval"),
        (("Mars",), 1, "retrieval"),
        (("red and cold planet", "Planet planet planet red and"), 1, "span"),
    ],
)
def test_where_an_answer_is_lost(
    planets: FAISSDocumentStore, readers: tuple[Path, Path], answers: tuple[str, ...], passages: int, expected: str
) -> None:
    judged: list[JudgedAnswer] = []
    judge = ReadingJudge(search_over(planets), DPRReader(str(readers[0])), [passages], ["bm25"], record=judged.append)
    evaluate(search_over(planets), [Question("Which planet is red?", answers)], None, reading=judge)
    (one,) = judged
    assert planets.bm25_retrieval("Which planet is red?", 2)[0].id == "wrong"
    if not one.exact_match:
        assert one.lost_to == expected
    planets.close()


def test_selection_is_to_blame_when_the_answer_comes_from_a_passage_without_it(
    planets: FAISSDocumentStore, readers: tuple[Path, Path]
) -> None:
    """Whichever passage the untrained reader prefers, it lacks exactly one of the two gold answers."""
    lost = set()
    for answer in ("Mars", "cold"):
        judged: list[JudgedAnswer] = []
        judge = ReadingJudge(search_over(planets), DPRReader(str(readers[0])), [2], ["bm25"], record=judged.append)
        evaluate(search_over(planets), [Question("Which planet is red?", (answer,))], None, reading=judge)
        lost.add(judged[0].lost_to)
    assert "selection" in lost
    assert "retrieval" not in lost
    planets.close()


def test_patterns_judge_the_beginning_of_an_answer(planets: FAISSDocumentStore, readers: tuple[Path, Path]) -> None:
    found: dict[str, JudgedAnswer] = {}
    for pattern in (r"\w+", "nowhere|(", "no-?thing"):
        judged: list[JudgedAnswer] = []
        reader = DPRReader(str(readers[0]))
        judge = ReadingJudge(search_over(planets), reader, [2], ["bm25"], match="regex", record=judged.append)
        questions = [Question("Which planet is red?", (pattern,))]
        evaluate(search_over(planets), questions, None, EvaluationOptions(match="regex"), reading=judge)
        (found[pattern],) = judged
    right, *wrong = found.values()
    assert (right.exact_match, right.f1, right.lost_to) == (100.0, 100.0, None)
    assert [(each.exact_match, each.f1, each.lost_to) for each in wrong] == [(0.0, 0.0, "retrieval")] * 2
    planets.close()


def test_what_cannot_be_judged(planets: FAISSDocumentStore, readers: tuple[Path, Path]) -> None:
    reader = DPRReader(str(readers[0]))
    for passages in ([], [0, 3]):
        with pytest.raises(InputError, match=r"must be at least 1: got \["):
            ReadingJudge(search_over(planets), reader, passages, ["bm25"])
    judge = ReadingJudge(search_over(planets), reader, [2], ["bm25"])
    with pytest.raises(InputError, match="no question has any"):
        evaluate(search_over(planets), [Question("Which?", (), ("right",))], None, reading=judge)
    with pytest.raises(InputError, match="needs vectors"):
        evaluate(search_over(planets), [Question("Which?", ("Mars",))], None, EvaluationOptions(systems=["dpr"]))
    with pytest.raises(InputError, match="got 'magic'"):
        evaluate(search_over(planets), [Question("Which?", ("Mars",))], None, EvaluationOptions(systems=["magic"]))
    planets.close()


def test_output_needs_a_reader_and_spares_the_questions(
    cli: Cli, squad: Path, readers: tuple[Path, Path], tmp_path: Path
) -> None:
    questions = tmp_path / "questions.jsonl"
    questions.write_text(json.dumps({"question": "Who?", "answers": ["x"]}))
    before = questions.read_text()
    base = ("evaluate", "--store", squad, "--questions", questions)
    for arguments, message in (
        (("--output", tmp_path / "out"), "--reader"),
        (("--predictions", tmp_path / "out"), "--predictions is for the answers of a reader"),
        (("--output", questions, "--reader", readers[0]), "would replace the questions"),
        (("--output", tmp_path / "nowhere" / "out", "--reader", readers[0]), "cannot be written"),
    ):
        ran = cli(*base, *arguments)
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
        assert message in ran.err
    assert questions.read_text() == before
