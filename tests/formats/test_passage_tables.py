# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Which columns and which quoting a table has, and what its rows are then."""

import csv
import json

import pytest

from dpr_haystack.core.passages import passage_id
from dpr_haystack.errors import DataError, InputError
from dpr_haystack.formats.passage_tables import read_table
from dpr_haystack.formats.quoting import decided_quoting
from dpr_haystack.formats.tables import TableOptions


def table(tmp_path, content, name="p.tsv", **options):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8", newline="")
    return [(each.id, each.title, each.text) for each in read_table(path, TableOptions(**options))]


MARCO = '11\t"a\n12\tb\n13\tc"\n'


@pytest.mark.parametrize(
    ("content", "quoting"),
    [
        (MARCO, "none"),  # the quotes would join three passages
        ('11\t"a\tT\n12\tb\tT\n13\tc"\tT\n', "none"),
        ('1\t"To be or not" is a line\n2\tb\n', "none"),
        ('1\t"Heroes"\n2\tb\n', "none"),
        ('1\tb\tT\n2\t"Heroes" by Bowie\t"Heroes" (song)\n', "none"),
        ('1\ta 5" disk\n2\t"never closed\n', "none"),
        ("1\tno quotes\n", "none"),
        ('id\ttext\ttitle\n1\t"Aaron ( or ; ""Ahärôn"")"\tAaron\n2\tb\tB\n', "csv"),
        ('1\t"two\nlines"\tT\n2\tb\tB\n', "csv"),
        ('1\t"a\ttab"\tT\n2\tb\tB\n', "csv"),
        ('id\ttext\n1\t"all"\n2\t"quoted"\n', "csv"),
        ('"id"\t"text"\n"1"\t"all"\n', "csv"),
    ],
)
def test_quoting(tmp_path, content, quoting):
    path = tmp_path / "p.tsv"
    path.write_text(content)
    assert decided_quoting(path) == quoting


def test_every_line_is_a_passage_without_quoting(tmp_path):
    assert table(tmp_path, MARCO) == [("11", "", '"a'), ("12", "", "b"), ("13", "", 'c"')]
    assert table(tmp_path, MARCO, quoting="csv") == [("11", "", "a\n12\tb\n13\tc")]
    phrase = '1\t"To be" he said\tT\n2\tb\tB\n'
    assert table(tmp_path, phrase)[0] == ("1", "T", '"To be" he said')


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
@pytest.mark.parametrize("name", ["p.tsv", "p.csv"])
def test_what_a_csv_writer_writes(tmp_path, quoting, name):
    rows = [
        ["1", 'a "quoted" word', "T, U"],
        ["2", "two\nlines\tand a tab", "V"],
        ["3", '"Heroes"', '"H"'],
        ["4", "x", "W"],
    ]
    path = tmp_path / name
    with path.open("w", newline="") as file:
        csv.writer(file, delimiter="\t" if name == "p.tsv" else ",", quoting=quoting).writerows(
            [["ID", "Text", "Title"], *rows]
        )
    assert [[each.id, each.text, each.title] for each in read_table(path)] == rows


@pytest.mark.parametrize(
    ("header", "row", "expected"),
    [
        ("id\ttitle\tpassage", "7\tT\tx", ("7", "T", "x")),
        ("Title\tDOCID\tBody", "T\t7\tx", ("7", "T", "x")),
        ("passage\tpid", "x\t7", ("7", "", "x")),
        ("doc id\turl\tContents", "7\thttp://a\tx", ("7", "", "x")),
        ("text", "x", (passage_id("", "x"), "", "x")),
        ("title\ttext", "T\tx", (passage_id("T", "x"), "T", "x")),
        ("_id\ttext\ttitle", "7\t\tT", ("7", "", "T")),
        ("\tid\ttext", "0\t7\tx", ("7", "", "x")),
    ],
)
def test_names_in_any_order_and_case(tmp_path, header, row, expected):
    assert table(tmp_path, f"{header}\n{row}\n") == [expected]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("7\tx", ("7", "", "x")),
        ("7\tx\tT", ("7", "T", "x")),
        ("D7\thttp://a.org/b\tT\tx", ("D7", "T", "x")),
        ("7\tx\n8\ty\tU\n9\tz", ("7", "", "x")),
        ("7\tWhat is a passage?\tTitle", ("7", "Title", "What is a passage?")),
    ],
)
def test_columns_without_names(tmp_path, rows, expected):
    assert table(tmp_path, rows + "\n")[0] == expected


