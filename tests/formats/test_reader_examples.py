# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Tests of files with questions and their passages: DPR's retrieval results, and those with places of answers."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpr_haystack.core.passages import Passage, make_passage
from dpr_haystack.core.text import is_blank
from dpr_haystack.errors import DataError
from dpr_haystack.formats.reader_examples import (
    ReaderExample,
    ReaderPassage,
    reader_examples,
    reader_object,
    records_or_object,
)
from dpr_haystack.formats.records import Record
from dpr_haystack.formats.results import read_results

# As DPR's dense_retriever.py writes it.
DPR: dict[str, Any] = {
    "question": "who wrote dune",
    "answers": ["Frank Herbert"],
    "ctxs": [
        {"id": "wiki:1", "title": "Dune_(novel)", "text": "By Frank Herbert.", "score": "81.5", "has_answer": True},
        {"id": "wiki:2", "title": "Sand", "text": "Grains of rock.", "score": "80.25", "has_answer": False},
    ],
}


def read(path: Path, content: Any) -> list[ReaderExample]:
    data = (content if isinstance(content, str) else json.dumps(content)).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return list(reader_examples(records_or_object(path), path))


@pytest.mark.parametrize("name", ["r.json", "r.json.gz", "r.jsonl", "r.jsonl.gz"])
def test_retrieval_results_of_dpr(tmp_path: Path, name: str) -> None:
    two = [DPR, {**DPR, "id": 7}]
    examples = read(tmp_path / name, "\n".join(map(json.dumps, two)) if "jsonl" in name else two)
    passages = (
        ReaderPassage(Passage("wiki:1", "Dune (novel)", "By Frank Herbert."), 81.5, has_answer=True),
        ReaderPassage(Passage("wiki:2", "Sand", "Grains of rock."), 80.25, has_answer=False),
    )
    assert examples == [
        ReaderExample("who wrote dune", ("Frank Herbert",), passages),
        ReaderExample("who wrote dune", ("Frank Herbert",), passages, "7"),
    ]
    assert [each.line for each in examples] == ([1, 2] if "jsonl" in name else [None, None])


def test_a_file_that_is_one_object(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_text(json.dumps(DPR, indent=2))
    assert records_or_object(path) == DPR


SPANS = st.sets(st.tuples(st.integers(0, 3), st.integers(4, 6)), max_size=3).map(lambda found: tuple(sorted(found)))
TEXTS = st.text(st.characters(codec="utf-8"), min_size=6).filter(str.strip)
PASSAGES = st.builds(
    ReaderPassage,
    st.builds(make_passage, TEXTS, TEXTS, st.just({}), st.none() | TEXTS),
    st.just(None),
    st.none() | st.booleans(),
    st.none() | SPANS,
    SPANS,
)
EXAMPLES = st.builds(
    ReaderExample, TEXTS, st.lists(TEXTS).map(tuple), st.lists(PASSAGES).map(tuple), st.just("") | TEXTS, st.booleans()
)


@given(EXAMPLES)
def test_what_is_written_is_read_back(example: ReaderExample) -> None:
    value = json.loads(json.dumps(reader_object(example)))
    expected = replace(example, answers=tuple(each for each in example.answers if not is_blank(each)))
    assert list(reader_examples(iter([Record(value, 1, 1)]), "f")) == [expected]


def test_readers_of_dpr_results_read_what_is_written(tmp_path: Path) -> None:
    passages = [make_passage("Dune", text, {}, str(number)) for number, text in enumerate(["a", "b", "c"])]
    example = ReaderExample("q", ("a",), tuple(ReaderPassage(each, 2.0, spans=((0, 1),)) for each in passages), "id")
    path = tmp_path / "r.jsonl"
    path.write_text(json.dumps(reader_object(example)) + "\n")
    (result,) = read_results(path)
    assert [each.passage for each in result.passages] == passages
    assert result.passages[0].score > result.passages[1].score > result.passages[2].score > 1.9999


def with_ctx(**fields: Any) -> dict[str, Any]:
    return {**DPR, "ctxs": [{"text": "By Frank Herbert.", **fields}]}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (["q"], r'expected an object with a string under "question": got'),
        ({**DPR, "question": 3}, r'expected an object with a string under "question": got'),
        ({"question": "q", "positive_ctxs": []}, r'"ctxs": got the fields question, positive_ctxs \(this is training'),
        ({"question": "q", "answers": []}, r'"ctxs": got the fields question, answers; dpr-haystack build-reader-data'),
        ({**DPR, "answers": [True]}, "answers must be a list of strings"),
        ({**DPR, "is_impossible": "no"}, "is_impossible must be true or false: got 'no'"),
        ({**DPR, "ctxs": ["text"]}, 'non-blank string under "text": got text'),
        (with_ctx(text=" "), 'non-blank string under "text"'),
        (with_ctx(title=1), "title must be a string: got 1"),
        (with_ctx(has_answer="yes"), "has_answer must be true or false: got 'yes'"),
        (with_ctx(score=[1]), r"score must be a number: got \[1\]"),
        (with_ctx(score="high"), "could not convert string to float: 'high'"),
        (with_ctx(answer_spans=[3, 5]), r"answer_spans must be a list of \[start, end\]: got \[3, 5\]"),
        (with_ctx(answer_spans=[[3, 3]]), r"answer_spans must be a list of \[start, end\]"),
        (with_ctx(answer_spans=[[-1, 3]]), r"answer_spans must be a list of \[start, end\]"),
        (with_ctx(annotated_spans=[[0.0, 3]]), r"annotated_spans must be a list of \[start, end\]"),
        (with_ctx(answer_spans=[[3, 18]]), r"within the text, which has 17 characters: got \[3, 18\]"),
    ],
)
def test_bad_records_are_raised_with_their_line_or_skipped(bad: Any, message: str) -> None:
    records = [Record(DPR, 1, 1), Record(bad, 2, 2), Record(DPR, 3, 3)]
    with pytest.raises(DataError, match=f"r.jsonl, line 2: .*{message}"):
        list(reader_examples(iter(records), "r.jsonl"))
    skipped: list[DataError] = []
    assert [each.line for each in reader_examples(iter(records), "r.jsonl", skipped.append)] == [1, 3]
    assert [each.line for each in skipped] == [2]
