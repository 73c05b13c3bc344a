# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`build-training-data` and `mine` on the quickstart's passages and questions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dpr_haystack.core.answers import has_answer
from dpr_haystack.formats.training import read_training
from support.workspace import Ran

pytestmark = pytest.mark.slow

Cli = Callable[..., Ran]


def test_from_questions_to_mined_examples(cli: Cli, own_workspace: Path) -> None:
    ran = cli("build-training-data", "questions.jsonl", "--store", "store", "--output", "train.jsonl", "--count", 2)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(
        "40 examples from 40 questions in train.jsonl: the positives are 40 gold passages, 0 pieces of gold "
    )
    assert " selected as hard negatives\n  excluded: " in ran.out
    built = list(read_training("train.jsonl"))
    assert len(built) == 40
    for example in built:
        assert example.meta["provenance"] == "gold"
        assert len(example.hard_negatives) <= 2
        for passage in example.hard_negatives:
            assert not has_answer(example.answers, passage.text)
            assert passage.meta["source"] == "bm25"
    ran = cli(
        *("mine", "train.jsonl", "--store", "store", "--output", "mined.json.gz", "--source", "dpr", "--keep"),
        *("--count", 3, "--first-rank", 2, "--last-rank", 50, "--margin", 0.9),
    )
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("40 examples in mined.json.gz\n")
    assert "  excluded: " in ran.out
    mined = list(read_training("mined.json.gz"))
    assert [each.question for each in mined] == [each.question for each in built]
    dense = [passage for each in mined for passage in each.hard_negatives if passage.meta["source"] == "dpr"]
    assert dense
    assert all(2 <= passage.meta["rank"] <= 50 for passage in dense)
    for before, after in zip(built, mined, strict=True):
        assert {passage.id for passage in before.hard_negatives} <= {passage.id for passage in after.hard_negatives}


def test_a_gold_paragraph_is_mapped_into_the_pieces_of_the_index(cli: Cli, own_workspace: Path) -> None:
    words = (
        "The river Aare rises from glaciers " + "and flows on and on " * 30 + "until it reaches the town of Koblenz."
    )
    asked = [{"id": "q", "question": "Which town does it reach?", "answers": [{"text": "Koblenz", "answer_start": 0}]}]
    squad = {"version": "1", "data": [{"title": "Aare", "paragraphs": [{"context": words, "qas": asked}]}]}
    (own_workspace / "squad.json").write_text(json.dumps(squad))
    (own_workspace / "aare.txt").write_text(words)
    assert cli("index", "aare.txt", "--store", "store").code == 0
    ran = cli("build-training-data", "squad.json", "--store", "store", "--output", "train.json")
    assert ran.out.startswith("1 examples from 1 questions in train.json: the positives are 0 gold passages, 1 pieces")
    (example,) = read_training("train.json")
    assert example.positives[0].text.endswith("the town of Koblenz.")
    assert len(example.positives[0].text) < len(words)


def test_bad_records_and_settings(cli: Cli, own_workspace: Path) -> None:
    (own_workspace / "bad.jsonl").write_text('{"question": "q", "positive_ctxs": []}\nnonsense\n')
    ran = cli("mine", "bad.jsonl", "--store", "store", "--output", "out.json")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "line 1" in ran.err
    assert not (own_workspace / "out.json").exists()
    ran = cli("mine", "bad.jsonl", "--store", "store", "--output", "out.json", "--skip-bad")
    assert ran.code == 0
    assert ran.out.startswith("0 examples in out.json\n")
    assert [line.split(":")[0] for line in ran.err.splitlines()] == ["skipped"] * 2 + ["2 bad records skipped"]
    ran = cli("mine", "bad.jsonl", "--store", "store", "--output", "out.json", "--first-rank", 9, "--last-rank", 5)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "got 9 to 5" in ran.err
    assert cli("mine", "nowhere.jsonl", "--store", "store", "--output", "out.json").code == 2


def test_columns_are_mined_too(cli: Cli, own_workspace: Path) -> None:
    (own_workspace / "pairs.csv").write_text("question,positive\nwho wrote Dune?,Frank Herbert wrote it.\n")
    ran = cli("mine", "pairs.csv", "--store", "store", "--output", "mined.jsonl", "--count", 2)
    taken = "questions are in 'question'; positives in 'positive'; columns question, positive (named in the first line)"
    assert (ran.code, ran.err) == (
        0,
        f"pairs.csv: {taken}; quotes quote fields; --columns and --quoting change this\n",
    )
    (example,) = read_training("mined.jsonl")
    assert example.positives[0].text == "Frank Herbert wrote it."
    assert len(example.hard_negatives) == 2


def test_columns_and_quoting_overrule_what_a_table_looks_like(cli: Cli, own_workspace: Path) -> None:
    (own_workspace / "pairs.tsv").write_text('Frank "F" Herbert wrote it.\t"who" wrote Dune?\n')
    mine = ("mine", "pairs.tsv", "--store", "store", "--output", "mined.jsonl")
    ran = cli(*mine, "--columns", "positive, question", "--quoting", "none")
    assert (ran.code, ran.err.count("\n")) == (0, 1)
    assert "columns positive, question (no names in the first line); quotes are part of the text; --columns" in ran.err
    (example,) = read_training("mined.jsonl")
    assert (example.question, example.positives[0].text) == ('"who" wrote Dune?', 'Frank "F" Herbert wrote it.')

    (own_workspace / "asked.tsv").write_text('["Frank Herbert"]\t"who" wrote Dune?\n')
    build = ("build-training-data", "asked.tsv", "--store", "store", "--output", "train.jsonl")
    ran = cli(*build, "--columns", "answers,question", "--quoting", "none")
    assert (ran.code, ran.err.count("\n")) == (0, 1)
    assert ran.err.startswith("asked.tsv: columns answers, question (no names in the first line); quotes are part of ")
    assert [each.question for each in read_training("train.jsonl")] == ['"who" wrote Dune?']


@pytest.mark.parametrize("option", [("--columns", "question,positive"), ("--quoting", "csv")])
def test_columns_and_quoting_are_for_tables(cli: Cli, own_workspace: Path, option: tuple[str, str]) -> None:
    def refused(*arguments: object) -> str:
        ran = cli(*arguments, "--store", "store", *option)
        assert (ran.code, ran.out) == (2, "")
        said, got = ran.err.split(" are for TSV and CSV files: got ")
        assert said == f"dpr-haystack {arguments[0]}: --columns and --quoting"
        return got

    (own_workspace / "train.jsonl").write_text('{"query": "who", "pos": ["A text."]}\n')
    (own_workspace / "beir" / "qrels").mkdir(parents=True)
    for name in ("corpus.jsonl", "queries.jsonl"):
        (own_workspace / "beir" / name).write_text("")
    assert refused("mine", "train.jsonl", "--output", "out.jsonl") == "train.jsonl\n"
    for asked in ("questions.jsonl", "beir"):
        assert refused("build-training-data", asked, "--output", "out.jsonl") == f"{asked}\n"
        assert refused("evaluate", "--questions", asked) == f"{asked}\n"
    assert refused("build-training-data", "--pseudo", "title", "--output", "out.jsonl") == "--pseudo\n"
    assert refused("fit-hybrid", "--questions", "questions.jsonl") == "questions.jsonl\n"
    assert refused("index", "questions.jsonl", "train.jsonl") == "questions.jsonl, train.jsonl\n"
