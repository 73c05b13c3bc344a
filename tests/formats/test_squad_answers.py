# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Tests of SQuAD as training data of readers: where answers are marked, moved or nowhere."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from dpr_haystack.errors import DataError
from dpr_haystack.formats.marked_answers import marked_places
from dpr_haystack.formats.squad_answers import squad_examples, squad_version

DEV = Path(__file__).parents[1] / "data" / "squad-dev.json.gz"
TEXT = "Dune is a novel. Frank Herbert wrote Dune in Oregon."


def content(*entries: Any, text: str = TEXT) -> dict[str, Any]:
    return {"version": "1.1", "data": [{"title": "Dune_(novel)", "paragraphs": [{"context": text, "qas": entries}]}]}


def entry(*answers: tuple[str, int], **fields: Any) -> dict[str, Any]:
    listed = [{"text": text, "answer_start": start} for text, start in answers]
    return {"id": "a", "question": "Who wrote Dune?", "answers": listed, **fields}


def test_every_marked_answer_of_a_real_file() -> None:
    whole = json.loads(gzip.decompress(DEV.read_bytes()))
    expected = [
        (each["id"], {(answer["answer_start"], answer["text"]) for answer in each["answers"]}, paragraph["context"])
        for article in whole["data"]
        for paragraph in article["paragraphs"]
        for each in paragraph["qas"]
    ]
    examples = list(squad_examples(whole, DEV))
    assert len(examples) == len(expected) > 80
    for example, (id_, marked, text) in zip(examples, expected, strict=True):
        (passage,) = example.passages
        found = {(start, passage.passage.text[start:end]) for start, end in passage.annotated}
        assert (example.id, found, passage.passage.text) == (id_, marked, text)
        assert (example.moved, example.source, example.is_impossible) == (0, "SQuAD 1.1", False)
        assert "_" not in passage.passage.title
        assert set(example.answers) == {answer for _, answer in marked}


@pytest.mark.parametrize(
    ("answer", "start", "found", "moved"),
    [
        ("Frank Herbert", 17, "17:Frank Herbert", 0),
        ("Dune", 37, "37:Dune", 0),
        ("Dune", 30, "37:Dune", 1),
        ("Dune", 9, "0:Dune", 1),
        ("Dune", -5, "0:Dune", 1),
        (" Frank Herbert ", 16, "17:Frank Herbert", 0),
        ("frank herbert", 17, "17:Frank Herbert", 1),
        ("Oregon", 999, "45:Oregon", 1),
        ("Brian Herbert", 17, "", 1),
        ("  ", 0, "", 0),
    ],
)
def test_answers_that_are_elsewhere_are_moved(answer: str, start: int, found: str, moved: int) -> None:
    places, count = marked_places([{"text": answer, "answer_start": start}], TEXT)
    assert (" ".join(f"{first}:{TEXT[first:last]}" for first, last in places), count) == (found, moved)


def test_impossible_questions() -> None:
    whole = content(
        entry(is_impossible=True, plausible_answers=[{"text": "Dune", "answer_start": 0}]),
        entry(("Dune", 0), is_impossible=True),
        entry(("Dune", 0), ("Dune", 0), is_impossible=False),
    )
    examples = list(squad_examples(whole, "f.json"))
    assert [(each.answers, each.is_impossible, each.source) for each in examples] == [
        ((), True, "SQuAD 2.0"),
        ((), True, "SQuAD 2.0"),
        (("Dune",), False, "SQuAD 2.0"),
    ]
    assert [each.passages[0].annotated for each in examples] == [(), (), ((0, 4),)]
    assert [each.passages[0].has_answer for each in examples] == [False, False, True]


def test_the_version_is_that_of_the_questions() -> None:
    assert squad_version({"version": "v2.0", **content(entry(("Dune", 0)))}) == "1.1"
    assert squad_version(content(entry(), entry(is_impossible=False))) == "2.0"


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"question": "q", "answers": [{"text": "a"}]}, r"question 2: .*KeyError\('answer_start'\)"),
        ({"question": "q", "answers": [{"text": "a", "answer_start": "1"}]}, "question 2: .*got 'a' and '1'"),
        ({"question": "q", "answers": [{"text": 1, "answer_start": 1}]}, r"question 2: .*TypeError"),
        ({"question": "q", "answers": "a"}, r"question 2: .*TypeError"),
        ({"answers": []}, r"question 2: .*KeyError\('question'\)"),
        ({"question": " ", "answers": []}, "question 2: the question must be a non-blank string: got ' '"),
        (
            {"question": "q", "answers": [], "is_impossible": 1},
            "question 2: is_impossible must be true or false: got 1",
        ),
        ("q", r"question 2: .*TypeError"),
    ],
)
def test_bad_questions_are_raised_or_skipped(bad: Any, message: str) -> None:
    whole = content(entry(("Dune", 0)), bad, entry(("Oregon", 45)))
    with pytest.raises(DataError, match=message):
        list(squad_examples(whole, "f.json"))
    skipped: list[DataError] = []
    assert [each.answers for each in squad_examples(whole, "f.json", skipped.append)] == [("Dune",), ("Oregon",)]
    assert len(skipped) == 1
