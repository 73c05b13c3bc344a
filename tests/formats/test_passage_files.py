# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
import csv
import gzip
import json

import pytest
from haystack import Document
from hypothesis import given
from hypothesis import strategies as st

from dpr_haystack.core.passages import Passage, make_passage, passage_id
from dpr_haystack.errors import DataError
from dpr_haystack.formats import PASSAGE_SUFFIXES, read_passages
from dpr_haystack.formats.dpr_tsv import write_dpr_tsv


@pytest.fixture
def written(tmp_path):
    def write(name, text):
        path = tmp_path / name
        data = text if isinstance(text, bytes) else text.encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write


# ---- psgs_w100.tsv


@pytest.mark.parametrize("name", ["p.tsv", "p.TSV", "p.tsv.gz"])
def test_tsv(written, name):
    path = written(name, 'id\ttext\ttitle\n1\t"Aaron ( or ; ""Ahärôn"") is"\tAaron_(x)\n2\tb\tB\n')
    meta = {"file": str(path)}
    assert list(read_passages(path)) == [
        Passage("1", "Aaron (x)", 'Aaron ( or ; "Ahärôn") is', meta),
        Passage("2", "B", "b", meta),
    ]


def test_tsv_without_header_without_title_and_in_another_order(written):
    assert [(p.id, p.title, p.text) for p in read_passages(written("a.tsv", "7\ttext\ttitle\n"))] == [
        ("7", "title", "text")
    ]
    assert [(p.id, p.title, p.text) for p in read_passages(written("b.tsv", "7\ttext\n"))] == [("7", "", "text")]
    ordered = written("c.tsv", "title\tid\ttext\nT\t7\tx\n")
    assert [(p.id, p.title, p.text) for p in read_passages(ordered)] == [("7", "T", "x")]
    named = written("d.tsv", "id\tpassage\theading\n7\tx\tT\n")
    assert [(p.id, p.title, p.text) for p in read_passages(named)] == [("7", "T", "x")]
    nameless = written("e.tsv", "\tx\tT\n")
    assert [p.id for p in read_passages(nameless)] == [passage_id("T", "x")]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("1\ta\tt\n2 b t\n", 2, "expected columns id, text, title: got 1 columns"),
        ("1\ta\tt\n2\tb\tt\textra\n", 2, "got 4 columns"),
        ("1\ta\tt\n\n2\t \t\n", 3, "has no text"),
    ],
)
def test_a_bad_row_of_a_tsv(written, text, line, words):
    passages = read_passages(written("p.tsv", text))
    assert next(passages).id == "1"
    with pytest.raises(DataError, match=words) as error:
        next(passages)
    assert error.value.line == line


# Line ends inside a field come back as newlines, other control characters as they are.
field = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x00"), min_size=1).filter(str.strip)


@given(passages=st.lists(st.tuples(field, field), max_size=5))
def test_what_csv_writes_is_read_back(tmp_path_factory, passages):
    path = tmp_path_factory.mktemp("tsv") / "p.tsv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerow(["id", "text", "title"])
        writer.writerows([f"n{number}", *passage] for number, passage in enumerate(passages))
    expected = [
        (f"n{number}", text, " ".join(title.replace("_", " ").split())) for number, (text, title) in enumerate(passages)
    ]
    assert [(p.id, p.text, p.title) for p in read_passages(path)] == expected


# ---- JSON lines


def test_jsonl(written):
    lines = [
        {"id": "a", "title": "The_title", "text": "one", "meta": {"page": 3}},
        {"content": "two"},
        {"_id": 5, "title": "", "text": "three", "metadata": {"file": "own.pdf"}},
        {"text": "four", "meta": {"title": "T"}, "url": "u"},
        {"id": None, "title": None, "text": "five", "meta": None},
    ]
    path = written("p.jsonl.gz", "\n\n".join(json.dumps(line) for line in lines) + "\n")
    file = str(path)
    assert list(read_passages(path)) == [
        Passage("a", "The title", "one", {"file": file, "page": 3}),
        Passage(passage_id("", "two"), "", "two", {"file": file}),
        Passage("5", "", "three", {"file": "own.pdf"}),
        Passage(passage_id("T", "four"), "T", "four", {"file": file, "url": "u"}),
        Passage(passage_id("", "five"), "", "five", {"file": file}),
    ]


