# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Sets of questions: rows of one question, BEIR folders, and questions with qrels."""

from __future__ import annotations

from pathlib import Path

import pytest

from dpr_haystack.core.passages import make_passage
from dpr_haystack.errors import DataError, InputError
from dpr_haystack.formats.beir import write_beir
from dpr_haystack.formats.question import Question
from dpr_haystack.workflows.question_sets import QuestionSource, load_questions, merged


def numbered(number: int, question: str, answers: tuple[str, ...], gold: tuple[str, ...]) -> Question:
    return Question(question, answers, gold, str(number), is_numbered=True)


def test_rows_without_ids_are_one_question() -> None:
    rows = [
        numbered(1, "Who?", ("a", "b"), ("1",)),
        numbered(2, "other?", ("x",), ()),
        numbered(3, "who? ", ("b", "c"), ("2", "1")),
    ]
    assert merged(rows) == [Question("Who?", ("a", "b", "c"), ("1", "2"), "1"), Question("other?", ("x",), (), "2")]


def test_rows_with_ids_stay_and_share_gold_passages() -> None:
    rows = [
        Question("Who?", ("a",), ("1",), "q1"),
        Question("other?", ("x",), ("9",), "q2"),
        Question("WHO?", ("c",), ("2",), "q3"),
        Question("Who?", ("d",), ("3",), "q1"),
    ]
    assert merged(rows) == [
        Question("Who?", ("a", "d"), ("1", "3", "2"), "q1"),
        Question("other?", ("x",), ("9",), "q2"),
        Question("WHO?", ("c",), ("2", "1", "3"), "q3"),
    ]


def test_a_file_of_questions(tmp_path: Path) -> None:
    path = tmp_path / "q.tsv"
    path.write_text("who?\t['a']\nwhere?\t['b']\nwho?\t['c']\n")
    assert [each.answers for each in load_questions(QuestionSource(path))] == [("a", "c"), ("b",)]
    assert [each.answers for each in load_questions(QuestionSource(path), limit=1)] == [("a", "c")]


def test_a_beir_folder(tmp_path: Path) -> None:
    asked = [
        Question("one?", (), ("d1",), "q1", {"d1": 2, "d2": 0, "d3": -1}),
        Question("One?", (), ("d2",), "q2", {"d2": 1}),
    ]
    write_beir(tmp_path, [make_passage("", "text", {}, "d1")], asked)
    (tmp_path / "qrels" / "dev.tsv").write_text("query-id\tcorpus-id\tscore\nq2\td1\t0.5\n")
    assert load_questions(QuestionSource(tmp_path)) == asked
    assert load_questions(QuestionSource(tmp_path, "dev")) == [Question("One?", (), ("d1",), "q2", {"d1": 0.5})]
    with pytest.raises(DataError, match="its splits are dev, test"):
        load_questions(QuestionSource(tmp_path, "train"))
    queries = QuestionSource(tmp_path / "queries.jsonl", qrels=tmp_path / "qrels" / "dev.tsv")
    assert load_questions(queries) == load_questions(QuestionSource(tmp_path, "dev"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("q.tsv", "7\twho wrote it?\n8\twho read it?\n"),
        ("q.csv", "qid,query\n7,who wrote it?\n8,who read it?\n"),
        ("topics", "<top><num>7</num><title>who wrote it?</title></top>\n<top><num>8<title>who read it?</top>"),
        ("q.jsonl", '{"id": 7, "question": "who wrote it?"}\n{"id": 8, "question": "who read it?"}\n'),
    ],
)
def test_questions_with_qrels(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    qrels = tmp_path / "qrels"
    qrels.write_text("8 0 d1 3\n8 0 d2 0\n7 0 d3 0\n9 0 d4 1\n")
    (read,) = load_questions(QuestionSource(tmp_path / name, qrels=qrels))
    assert read == Question("who read it?", (), ("d1",), "8", {"d1": 3, "d2": 0})
    qrels.write_text("70 0 d1 1\n")
    with pytest.raises(InputError, match="do the question ids belong together"):
        load_questions(QuestionSource(tmp_path / name, qrels=qrels))


def test_sources_that_do_not_go_together(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text("")
    with pytest.raises(InputError, match="no BEIR folder"):
        QuestionSource(tmp_path)
    with pytest.raises(InputError, match="a split is that of a BEIR folder"):
        QuestionSource(path, split="test")
    write_beir(tmp_path, [], [])
    with pytest.raises(InputError, match="is a BEIR folder, which has qrels"):
        QuestionSource(tmp_path, qrels=path)
