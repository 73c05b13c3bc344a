# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF001
import unicodedata

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from dpr_haystack.core.segmentation import keywords, normalized, separated

SAME = [
    # two ways to write the same words
    ("résumé", unicodedata.normalize("NFD", "résumé"), "accents"),
    ("한국은 아름답다", unicodedata.normalize("NFD", "한국은 아름답다"), "Hangul"),
    ("tiếng Việt", unicodedata.normalize("NFD", "tiếng Việt"), "Vietnamese"),
    ("ｱｲｽ ﾀﾞﾑ ＴＯＫＹＯ ２０２０", "アイス ダム TOKYO 2020", "half and full width"),
    ("ﬁnance of Ⅳ", "finance of IV", "ligatures"),
    ("co\u00adoperate \ufeffso", "cooperate so", "invisible characters"),
    ("කර්\u200dම", "කර්ම", "a joiner, which only changes how letters look"),
    ("می\u200cخواهم", "می خواهم", "which in Arabic script cuts"),
    ("葛\U000e0101城", "葛城", "a variant of a character"),
    ("ភាសា\u200bខ្មែរ", "ភាសាខ្មែរ", "invisible spaces between words"),
    ("ẹ̀kọ́", "ẹkọ", "marks that have no letter of their own; the index removes the others"),
    ("ΟΔΟς", "ΟΔΟσ", "final sigma"),
    ("5㎞ 20℃", "5 km 20 °C", "units in one character"),
]

WORDS = [
    ("The C++ of AT&T's snake_case, 3.14!", "The C of AT T s snake case 3 14"),
    ("हिन्दी भाषा", "हिन्दी भाषा"),
    ("தமிழ்நாடு மொழி", "தமிழ்நாடு மொழி"),
    ("Acme™ sells 2½ cups, x² ½", "Acme TM sells 2 1 2 cups x2 1 2"),
    ("東京タワー", "東京 京タ タワ ワー"),
    ("我喜欢iPhone手机。好", "我喜 喜欢 iPhone 手机 好"),
    ("人々𠮷野家", "人々 々𠮷 𠮷野 野家"),
    ("ภาษาไทย 2560", "ภา าษ ษา าไ ไท ทย 2560"),
    ("ที่นี่", "ที่นี่"),
    ("မြန်မာ", "မြန် န်မာ"),
    ("서울특별시", "서울 울특 특별 별시"),
    ("l´eau \ud800 🎉 \0 x", "l eau x"),
    ("", ""),
]


@pytest.mark.parametrize(("first", "second", "why"), SAME, ids=[why for *_, why in SAME])
def test_the_same_words_in_two_encodings(first, second, why):
    assert keywords(first) == keywords(second) != ""


@pytest.mark.parametrize(("text", "expected"), WORDS, ids=[ascii(text)[:20] for text, _ in WORDS])
def test_keywords(text, expected):
    assert keywords(text).split() == expected.split()


def test_the_dotted_i():
    assert keywords("\u0130stanbul").lower() == keywords("i\u0307stanbul") == "istanbul"
    assert keywords("ISIR I\u0307L", "turkish").lower() == "ısır il"
    assert keywords("ISIR").lower() == "isir"


def test_characters_apart():
    assert separated("abc é") == "abc é"
    assert separated("x東京y").split() == ["x", "東", "京", "y"]
    assert separated("กี่ 한국").split() == ["กี่", "한국"]


@given(st.text())
def test_nothing_but_words_and_spaces(text):
    words = keywords(text)
    assert not regex.search(r"[^\p{Alphabetic}\p{N}\p{M} ]", words)
    assert keywords(unicodedata.normalize("NFD", text)) == keywords(unicodedata.normalize("NFC", text))
    assert normalized(unicodedata.normalize("NFD", text)) == normalized(unicodedata.normalize("NFC", text))


@given(st.text(st.characters(codec="latin-1")))
def test_latin_letters_and_digits_are_words_as_before(text):
    """The words that tantivy's own simple tokenizer makes, so that indexes of English text keep their figures."""
    plain = regex.sub(r"[\u00ad\u00b2-\u00b5\u00b8-\u00ba\u00bc-\u00be\u00a8\u00aa\u00af]", "", text)
    assert keywords(plain).split() == regex.findall(r"[\p{Alphabetic}\p{N}]+", plain)