@pytest.mark.parametrize("flatten", [True, False])
def test_haystack_documents(written, flatten):
    meta = {"title": "T", "page": 2, "file": "a.pdf", "dpr_encoder": "f:01234567 model"}
    document = Document(content="text", meta=meta, embedding=[0.1], score=0.5)
    path = written("d.jsonl", json.dumps(document.to_dict(flatten=flatten)))
    assert list(read_passages(path)) == [Passage(document.id, "T", "text", {"page": 2, "file": "a.pdf"})]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"text": "x"', "is not JSON"),
        ("[1]", "must be a JSON object: got a list"),
        ('{"title": "T"}', "got None"),
        ('{"text": "  "}', 'non-blank string "text"'),
        ('{"text": 5}', "got 5"),
        ('{"text": "x", "id": [1]}', "id must be a string"),
        ('{"text": "x", "id": "a\\u0000"}', "id must not contain NUL"),
        ('{"text": "x", "meta": "m"}', "metadata must be an object"),
        ('{"text": "x", "title": 7}', "title must be a string: got 7"),
        ('{"text": "x \\ud800"}', "surrogate"),
    ],
)
def test_a_bad_line_of_jsonl(written, line, words):
    passages = read_passages(written("p.jsonl", f'{{"text": "fine"}}\n\n{line}\n'))
    assert next(passages).text == "fine"
    with pytest.raises(DataError, match=words) as error:
        next(passages)
    assert error.value.line == 3


def test_a_list_in_a_json_file(written):
    path = written("p.json", json.dumps([{"id": "a", "text": "one"}, {"id": "b", "text": "two"}]))
    assert [passage.id for passage in read_passages(path)] == ["a", "b"]


# ---- SQuAD

SQUAD = {
    "data": [
        {"title": "Black_Death", "paragraphs": [{"context": "It came in 1347.", "qas": []}, {"context": "It left."}]},
        {"title": "ASCII", "paragraphs": [{"context": "It has 7 bits.", "qas": []}]},
    ]
}


def test_squad_passages(written):
    path = written("s.json.gz", json.dumps(SQUAD))
    found = list(read_passages(path))
    assert [(p.title, p.text, p.meta) for p in found] == [
        ("Black Death", "It came in 1347.", {"file": str(path), "paragraph": 1}),
        ("Black Death", "It left.", {"file": str(path), "paragraph": 2}),
        ("ASCII", "It has 7 bits.", {"file": str(path), "paragraph": 1}),
    ]
    assert found[0].id == passage_id("Black Death", "It came in 1347.")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"data": 5}, "must be SQuAD or a list"),
        ("text", "must be SQuAD or a list"),
        ({"data": [{"title": "T", "paragraphs": []}, {"title": "T"}]}, "article 2 lacks"),
        ({"data": ["T"]}, "article 1 lacks"),
        ({"data": [{"title": "T", "paragraphs": [{}]}]}, "article 1 lacks"),
    ],
)
def test_json_that_holds_no_passages(written, content, words):
    with pytest.raises(DataError, match=words):
        list(read_passages(written("s.json", json.dumps(content))))


# ---- text


def test_text_file(written):
    path = written("Notes_on-dense--retrieval.txt.gz", b"\xef\xbb\xbfone two\r\nthree  four\tfive")
    found = list(read_passages(path, words=2))
    assert [(p.title, p.text) for p in found] == [
        ("Notes on dense retrieval", text) for text in ("one two", "three  four", "five")
    ]
    assert found[1].meta == {"file": str(path), "offset": 8}
    assert list(read_passages(written("empty.txt", " \n"))) == []


