# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Passages as other tools write them, as records of JSON and parquet files."""

import datetime as dt
import json

import pytest

from dpr_haystack.core.passages import passage_id
from dpr_haystack.errors import DataError
from dpr_haystack.formats import read_passages

RECORDS = [
    # a record, the id, title and text of its passage, and its metadata
    ({"id": "d1", "contents": "x"}, ("d1", "", "x"), {}),
    ({"pid": "p1", "passage": "x", "spans": "(0,1)", "docid": "D"}, ("p1", "", "x"), {"spans": "(0,1)", "docid": "D"}),
    ({"docid": "D", "title": "T", "headings": "H", "segment": "x"}, ("D", "T", "x"), {"headings": "H"}),
    ({"docid": "D", "url": "u", "title": "T", "body": "x"}, ("D", "T", "x"), {"url": "u"}),
    ({"page_content": "x", "metadata": {"source": "a.txt"}, "type": "Document"}, (None, "", "x"),
     {"source": "a.txt", "type": "Document"}),
    ({"lc": 1, "type": "constructor", "id": ["langchain", "Document"],
      "kwargs": {"page_content": "x", "metadata": {"source": "a"}, "id": "7"}}, ("7", "", "x"), {"source": "a"}),
    ({"id_": "n1", "embedding": None, "metadata": {"page_label": "2"}, "relationships": {"1": {}}, "text": "x",
      "class_name": "TextNode", "start_char_idx": 0}, ("n1", "", "x"), {"page_label": "2", "start_char_idx": 0}),
    ({"id_": "n1", "metadata": {}, "text_resource": {"text": "x", "mimetype": None}}, ("n1", "", "x"), {}),
    ({"_id": "b", "title": "Only_a title", "text": ""}, ("b", "", "Only a title"), {}),
    ({"_id": "b", "title": "T", "text": None}, ("b", "", "T"), {}),
    ({"id": 5, "title": "T", "text": ["One.", " Two.", "Three."]}, ("5", "T", "One. Two. Three."), {}),
    ({"id": "q", "title": "T", "context": "x", "question": "y?", "answers": {"text": ["x"], "answer_start": [0]}},
     (None, "T", "x"), {}),
    ({"Title": "T", "Text": "x", "ID": "7"}, ("7", "T", "x"), {}),
]  # fmt: skip


@pytest.mark.parametrize(("record", "expected", "meta"), RECORDS, ids=range(len(RECORDS)))
def test_records(tmp_path, record, expected, meta):
    id_, title, text = expected
    for name, content in {
        "a.jsonl": json.dumps(record),
        "b.ndjson": json.dumps(record),
        "c.json": json.dumps([record]),
        "d.json": f"{json.dumps(record)}\n\n{json.dumps(record)}\n",
        "e.json": json.dumps(record, indent=1),
        "f.json": json.dumps({"version": 1, "data": [record]}) if "context" in record else "",
    }.items():
        if not content:
            continue
        path = tmp_path / name
        path.write_text(content)
        found = list(read_passages(path))
        assert len(found) == 1 + (name == "d.json")
        assert {(each.id, each.title, each.text) for each in found} == {(id_ or passage_id(title, text), title, text)}
        assert [each.meta for each in found] == [{"file": str(path), **meta}] * len(found)


PARAGRAPHS = [["Ulm", ["It is on the Danube.", " Einstein was born there."]], ["Bern", ["It is a city."]]]


@pytest.mark.parametrize(
    "context",
    [PARAGRAPHS, {"title": [each[0] for each in PARAGRAPHS], "sentences": [each[1] for each in PARAGRAPHS]}],
)
def test_hotpotqa(tmp_path, context):
    path = tmp_path / "hotpot.json"
    path.write_text(json.dumps([{"_id": "q", "question": "Where?", "answer": "Ulm", "context": context}] * 2))
    found = [(each.id, each.title, each.text) for each in read_passages(path)]
    assert found[:2] == found[2:]
    assert [each[1:] for each in found[:2]] == [
        ("Ulm", "It is on the Danube. Einstein was born there."),
        ("Bern", "It is a city."),
    ]
    assert found[0][0] == passage_id(*found[0][1:])


def test_nodes_with_equal_text_stay_apart(tmp_path):
    path = tmp_path / "nodes.jsonl"
    path.write_text("".join(json.dumps({"id_": f"n{n}", "text": "same", "metadata": {}}) + "\n" for n in range(3)))
    assert [each.id for each in read_passages(path)] == ["n0", "n1", "n2"]


def test_bad_records_of_a_list_are_skipped(tmp_path):
    path, told = tmp_path / "p.json", list[DataError]()
    path.write_text(json.dumps([{"text": "x"}, {"text": 5}, {"title": ""}, "text"]))
    assert [each.text for each in read_passages(path, on_bad=told.append)] == ["x"]
    assert [str(error).partition(": ")[2].partition(":")[0] for error in told] == [
        "passage 2",
        "passage 3",
        "passage 4",
    ]


def test_parquet(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "p.parquet"
    day = dt.date(1965, 8, 1)
    rows = [
        {"docid": "1", "title": "T", "text": "x", "day": day, "raw": b"\0", "n": float("nan")},
        {"docid": "2", "text": "y"},
    ]
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    first, second = read_passages(path)
    assert (first.id, first.title, first.text, first.meta["day"]) == ("1", "T", "x", "1965-08-01")
    assert json.loads(json.dumps(first.meta, allow_nan=False)) == first.meta
    assert (second.id, second.title) == ("2", "")
    path.write_bytes(b"PAR1 not really")
    with pytest.raises(DataError, match="cannot be read as parquet"):
        list(read_passages(path))


@pytest.mark.parametrize(
    ("article", "words"), [({"title": "T", "paragraphs": [{"context": " "}]}, "paragraph 1 is empty")]
)
def test_an_empty_context_of_squad_is_refused(tmp_path, article, words):
    path = tmp_path / "s.json"
    path.write_text(json.dumps({"data": [{"title": None, "paragraphs": [{"context": "x"}]}, article]}))
    passages = read_passages(path)
    assert next(passages).title == ""
    with pytest.raises(DataError, match=words):
        next(passages)
