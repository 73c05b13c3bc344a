# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Questions in the forms that published data sets have, and what is an answer in each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dpr_haystack.core.passages import passage_id
from dpr_haystack.errors import DataError
from dpr_haystack.formats import Question, read_questions

SQUAD = {
    "id": "56be",
    "title": "Beyonc\u00e9_Knowles",
    "context": "She sang in Houston.",
    "question": "Where?",
    "answers": {"text": ["Houston", "in Houston"], "answer_start": [12, 9]},
}
SQUAD_GOLD = (passage_id("Beyonc\u00e9 Knowles", "She sang in Houston."),)
TRIVIA = {
    "question": "Who?",
    "question_id": "tc_1",
    "answer": {"value": "Sinclair Lewis", "aliases": ["Sinclair Lewis", "Lewis"], "normalized_aliases": ["lewis"]},
}
TRIVIA_FILE = {"Question": "Who?", "QuestionId": "tc_1", "Answer": {"Value": "Sinclair Lewis", "Aliases": ["Lewis"]}}
KILT = {
    "id": "k1",
    "input": "Which?",
    "output": [{"answer": "This", "provenance": [{"wikipedia_id": "7"}]}, {"provenance": [{"title": "T"}]}],
}
MRQA = {
    "id": "p1",
    "context": "[PAR] It is red.",
    "qas": [
        {"qid": "m1", "question": "What colour?", "answers": ["red"], "detected_answers": [{"text": "red"}]},
        {"qid": "m2", "question": "What is red?", "answers": ["It"]},
    ],
}
HOTPOT: dict[str, Any] = {
    "_id": "h1",
    "question": "Both?",
    "answer": "yes",
    "supporting_facts": [["One", 0], ["Two", 1]],
    "context": [["One", ["First. ", "Second."]], ["Other", ["No."]], ["Two", ["Third."]]],
}
HOTPOT_FLAT = {
    "id": "h1",
    "question": "Both?",
    "answer": "yes",
    "supporting_facts": {"title": ["One", "Two"], "sent_id": [0, 1]},
    "context": {"title": ["One", "Other", "Two"], "sentences": [["First. ", "Second."], ["No."], ["Third."]]},
}
HOTPOT_GOLD = (passage_id("One", "First. Second."), passage_id("Two", "Third."))
FORMS: dict[str, tuple[list[Any], list[Question]]] = {
    "squad": ([SQUAD], [Question("Where?", ("Houston", "in Houston"), SQUAD_GOLD, "56be")]),
    "squad 2.0": (
        [{**SQUAD, "answers": {"text": [], "answer_start": []}}],
        [Question("Where?", (), (), "56be")],
    ),
    "trivia": ([TRIVIA], [Question("Who?", ("Sinclair Lewis", "Lewis"), (), "tc_1")]),
    "kilt": ([KILT], [Question("Which?", ("This",), (), "k1")]),
    "mrqa": (
        [{"header": {"dataset": "X"}}, MRQA, {**MRQA, "qas": [{"question": "Last?", "answers": ["x"]}]}],
        [
            Question("What colour?", ("red",), (passage_id("", "[PAR] It is red."),), "m1"),
            Question("What is red?", ("It",), (passage_id("", "[PAR] It is red."),), "m2"),
            Question("Last?", ("x",), (passage_id("", "[PAR] It is red."),), "3"),
        ],
    ),
    "hotpot": ([HOTPOT], [Question("Both?", ("yes",), HOTPOT_GOLD, "h1")]),
    "hotpot of the hub": ([HOTPOT_FLAT], [Question("Both?", ("yes",), HOTPOT_GOLD, "h1")]),
    "query": ([{"query": "q?", "answer": "a"}], [Question("q?", ("a",), (), "1")]),
}


def saved(path: Path, content: list[Any]) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(content), path)
    elif path.name.startswith("list"):
        path.write_text(json.dumps(content, indent=1))
    else:
        path.write_text("\n".join(map(json.dumps, content)))
    return path


NAMES = ["list.json", "lines.json", "q.jsonl", "q.ndjson", "q.txt", "q.parquet"]
NOT_IN_PARQUET = ("hotpot", "mrqa")  # it cannot hold lists of mixed values


@pytest.mark.parametrize(
    ("form", "name"),
    [(form, name) for form in FORMS for name in NAMES if name != "q.parquet" or form not in NOT_IN_PARQUET],
)
def test_published_forms(tmp_path: Path, form: str, name: str) -> None:
    content, expected = FORMS[form]
    assert list(read_questions(saved(tmp_path / name, content))) == expected


def test_a_file_of_triviaqa(tmp_path: Path) -> None:
    (tmp_path / "qa.json").write_text(json.dumps({"Data": [TRIVIA_FILE], "Domain": "Web"}, indent=4))
    (read,) = read_questions(tmp_path / "qa.json")
    assert read == Question("Who?", ("Sinclair Lewis", "Lewis"), (), "tc_1")


