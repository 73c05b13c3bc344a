# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Rows of one question."""

from __future__ import annotations

import pytest

from dpr_haystack.core.known_positives import KnownPositives
from dpr_haystack.core.passages import Passage, make_passage
from dpr_haystack.core.text import question_key


def test_what_is_right_for_one_row_is_right_for_all() -> None:
    known = KnownPositives()
    known.add("Who wrote it?", [make_passage("T", "one text", {}, "p1")], ["x"])
    known.add("who wrote it? ", [make_passage("", "Title other text", {})], ["y", "x"])
    for question in ("Who wrote it?", "WHO WROTE IT?"):
        of = known.of(question)
        assert list(of.answers) == ["x", "y"]
        assert of.includes(Passage("p1", "", "anything"))
        assert of.includes(Passage("copy", "", "one  text"))
        assert of.includes(Passage("with-title", "Title", "other text"))
        assert not of.includes(Passage("no", "", "another"))
    assert not known.of("Who read it?").includes(Passage("p1", "", "anything"))


@pytest.mark.parametrize("other", ["what\u2019s  it?", "WHAT'S IT?", " what's it?\n", "what's \uff49\uff54?"])
def test_the_same_question_in_other_letters(other: str) -> None:
    assert question_key(other) == question_key("What's it?")


def test_other_questions() -> None:
    assert len({question_key(text) for text in ("what is it?", "what is it", "whatis it?")}) == 3
