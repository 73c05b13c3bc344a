# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Columns and quoting that the user gives, in files of questions and of training examples."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from dpr_haystack.errors import DataError, InputError
from dpr_haystack.formats import Question, TableOptions, read_questions
from dpr_haystack.formats.examples import ExampleFile, read_examples


def asked(path: Path, content: str, **options: object) -> tuple[list[tuple[str, str, tuple[str, ...]]], list[str]]:
    """The ids, questions and answers, and what was said about the file."""
    path.write_text(content, encoding="utf-8")
    said: list[str] = []
    tables = TableOptions(**options, on_decision=said.append)  # type: ignore[arg-type]
    return [(each.id, each.question, each.answers) for each in read_questions(path, tables=tables)], said


def trained(path: Path, content: str, **options: object) -> list[tuple[str, str, tuple[str, ...]]]:
    """The questions, first positives and hard negatives."""
    path.write_text(content, encoding="utf-8")
    read = read_examples(path, tables=TableOptions(**options))  # type: ignore[arg-type]
    return [
        (each.question, each.positives[0].text, tuple(passage.text for passage in each.hard_negatives)) for each in read
    ]


ROWS = "['a']\twho\n['b', 'c']\twhat now\n"
READ = [("1", "who", ("a",)), ("2", "what now", ("b", "c"))]


@pytest.mark.parametrize("first", ["", "Antworten\tFrage\n", "answers\tQuestion\n"])
@pytest.mark.parametrize("name", ["q.tsv", "q.txt", "q.csv"])
def test_columns_of_questions(tmp_path: Path, name: str, first: str) -> None:
    read, said = asked(tmp_path / name, first + ROWS, columns=("Answers", "question"))
    assert read == READ
    place = "named in" if first else "no names in"
    quotes = "quotes are part of the text"
    decision = f"columns answers, question ({place} the first line); {quotes}; --columns and --quoting change this"
    assert said == [f"{tmp_path / name}: {decision}"]


def test_columns_of_csv_and_of_lines_that_look_like_something_else(tmp_path: Path) -> None:
    read, _ = asked(tmp_path / "q.csv", "1,what is it,a\n2,who,\n", columns=("id", "question", "answer"))
    assert read == [("1", "what is it", ("a",)), ("2", "who", ())]
    qrels = "q1\t0\t7\t1\nq2\t0\t8\t1\n"
    with pytest.raises(DataError, match="qrels"):
        asked(tmp_path / "q.tsv", qrels)
    read, _ = asked(tmp_path / "q.tsv", qrels, columns=("id", "", "question", "answer"))
    assert read == [("q1", "7", ("1",)), ("q2", "8", ("1",))]


def test_words_below_each_other_are_no_names(tmp_path: Path) -> None:
    read, _ = asked(tmp_path / "q.tsv", "q1\tdune\nq2\tthe film\n", columns=("id", "query"))
    assert [id_ for id_, _, _ in read] == ["q1", "q2"]


QUOTED = '"who"\t"[""a""]"\n'


def test_quoting_of_questions(tmp_path: Path) -> None:
    assert asked(tmp_path / "q.tsv", QUOTED) == asked(tmp_path / "q.tsv", QUOTED, quoting="csv")
    read, said = asked(tmp_path / "q.tsv", '"who"\t["a"]\n' * 2, quoting="none")
    assert read == [("1", '"who"', ("a",)), ("2", '"who"', ("a",))]
    assert "columns question, answers (no names in the first line); quotes are part of the text; " in said[0]
    patterns = '1\tx\tsaid "it"\tp\n2\tx\t"who"\tq\n'
    read, said = asked(tmp_path / "q.tsv", patterns)
    assert read == [("1", 'said "it"', ("p",)), ("2", '"who"', ("q",))]
    assert "columns id, type, question, pattern (no names in the first line); quotes are part of the text" in said[0]
    assert asked(tmp_path / "q.tsv", patterns, quoting="csv")[0][1] == ("2", "who", ("q",))
    with pytest.raises(InputError, match="quoting must be one of csv, none: got 'all'"):
        asked(tmp_path / "q.tsv", patterns, quoting="all")


def test_four_named_columns_are_quoted_as_any_table(tmp_path: Path) -> None:
    path = tmp_path / "q.tsv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerow(["id", "question", "answers", "passage_ids"])
        writer.writerow(["7", 'who said "hi"?', json.dumps(["Ann", "Bob"]), json.dumps(["p"])])
    assert list(read_questions(path)) == [Question('who said "hi"?', ("Ann", "Bob"), ("p",), "7")]


@pytest.mark.parametrize(("option", "value"), [("columns", ("id", "question")), ("quoting", "none")])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("q.json", '[{"question": "who"}]'),
        ("q.jsonl", '{"question": "who"}'),
        ("q.txt", '{"question": "who"}\n{"question": "what"}'),
        ("q.txt", "<top><num>1<title>who</top>"),
    ],
)
def test_questions_in_no_table(tmp_path: Path, name: str, content: str, option: str, value: object) -> None:
    assert asked(tmp_path / name, content)[1] == []
    with pytest.raises(InputError, match=rf"--columns and --quoting are for TSV and CSV files: got .*{name}"):
        asked(tmp_path / name, content, **{option: value})


def test_columns_that_are_no_columns(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"columns: one must be the question \(one of question, query, .*got id, was"):
        asked(tmp_path / "q.tsv", ROWS, columns=("id", "was"))
    with pytest.raises(InputError, match="columns: each name may occur once: got question, Question"):
        asked(tmp_path / "q.tsv", ROWS, columns=("question", "Question"))
    with pytest.raises(DataError, match=r"line 1: must have 3 columns, id, question, answers: got 2"):
        asked(tmp_path / "q.tsv", ROWS, columns=("id", "question", "answers"))
    with pytest.raises(InputError, match=r"columns: the column of the positive must be one of .*: got question, x"):
        trained(tmp_path / "t.tsv", ROWS, columns=("question", "x"))


PAIRS = "A text.\twhat is it\tAnother one.\nA film.\twho\t\n"
EXAMPLES = [("what is it", "A text.", ("Another one.",)), ("who", "A film.", ())]


@pytest.mark.parametrize("first", ["", "Text\tFrage\tfalsch\n", "pos\tquery\tneg\n"])
@pytest.mark.parametrize("name", ["t.tsv", "t.csv"])
def test_columns_of_training_files(tmp_path: Path, name: str, first: str) -> None:
    columns = ("positive", "question", "negative")
    assert trained(tmp_path / name, first + PAIRS, columns=columns) == EXAMPLES
    file = ExampleFile(tmp_path / name, tables=TableOptions(columns))
    assert len(list(file)) == 2
    place = "named in" if first else "no names in"
    assert f"; columns positive, question, negative ({place} the first line); quotes are part of" in file.notes[0]


def test_quoting_of_training_files(tmp_path: Path) -> None:
    content = 'query\tpos\n"who"\t"A text."\n'
    assert trained(tmp_path / "t.tsv", content) == [("who", "A text.", ())]
    assert trained(tmp_path / "t.tsv", content, quoting="none") == [('"who"', '"A text."', ())]


def test_training_examples_in_no_table(tmp_path: Path) -> None:
    content = json.dumps({"query": "who", "pos": ["A text."]})
    assert trained(tmp_path / "t.jsonl", content) == [("who", "A text.", ())]
    for options in ({"columns": ("query", "pos")}, {"quoting": "csv"}):
        with pytest.raises(InputError, match=r"--columns and --quoting are for TSV and CSV files: got .*t\.jsonl"):
            trained(tmp_path / "t.jsonl", content, **options)
