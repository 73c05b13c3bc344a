# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Tests of finding the places of answers, against answer matching and against comparing words one by one."""

from __future__ import annotations

import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dpr_haystack.core.answer_places import AnswerFinder, answer_places
from dpr_haystack.core.answers import has_answer, normalize_answer
from dpr_haystack.errors import InputError

# Letters with marks, ligatures, full and half width, symbols that become words, invisible characters, emoji, Hangul in
# its letters and in half width, scripts without spaces, digits before which a mark is written, a lone surrogate.
CHARACTERS = (
    "aAbBiI \n\r.-'\u2019\u2013\u0301\u0307\u0323éİ\u0131ßΣςﬁﾀﾞ\uff21\uff11²½™Ⅳ\u00ad\u200b\u200d\ufe0f\u3000👩🏽❤🇩🇪"
    "\u1112\u1161\u11ab한ﾡￂ\uffdc東京葛\U000e0101のタกี่น้ำ\u0e4d\u0e32हिन्दी\u0600\ud800\u09be\u0b56\u102e"
)
TEXTS = st.text(st.sampled_from(CHARACTERS), max_size=24) | st.text(max_size=12)


@settings(max_examples=400)
@given(text=TEXTS, answers=st.lists(TEXTS, max_size=3), cut=st.tuples(st.integers(0, 24), st.integers(0, 24)))
@example(text="ก\u0e33ก", answers=["\u0e32"], cut=(0, 0))
@example(text="한ﾡￂ", answers=["ￂ"], cut=(0, 2))
@example(text="\u1112ￂ", answers=[], cut=(0, 2))
def test_there_is_a_place_exactly_if_the_matcher_says_so(text: str, answers: list[str], cut: tuple[int, int]) -> None:
    answers = [*answers, text[min(cut) : max(cut)]]
    for answer in answers:
        places = answer_places([answer], text)
        assert bool(places) == has_answer([answer], text)
        assert all(has_answer([answer], text[start:end]) for start, end in places)
    everywhere = {place for answer in answers for place in answer_places([answer], text)}
    assert answer_places(answers, text) == tuple(sorted(everywhere))


def test_a_letter_that_joins_another_in_an_unknown_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dpr_haystack.core.answer_places._PIECE", regex.compile("(?s:.)"))
    assert answer_places(["é"], "x e\u0301 y") == ((0, 6),)  # all that is known is that it is there
    assert answer_places(["é"], "x é y") == ((2, 3),)


WORDS = st.lists(st.sampled_from(["a", "B", "ba", "é", "\uff22"]), max_size=12)


@given(text=WORDS, answer=st.lists(st.sampled_from(["A", "b", "BA", "e\u0301"]), min_size=1, max_size=3))
def test_every_place_is_found(text: list[str], answer: list[str]) -> None:
    plain = {"a": "a", "B": "b", "ba": "ba", "é": "é", "\uff22": "b", "A": "a", "b": "b", "BA": "ba", "e\u0301": "é"}
    words, wanted = [plain[word] for word in text], [plain[word] for word in answer]
    starts = [i for i in range(len(words)) if words[i : i + len(wanted)] == wanted]
    whole = "  ".join(text)
    expected = []
    for first in starts:
        start = len("  ".join([*text[:first], ""]))
        expected.append((start, start + len("  ".join(text[first : first + len(wanted)]))))
    assert answer_places([" ".join(answer)], whole) == tuple(expected)


@pytest.mark.parametrize(
    ("answer", "text", "found"),
    [
        ("Frank Herbert", "frank  HERBERT wrote. Frank Herbert's", ["frank  HERBERT", "Frank Herbert"]),
        ("a b a", "a b a b a", ["a b a", "a b a"]),
        ("office", "the oﬃce, THE OFFICE", ["oﬃce", "OFFICE"]),
        ("café", "cafe\u0301 Café", ["cafe\u0301", "Café"]),
        ("½", "2½ miles", ["½"]),
        ("東京", "日本の東京都、東京", ["東京", "東京"]),
        ("2019年", "於\uff12\uff10\uff11\uff19年十月", ["\uff12\uff10\uff11\uff19年"]),
        ("กรุงเทพ", "คือกรุงเทพมหานคร", ["กรุงเทพ"]),
        ("한", "x \u1112\u1161\u11ab y", ["\u1112\u1161\u11ab"]),
        ("love", "I ❤️ love 👩‍👩‍👧 love", ["love", "love"]),
        ("İstanbul", "in istanbul, İSTANBUL", ["istanbul", "İSTANBUL"]),
        ("U.S.", "the U.S. army", ["U.S."]),
        ("하", "x \u314e\u314f, \uffbe\uffc2 y", ["\u314e\u314f", "\uffbe\uffc2"]),
        ("12", "$12.50 or 12", ["12", "12"]),
        ("Paris", "Parisian", []),
    ],
)
def test_places_are_those_of_the_text_as_it_is(answer: str, text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in answer_places([answer], text)] == found


def test_a_place_is_not_within_a_letter_with_its_marks() -> None:
    text = "น้ำ"  # one letter with two marks, of which the last becomes a mark and a letter
    assert answer_places(["\u0e32"], text) == ((0, 3),)


def test_places_of_several_answers_and_passages() -> None:
    finder = AnswerFinder()
    texts = ["Dune by Frank Herbert", "Herbert", "nobody"] * 2
    places = [finder.places(("Herbert", "Frank Herbert", ""), text) for text in texts]
    assert places == [((8, 21), (14, 21)), ((0, 7),), ()] * 2
    assert [finder.has_answer(["herbert"], text) for text in texts[:3]] == [True, True, False]
    assert normalize_answer("Dune by Frank Herbert"[8:21]) == "frank herbert"


def test_answers_are_a_list() -> None:
    with pytest.raises(InputError, match=r"answers must be a list of strings: got the string 'Dune'"):
        answer_places("Dune", "Dune")
