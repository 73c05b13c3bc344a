# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpr_haystack.core.passages import make_passage, passage_id
from dpr_haystack.core.text import is_blank
from dpr_haystack.errors import DataError, InputError
from dpr_haystack.formats import Question, read_questions
from dpr_haystack.formats.questions import write_questions
from dpr_haystack.formats.squad import read_squad_passages, write_squad


@pytest.fixture
def questions(tmp_path):
    def read(text, name="q"):
        path = tmp_path / name
        data = text.encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return list(read_questions(path))

    return read


@pytest.mark.parametrize("name", ["nq-test.qas.csv", "topics.txt", "q.csv.gz"])
def test_qas_csv(questions, name):
    text = (
        "\ufeffwho got it\t['Wilhelm Conrad Röntgen']\r\n"
        "\n"
        "which mode\t['Olivia', \"MFSK's\", 3]\n"
        'quoted\t"[""I\'m"", \'x\']"\n'
        'as json\t["a \\ud83d\\ude00", "\\u00e9\\/"]\n'
        "pattern\t['\\d+\\.5']\n"
        '"say ""what"""\t(\'tuple\',)\n'
        "none\t[]\n"
    )
    found = questions(text, name)
    assert found[0] == Question("who got it", ("Wilhelm Conrad Röntgen",), (), "1")
    assert [question.answers for question in found[1:]] == [
        ("Olivia", "MFSK's", "3"),
        ("I'm", "x"),
        ("a 😀", "é/"),
        (r"\d+\.5",),
        ("tuple",),
        (),
    ]
    assert found[5].question == 'say "what"'
    assert [question.id for question in found] == [str(number) for number in range(1, 8)]


def test_nothing_is_evaluated(questions, tmp_path):
    with pytest.raises(DataError, match=r"line 2: answers must be a list of strings such as"):
        questions(f"fine\t['a']\nbad\t[open({str(tmp_path / 'made')!r}, 'w').name]\n")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("question only", "got 1 columns"),
        ("a\tb\tc", "got 3 columns"),
        ("q\tParis", "got 'Paris'"),
        ("q\t'Paris'", "must be a list"),
        ("q\t{'a': 1}", "must be a list"),
        ("q\t[True]", "must be a list of strings"),
        ("q\t[['a']]", "must be a list of strings"),
        ("q\t['a'", "must be a list"),
        ("q\t" + "[" * 5000, "must be a list"),
        ('q\t["\\ud800"]', "must be a list of strings"),
        ('q\t"[never closed', "must be a list"),
    ],
)
def test_a_bad_row_of_qas_csv(questions, line, words):
    with pytest.raises(DataError, match=words) as error:
        questions(f"fine\t['a']\n{line}\n")
    assert error.value.line == 2


@given(answers=st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=4))
@pytest.mark.parametrize("write", [repr, json.dumps, lambda value: json.dumps(value, ensure_ascii=False)])
def test_answers_are_read_back(tmp_path_factory, write, answers):
    path = tmp_path_factory.mktemp("q") / "q.qas.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(f'who\t"{write(answers).replace(chr(34), chr(34) * 2)}"\n')
    (question,) = read_questions(path)
    assert question.answers == tuple(answer for answer in answers if not is_blank(answer))


@pytest.mark.parametrize("name", ["q.jsonl", "q.jsonl.gz", "topics.dpr.curated.test.txt"])
def test_json_lines(questions, name):
    lines = [
        {"question": "a?", "answers": ["x", "y"], "passage_ids": ["p1", 2], "id": "own", "other": 1},
        {"question": "b?", "answer": ["20\\\\s?f(ee|oo)t"]},
        {"question": "c?", "answer": "one", "id": 0},
        {"question": "d?"},
    ]
    assert questions("\n" + "\n\n".join(map(json.dumps, lines)), name) == [
        Question("a?", ("x", "y"), ("p1", "2"), "own"),
        Question("b?", (r"20\\s?f(ee|oo)t",), (), "2"),
        Question("c?", ("one",), (), "0"),
        Question("d?", (), (), "4"),
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"question": "q"', "is not JSON"),
        ('{"answers": []}', 'a string under "question"'),
        ('{"question": 5}', 'a string under "question"'),
        ("[]", "expected a JSON object"),
        ('{"question": "q", "answers": {"a": 1}}', "must be lists of strings: expected an object with text"),
        ('{"question": "q", "passage_ids": [null]}', "expected a string or a number: got None"),
    ],
)
def test_a_bad_line_of_json_lines(questions, line, words):
    with pytest.raises(DataError, match=words) as error:
        questions(f'{{"question": "fine"}}\n{line}\n', "q.jsonl")
    assert error.value.line == 2


