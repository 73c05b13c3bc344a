# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import unicodedata

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from dpr_haystack.core.characters import character_ranges


def cut(text, offsets, words=None):
    starts, ends = character_ranges(text, offsets, words)
    return [text[start:end] for start, end in zip(starts, ends, strict=True)]


FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f467"
THUMB = "\U0001f44d\U0001f3fd"
FLAGS = "\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7"


@pytest.mark.parametrize(
    ("text", "offsets", "expected"),
    [
        ("in the river", [(0, 2), (3, 6), (7, 12)], ["in", "the", "river"]),
        ("in the", [(0, 2), (2, 6)], ["in", "the"]),  # the space before a word is not part of it
        ("a\t\tb \n", [(0, 2), (2, 6)], ["a", "b"]),
        ("a  b", [(0, 1), (1, 2), (3, 4)], ["a", "", "b"]),
        ("cafe\u0301 x", [(0, 4), (6, 7)], ["cafe\u0301", "x"]),  # a tokenizer that drops accents
        ("e\u0301\u0323a", [(1, 2), (3, 4)], ["e\u0301\u0323", "a"]),
        (f"a {FAMILY}", [(0, 1), (2, 3), (3, 5), (6, 7)], ["a", FAMILY, FAMILY, FAMILY]),
        (f"{THUMB}!", [(0, 1), (1, 2), (2, 3)], [THUMB, THUMB, "!"]),
        (FLAGS, [(0, 1), (2, 4)], [FLAGS[:2], FLAGS[2:]]),
        ("\u65e5\u672c", [(0, 1), (1, 2)], ["\u65e5", "\u672c"]),
        ("   ", [(0, 1), (1, 3)], ["", ""]),
        ("", [], []),
    ],
)
def test_tokens_are_whole_characters_without_space(text, offsets, expected):
    assert cut(text, offsets) == expected


def test_tokens_are_widened_to_their_words():
    offsets, words = [(0, 5), (5, 8), (9, 12), (12, 13)], [0, 0, 1, 2]
    assert cut("Darwinia was.", offsets, words) == ["Darwinia", "Darwinia", "was", "."]
    assert cut("Darwinia was.", offsets, [None, None, 1, 2]) == ["Darwi", "nia", "was", "."]


@given(st.text(alphabet="ab \t\u0301\u0323\u200d\U0001f469\U0001f44d\U0001f3fd\U0001f1e9\u65e5\u1112\u1161"))
def test_no_range_begins_or_ends_inside_a_cluster(text):
    borders = {0, *(match.end() for match in regex.finditer(r"\X", text))}
    offsets = [(place, place + 1) for place in range(len(text))]
    starts, ends = character_ranges(text, offsets)
    for place, (start, end) in enumerate(zip(starts, ends, strict=True)):
        if end > start:
            assert start <= place < end or text[place].isspace()
            assert {start, end} <= borders
            assert text[start:end].strip()


@given(st.text())
def test_any_text_keeps_its_visible_characters(text):
    text = unicodedata.normalize("NFD", text)
    starts, ends = character_ranges(text, [(place, place + 1) for place in range(len(text))])
    covered = {place for start, end in zip(starts, ends, strict=True) for place in range(start, end)}
    assert {place for place, character in enumerate(text) if not character.isspace()} <= covered