def test_crlf_and_lf_copies_are_one_passage(written):
    (first,) = read_passages(written("a.txt", "x\r\ny"))
    (second,) = read_passages(written("a.txt", "x\ny"))
    assert first == second


MARKDOWN = """---
title: front matter
---
Before any heading.

# A guide

## Installing ##
pip install it

```bash
# not a heading
````js not the end of the block
~~~
```
after the block
##Nor this, without a space

### Using
one two three four five six
####
no heading above
"""


def test_markdown(written):
    path = written("read_me.md", MARKDOWN)
    found = list(read_passages(path, words=4))
    by_title: dict[str, list[str]] = {}
    for passage in found:
        assert MARKDOWN[passage.meta["offset"] :].startswith(passage.text)
        assert passage.meta["file"] == str(path)
        by_title.setdefault(passage.title, []).append(passage.text)
    assert list(by_title) == ["read me", "Installing", "Using", ""]
    assert by_title["read me"] == ["Before any heading."]
    installing = MARKDOWN[MARKDOWN.index("pip") : MARKDOWN.index("### Using")]
    assert " ".join(by_title["Installing"]).split() == installing.split()
    assert by_title["Using"] == ["one two three four", "five six"]
    assert by_title[""] == ["no heading above"]


def test_markdown_without_headings_and_with_an_open_block(written):
    assert [p.title for p in read_passages(written("a-b.md", "text"))] == ["a b"]
    (passage,) = read_passages(written("c.md", "# T\n~~~\n# code to the end"))
    assert (passage.title, passage.text) == ("T", "~~~\n# code to the end")
    longer = read_passages(written("e.md", "````\n```\n# code\n````\n# Real\nx"))
    assert [p.title for p in longer] == ["e", "Real"]
    (passage,) = read_passages(written("d.md", "---\nno front matter"))
    assert passage.text == "---\nno front matter"


@given(text=st.text(st.sampled_from("ab #\n`~-"), max_size=80), words=st.integers(1, 5))
def test_every_word_of_markdown_is_in_one_passage_or_in_a_heading(tmp_path_factory, text, words):
    path = tmp_path_factory.mktemp("md") / "t.md"
    path.write_bytes(text.encode())
    position = 0
    for passage in read_passages(path, words=words):
        start = passage.meta["offset"]
        assert text[start : start + len(passage.text)] == passage.text
        between = text[position:start]
        assert between.startswith("---") or all("#" in line for line in between.split("\n") if line.strip())
        position = start + len(passage.text)


# ---- any


def test_an_unknown_suffix_says_what_is_known(written):
    with pytest.raises(DataError, match=r"unknown suffix '\.pdf'; known: \.csv, \.json, \.jsonl, \.markdown, \.md, "):
        read_passages(written("a.pdf", "x"))
    assert ", ".join(PASSAGE_SUFFIXES) == ".csv, .json, .jsonl, .markdown, .md, .ndjson, .parquet, .tsv, .txt"


@pytest.mark.parametrize("suffix", PASSAGE_SUFFIXES)
def test_a_missing_file_is_said_for_every_suffix(tmp_path, suffix):
    with pytest.raises(DataError, match="No such file"):
        list(read_passages(tmp_path / f"none{suffix}"))


some_text = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), min_size=1).filter(str.strip)


@given(st.lists(st.tuples(some_text, some_text, st.text("ab_ c")), max_size=5, unique_by=lambda each: each[0]))
def test_what_is_written_as_tsv_is_read_again(tmp_path_factory, listed):
    made = [make_passage(title, text, {}, name) for name, text, title in listed if name != "id"]
    for name in ("written.tsv", "written.tsv.gz"):
        path = tmp_path_factory.getbasetemp() / name
        assert write_dpr_tsv(path, made) == len(made)
        again = list(read_passages(path))
        assert [(each.id, each.title, each.text) for each in again] == [
            (each.id, each.title, each.text) for each in made
        ]
