# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Questions made of passages."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from dpr_haystack.core.pseudo_questions import pseudo_question

TEXT = "Ulm lies on the Danube. Its minster has the tallest church tower of all. Einstein was born there. Yes."


def made(kind: Any, text: str = TEXT, title: str = "Ulm", heading: str = "", seed: int = 0):
    return pseudo_question(kind, title, heading, text, random.Random(seed))


def test_inverse_cloze_takes_a_sentence_out_and_leaves_it_one_time_in_ten() -> None:
    drawn = [made("inverse-cloze", seed=seed) for seed in range(2000)]
    sentences = {
        "Ulm lies on the Danube.": "Its minster has the tallest church tower of all. Einstein was born there. Yes.",
        "Its minster has the tallest church tower of all.": "Ulm lies on the Danube. Einstein was born there. Yes.",
        "Einstein was born there.": "Ulm lies on the Danube. Its minster has the tallest church tower of all. Yes.",
    }
    counted = Counter(each.question for each in drawn)
    assert set(counted) == set(sentences)  # "Yes." is too short for a question
    assert min(counted.values()) > 550
    assert all(each.text == (TEXT if each.kept else sentences[each.question]) for each in drawn)
    assert 150 < sum(each.kept for each in drawn) < 250


def test_titles_and_headings_ask_for_the_whole_passage() -> None:
    assert made("title") == ("Ulm", TEXT, True)
    assert made("title", heading=" History ") == ("Ulm History", TEXT, True)
    assert made("title", title=" ") is None


def test_crops_are_two_pieces_of_the_passage() -> None:
    drawn = [made("crop", seed=seed) for seed in range(300)]
    words = TEXT.split()
    for each in drawn:
        for piece in (each.question, each.text):
            assert f" {piece} " in f" {' '.join(words)} "
            assert 4 <= len(piece.split()) <= len(words) // 2 + 1
    assert len({each.question for each in drawn}) > 30
    assert sum(each.question != each.text for each in drawn) > 250


@pytest.mark.parametrize(
    ("kind", "text"),
    [("inverse-cloze", "Only one sentence is here."), ("inverse-cloze", "No. Yes."), ("crop", "a b c")],
)
def test_short_passages_make_none(kind: str, text: str) -> None:
    assert made(kind, text) is None