SQUAD = {
    "version": "v2.0",
    "data": [
        {
            "title": "Black_Death",
            "paragraphs": [
                {
                    "context": "It came in 1347.",
                    "qas": [
                        {
                            "id": "q1",
                            "question": "When?",
                            "answers": [{"text": "1347"}, {"text": "in 1347"}, {"text": "1347"}],
                        },
                        {"id": "q2", "question": "Who?", "answers": [], "is_impossible": True},
                    ],
                },
                {"context": "No questions."},
            ],
        }
    ],
}


def test_squad(questions):
    gold = passage_id("Black Death", "It came in 1347.")
    assert questions(json.dumps(SQUAD), "dev.json.gz") == [
        Question("When?", ("1347", "in 1347"), (gold,), "q1"),
        Question("Who?", (), (), "q2"),
    ]


@pytest.mark.parametrize("name", ["again.json", "again.json.gz"])
def test_squad_that_is_written_is_what_was_read(tmp_path, name):
    original = Path(__file__).parents[1] / "data" / "squad-dev.json.gz"
    passages, questions = list(read_squad_passages(original)), list(read_questions(original))
    assert write_squad(tmp_path / name, passages, questions) == len(questions) > 80
    assert [(each.id, each.title) for each in read_squad_passages(tmp_path / name)] == [
        (each.id, each.title) for each in passages
    ]
    assert list(read_questions(tmp_path / name)) == questions
    opened = gzip.open if name.endswith(".gz") else open
    with opened(tmp_path / name, "rt", encoding="utf-8") as file:
        content = json.load(file)
    assert content["version"] == "1.1"
    for article in content["data"]:
        for paragraph in article["paragraphs"]:
            for asked in paragraph["qas"]:
                for answer in asked["answers"]:
                    start = answer["answer_start"]
                    assert paragraph["context"][start : start + len(answer["text"])] == answer["text"]


def test_squad_with_a_question_without_an_answer_is_2_0(tmp_path):
    passage = make_passage("T", "It came in 1347.", {})
    write_squad(tmp_path / "q.json", [passage], [Question("Who?", (), (passage.id,), "q2")])
    content = json.loads((tmp_path / "q.json").read_text())
    asked = {"id": "q2", "question": "Who?", "answers": [], "is_impossible": True}
    assert content["version"] == "v2.0"
    assert content["data"][0]["paragraphs"][0]["qas"] == [asked]


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (Question("Who?", ("1347",), ("elsewhere",)), "question 1, 'Who.', has no gold passage among the 1 passages"),
        (
            Question("Who?", ("1348",), ("p",)),
            "question 1, 'Who.': its passage does not contain '1348' verbatim",
        ),
    ],
)
def test_squad_that_cannot_be_written_leaves_no_file(tmp_path, question, words):
    passage = make_passage("T", "It came in 1347.", {}, "p")
    with pytest.raises(InputError, match=words):
        write_squad(tmp_path / "q.json", [passage], [question])
    assert not list(tmp_path.iterdir())


def test_a_list_of_questions_in_a_json_file(questions):
    training = [{"question": "a?", "answers": ["x"], "positive_ctxs": [{"title": "T", "text": "t"}]}]
    assert questions(json.dumps(training), "nq-train.json") == [Question("a?", ("x",), (), "1")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"questions": []}, "must be SQuAD, TriviaQA .* a list of questions"),
        ([{"question": "a?"}, {"q": 1}], "question 2: expected"),
        ({"data": [{"title": "T", "paragraphs": [{"context": "c", "qas": [{"id": "1"}]}]}]}, "question 1 lacks"),
        (
            {"data": [{"title": "T", "paragraphs": [{"context": "c", "qas": [{"question": "q", "answers": ["a"]}]}]}]},
            "question 1",
        ),
    ],
)
def test_json_that_holds_no_questions(questions, content, words):
    with pytest.raises(DataError, match=words):
        questions(json.dumps(content), "q.json")