@pytest.mark.parametrize(
    ("fields", "answers"),
    [
        ({"answer": 0}, ("0",)),
        ({"answer": 4}, ("4",)),
        ({"answer": 0.5}, ("0.5",)),
        ({"answers": [0, "x"]}, ("0", "x")),
        ({"answers": None, "answer": "x"}, ("x",)),
        ({"answers": [], "answer": ["x"]}, ("x",)),
        ({"answers": ["y"], "answer": "x"}, ("y", "x")),
        ({"answers": None}, ()),
        ({"answers": [""]}, ()),
        ({"answers": [" \u200b", "x"]}, ("x",)),
        ({"answer": ""}, ()),
    ],
)
def test_what_an_answer_is(tmp_path: Path, fields: dict[str, Any], answers: tuple[str, ...]) -> None:
    (read,) = read_questions(saved(tmp_path / "q.jsonl", [{"question": "q?", **fields}]))
    assert read.answers == answers


@pytest.mark.parametrize("value", [True, False, [True], [None], {"a": 1}, [["x"]], float("nan")])
def test_what_no_answer_is(tmp_path: Path, value: Any) -> None:
    with pytest.raises(DataError, match="line 1: answers and passage_ids must be lists of strings: expected"):
        list(read_questions(saved(tmp_path / "q.jsonl", [{"question": "q?", "answer": value}])))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("q.csv", 'id,question,answers\n7,"a, b?","[""x"", \'y\']"\n8,c?,plain\n'),
        ("q.csv", "Question;Answer;ID\n\"a, b?\";\"['x', 'y']\";7\nc?;plain;8\n"),
        ("q.tsv", "question\tanswers\tid\na, b?\t['x', 'y']\t7\nc?\tplain\t8\n"),
        ("q.txt", 'qid\tQuery\tanswer\n7\ta, b?\t["x", "y"]\n8\tc?\tplain\n'),
        ("q.tsv", "id\ttype\tquestion\tanswers\n7\tt\ta, b?\t['x', 'y']\n8\tt\tc?\tplain\n"),
    ],
)
def test_tables(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert list(read_questions(tmp_path / name)) == [
        Question("a, b?", ("x", "y"), (), "7"),
        Question("c?", ("plain",), (), "8"),
    ]


def test_a_table_without_ids_is_numbered_from_1(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text("query,answer,passage_ids\na?,[0-9]+ (m|ft),\"['p1', 'p2']\"\nb?,,p3\n")
    assert list(read_questions(tmp_path / "q.csv")) == [
        Question("a?", ("[0-9]+ (m|ft)",), ("p1", "p2"), "1"),
        Question("b?", (), ("p3",), "2"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("q.csv", "a,b\nc,d\n", "must have column names in its first line"),
        ("q.csv", "question,answer,Question\na?,b,c\n", "names of columns must differ: got 'question' twice"),
        ("q.csv", "question,answers\na?\n", "line 2: must have 2 columns, question, answers: got 1"),
        ("q.csv", "question,answers\n,x\n", "line 2: the question is empty"),
        ("q.csv", "question,answers\na?,\"{'text': array(['x'])}\"\n", "line 2: expected a list of strings"),
        ("qrels", "1 0 d7 1\n1 0 d8 0\n", "is a qrels file, not a file of questions"),
        ("qrels.tsv", "1\t0\td7\t1\n2\t0\td8\t2\n", "is a qrels file"),
        ("qrels.tsv", "query-id\tcorpus-id\tscore\n1\td7\t1\n", "is a qrels file"),
        ("qrels.tsv", "1\td7\t1.0\n1\td8\t-1\n", "is a qrels file"),
        ("run.txt", "1 Q0 d7 1 0.5 bm25\n", "is a TREC run"),
    ],
)
def test_files_without_questions(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        list(read_questions(tmp_path / name))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('[{"question": "q?", "answer": "a", "context": [["t"]]}]', "question 1: context must be a text"),
        ('[{"question": "q?"}, 5]', "question 2: expected a JSON object"),
    ],
)
def test_lists_without_questions(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "q.json").write_text(text)
    with pytest.raises(DataError, match=message):
        list(read_questions(tmp_path / "q.json"))


def test_trec_topics(tmp_path: Path) -> None:
    (tmp_path / "old").write_text(
        "<top>\n<num> Number: 301\n<title> Topic: Organized\nCrime\n<desc> Description:\nWho?\n</top>\n"
        "<top><num>MB02</num><title>Caf&eacute;\n</title>\n</top>\n"
    )
    assert list(read_questions(tmp_path / "old")) == [
        Question("Organized Crime", (), (), "301"),
        Question("Caf\u00e9", (), (), "MB02"),
    ]
    (tmp_path / "new.xml").write_text(
        '<topics task="COVID">\n<topic number="1"><query>virus origin</query><question>w?</question></topic>\n</topics>'
    )
    assert list(read_questions(tmp_path / "new.xml")) == [Question("virus origin", (), (), "1")]
    (tmp_path / "bad").write_text("<top>\n<title>no number</title></top>")
    with pytest.raises(DataError, match="topic 1 must have <num> and <title>"):
        list(read_questions(tmp_path / "bad"))