def test_other_columns_become_metadata(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text('id,text,year,metadata\n1,x,1965,"{""page"": 3}"\n2,y,,free\n')
    first, second = read_table(path)
    assert first.meta == {"file": str(path), "year": "1965", "page": 3}
    assert second.meta == {"file": str(path), "metadata": "free"}


def test_semicolons_of_a_spreadsheet(tmp_path):
    assert table(tmp_path, "id;title;text\n1;T;a, b\n", "p.csv") == [("1", "T", "a, b")]


def test_columns_given(tmp_path):
    swapped = "1\tT\ta long text\n2\tU\tb\n"
    assert table(tmp_path, swapped, columns=("id", "title", "text"))[0] == ("1", "T", "a long text")
    named = "Nummer\tInhalt\n1\tx\n2\ty\n"
    assert table(tmp_path, named, columns=("id", "text")) == [("1", "", "x"), ("2", "", "y")]
    assert table(tmp_path, "id\tpassage\n1\tx\n", columns=("id", "text")) == [("1", "", "x")]
    for wrong in (("id", "title"), ("id", "text", "id")):
        with pytest.raises(InputError, match="columns"):
            table(tmp_path, swapped, columns=wrong)
    with pytest.raises(InputError, match="quoting must be one of csv, none: got 'all'"):
        table(tmp_path, swapped, quoting="all")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("Nummer\tInhalt\n1\tx\n2\ty\n", "none of Nummer, Inhalt is known; name the columns with --columns"),
        ("id\ttitle\tsummary\n1\tT\tx\n2\tU\ty\n", "one must be the text"),
        ("1\ta\tb\tc\td\n", "got 5 columns without names"),
        ("id\ttext\tTEXT\n1\tx\ty\n", "each name may occur once"),
        ("question\tanswer\nwho?\tme\n", "none of question, answer is known; name the columns with --columns"),
        ("query-id\tcorpus-id\tscore\nq1\td1\t1\n", "is a qrels file, not a file of passages"),
        ("q1\t0\td1\t1\nq2\t0\td2\t0\n", "is a qrels file, not a file of passages"),
        ("q1\tQ0\td1\t1\t3.5\trun\n", "is a TREC run, not a file of passages"),
    ],
)
def test_unclear_columns_are_refused(tmp_path, content, words):
    with pytest.raises(DataError, match=words):
        table(tmp_path, content)


def test_a_file_that_looks_like_qrels_is_read_with_columns(tmp_path):
    content = "q1\td1\t1\n"
    assert table(tmp_path, content, columns=("id", "text", "title")) == [("q1", "1", "d1")]
    assert table(tmp_path, "question\tanswer\nwho?\tme\n", columns=("title", "text"))[0][1:] == ("who?", "me")


def test_the_message_knows_the_delimiters_of_the_file(tmp_path):
    for name, words in (("p.tsv", "expected tab-separated id"), ("p.csv", "expected by commas, semicolons or tabs")):
        with pytest.raises(DataError, match=words):
            table(tmp_path, "1|x|T\n", name)


def test_what_was_decided_is_said(tmp_path):
    said: list[str] = []
    table(tmp_path, MARCO, on_decision=said.append)
    table(tmp_path, "Title\tid\ttext\nT\t1\tx\n", on_decision=said.append)
    table(tmp_path, "1\tT\ta long text\n2\tU\tanother long text\n", on_decision=said.append)
    assert [each.partition(": ")[2].partition("; --col")[0] for each in said] == [
        "columns id, text (no names in the first line); quotes are part of the text",
        "columns Title, id, text (named in the first line); quotes are part of the text",
        "columns id, text, title (no names in the first line); quotes are part of the text",
    ]
    assert said[2].endswith("if it is the text, use --columns id,title,text")
    assert not table(tmp_path, "", on_decision=said.append)
    assert len(said) == 3


def test_flattened_squad_as_csv(tmp_path):
    answers = json.dumps({"text": ["1347"], "answer_start": [11]}).replace('"', '""')
    content = f'id,title,context,question,answers\nq1,Black_Death,It came in 1347.,When?,"{answers}"\n'
    assert table(tmp_path, content, "p.csv") == [
        (passage_id("Black Death", "It came in 1347."), "Black Death", "It came in 1347.")
    ]
