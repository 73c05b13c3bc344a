# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Sentences for people to read."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpr_haystack.core.sentences import sentence_around, sentences


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("J. R. R. Tolkien wrote it. Then he slept.", ["J. R. R. Tolkien wrote it.", "Then he slept."]),
        ("Dr. Curie met Mr. Smith in St. Ives. She left.", ["Dr. Curie met Mr. Smith in St. Ives.", "She left."]),
        ("It cost 3.50 marks. Cheap.", ["It cost 3.50 marks.", "Cheap."]),
        ('He said "No." Then he went (twice.) Home.', ['He said "No."', "Then he went (twice.)", "Home."]),
        ("A heading\n\nA text without end", ["A heading", "A text without end"]),
        ("富士山は高い。山だ。", ["富士山は高い。", "山だ。"]),
        ("e.g. this, i.e. that. Next", ["e.g. this, i.e. that.", "Next"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert split(text) == expected


@given(st.text(alphabet="aB. !?\n。'\"", max_size=60))
def test_nothing_is_lost_and_nothing_comes_twice(text: str) -> None:
    found = list(sentences(text))
    assert "".join("".join(split(text)).split()) == "".join(text.split())
    assert all(first[1] <= second[0] for first, second in pairwise(found))


def test_the_sentence_of_an_answer() -> None:
    text = "Herbert wrote much. Dune is a novel by Frank Herbert. It is long."
    start = text.index("Frank")
    first, last = sentence_around(text, start, start + len("Frank Herbert"))
    assert text[first:last] == "Dune is a novel by Frank Herbert."
    assert sentence_around(text, 5, 25) == (0, text.index(" It is"))
    assert sentence_around("   ", 1, 2) == (1, 2)


@given(st.text(alphabet="aB. !\n", min_size=1, max_size=40), st.data())
def test_it_always_holds_the_answer(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    first, last = sentence_around(text, start, end)
    assert 0 <= first <= start < end <= last <= len(text)