def test_curated_trec(questions):
    text = '1669\tfactoid\tHow tall?\t20,?237\\s*f(oo|ee)?t|6,194-meter\n825\tfactoid\t"The Muppets" by whom?\t"Jim\n'
    assert questions(text, "curated-test.tsv") == [
        Question("How tall?", (r"20,?237\s*f(oo|ee)?t|6,194-meter",), (), "1669"),
        Question('"The Muppets" by whom?', ('"Jim',), (), "825"),
    ]
    with pytest.raises(DataError, match="line 3: expected tab-separated id, type, question and pattern: got 1"):
        questions(text + "1\n")


def test_an_empty_file_has_no_questions(questions):
    assert questions("") == []
    assert questions("\n \n") == []


some = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), min_size=1).filter(
    lambda text: bool(text.strip()) and not is_blank(text)
)


@given(st.lists(st.builds(Question, some, st.lists(some).map(tuple), st.lists(some).map(tuple), some), max_size=4))
def test_what_is_written_is_read_again(tmp_path_factory, listed):
    folder = tmp_path_factory.getbasetemp()
    for name in ("written.jsonl", "written.jsonl.gz"):
        assert write_questions(folder / name, listed) == len(listed)
        assert list(read_questions(folder / name)) == listed


plain = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1).map(
    lambda text: f"who {text}?"
)


@given(st.lists(st.tuples(plain, st.lists(some).map(tuple)), max_size=4))
def test_lines_as_dpr_has_them(tmp_path_factory, listed):
    path = tmp_path_factory.getbasetemp() / "written.qas.csv"
    write_questions(path, [Question(*each) for each in listed])
    assert [(each.question, each.answers) for each in read_questions(path)] == listed


def test_one_bad_first_line_does_not_decide_what_a_file_is(tmp_path):
    path, told = tmp_path / "questions.jsonl", list[Any]()
    path.write_text('# a comment\n{"question": "one?"}\n{"question": "two?"}\n')
    assert [each.question for each in read_questions(path, told.append)] == ["one?", "two?"]
    assert [error.line for error in told] == [1]
    with pytest.raises(DataError, match="line 1: is not JSON"):
        list(read_questions(path))
    other = tmp_path / "trec.txt"
    other.write_text("no columns\n1\tperson\twho?\tpat+ern\n2\tplace\twhere?\tthere\n")
    assert [each.question for each in read_questions(other, told.append)] == ["who?", "where?"]
    rows = tmp_path / "qas.csv"
    rows.write_text("a\tb\tc\td\nwho?\t['he']\nwhere?\t['there']\n")
    assert [each.question for each in read_questions(rows, told.append)] == ["who?", "where?"]
    assert len(told) == 3


EMPTY = {"question": "", "answers": [], "id": "1"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("q.jsonl", '{"question": " ", "answers": ["x"]}\n{"question": "one?"}'),
        ("q.json", '[{"question": ""}, {"question": "one?"}]'),
        ("q.csv", "\t['x']\none?\t['y']"),
        ("q.txt", "1\tperson\t \tx\n2\tplace\tone?\ty"),
        (
            "squad.json",
            json.dumps({"data": [{"paragraphs": [{"context": "c", "qas": [EMPTY, {**EMPTY, "question": "one?"}]}]}]}),
        ),
    ],
)
def test_an_empty_question_is_none(tmp_path, name, content):
    path, told = tmp_path / name, list[Any]()
    path.write_text(content)
    with pytest.raises(DataError, match="the question is empty"):
        list(read_questions(path))
    assert [each.question for each in read_questions(path, told.append)] == ["one?"]
    assert len(told) == 1


@pytest.mark.parametrize("bad", [b"caf\xe9\t['x']", b"three\tcolumns\there\tand\tmore", b"who?\tnone"], ids=range(3))
def test_bad_rows_count_where_questions_are_numbered(tmp_path, bad):
    path = tmp_path / "qas.csv"
    for place in range(4):
        rows, told = [b"a?\t['1']", b"b?\t['2']", b"c?\t['3']"], list[Any]()
        rows.insert(place, bad)
        path.write_bytes(b"\n".join(rows))
        ids = [each.id for each in read_questions(path, told.append)]
        assert ids == [str(number) for number in range(1, 5) if number != place + 1]
        assert [error.line for error in told] == [place + 1]


def test_bad_lines_of_json_count_too(tmp_path):
    path, told = tmp_path / "q.jsonl", list[Any]()
    path.write_bytes(b'\n{"question": "a?"}\n{"question": "caf\xe9"}\n\n{no\n{"question": "d?"}\n')
    assert [each.id for each in read_questions(path, told.append)] == ["1", "4"]
    assert [error.line for error in told] == [3, 5]
