# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from dpr_haystack.core.answers import AnswerMatcher, exact_match, f1, has_answer, normalize_answer, pattern_match
from dpr_haystack.errors import InputError

STRING_CASES = [
    # answer, text, expected, why
    ("Paris", "He went to Paris in May.", True, "plain"),
    ("PARIS", "he went to paris", True, "case"),
    ("Paris", "comparison", False, "part of a word is not the word"),
    ("aris", "Paris", False, "nor is its end"),
    ("New York", "from New  York\tto", True, "any space between"),
    ("New York", "New-York", False, "the hyphen is a token"),
    ("New York", "New. York", False, "so is the full stop"),
    ("Röntgen", "Wilhelm Rontgen", False, "accents count"),
    ("Röntgen", unicodedata.normalize("NFD", "Wilhelm Röntgen"), True, "composed answer, decomposed text"),
    (unicodedata.normalize("NFD", "Röntgen"), "Wilhelm Röntgen", True, "and the other way round"),
    ("e\u0301", "caf\u00e9 e\u0301t\u00e9", False, "a combining mark belongs to its word"),
    ("e", "e\u0301", False, "a letter with a mark is another token"),
    ("\ufb01sh", "fish", True, "a ligature is its letters"),
    ("tiếng Việt", unicodedata.normalize("NFD", "học tiếng Việt"), True, "Vietnamese has two marks on a letter"),
    ("istanbul", "\u0130stanbul'da", True, "the capital dotted i"),
    ("\u0130STANBUL", "i\u0307stanbul", True, "and the same in small letters with its dot kept"),
    ("Acme", "Acme\u2122 phones", True, "a trade mark is not part of the word"),
    ("21", "2\u00bd", False, "a fraction does not join the number before it"),
    ("2\u00bd", "2 \u00bd cups", True, "but follows it"),
    ("5 km", "5\u338f 5\u339e", True, "one character for a unit"),
    ("50%", "50\uff05", True, "full width signs"),
    ("\u00c5", "10 \u212b", True, "the angstrom sign is canonically an A with ring"),
    ("東京", "東京は日本の首都", True, "in scripts without spaces, characters are tokens"),
    ("京東", "東京は日本の首都", False, "in their order"),
    ("東京 タワー", "\u6771\u4eac\uff80\uff9c\uff70", True, "half width kana, and spaces that do not matter"),
    ("กรุงเทพ", "เมืองหลวงคือกรุงเทพมหานคร", True, "Thai"),
    ("ก", "กี่", False, "a vowel mark belongs to its consonant"),
    ("葛城", "葛\U000e0101城市", True, "a variant of the same character"),
    ("東京", "「東京」は首都", True, "brackets are tokens"),
    ("हिन्दी", "भाषा हिन्दी है", True, "vowel signs and virama are marks"),
    ("हिन", "भाषा हिन्दी है", False, "so the virama does not cut"),
    ("ΟΔΟΣ", "η οδο\u03c3", False, "final sigma: a capital sigma at the end of a word has its own small form"),
    ("ΟΔΟΣ", "η οδο\u03c2", True, "which is this one"),
    ("STRASSE", "Straße", False, "lower case, not case folding"),
    ("U.S.", "the U.S. army", True, "punctuation is matched"),
    ("U.S.", "the US army", False, "and must be there"),
    ("U.S", "the U.S. army", True, "all of it, not more"),
    ("$12", "nearly $12 globally", True, "symbols are tokens"),
    ("12", "nearly $12.50", True, "a number beside symbols"),
    ("1,000", "1000", False, "a comma cuts"),
    ("1973", "in 1973\u201374", True, "a dash cuts"),
    ("don't", "I don\u2019t", False, "the two apostrophes are two characters"),
    ("snake_case", "snake_case", True, "an underscore is a token on its own"),
    ("case", "snake_case", True, "so it cuts"),
    ("zero\u200bwidth", "zero width", True, "format characters separate, as spaces do"),
    ("a\u00adb", "a b", True, "and so does a soft hyphen"),
    ("😀", "ok 😀😀", True, "symbols are one token each"),
    ("a b a c", "a b a b a c", True, "an answer that overlaps itself"),
    ("한국", "대한민국과 한국", True, "Hangul, taken apart into letters, is still one word"),
    ("하", "한", False, "and a syllable is not the beginning of another"),
    ("\u1112\u1161\u11ab", "한 글자", True, "the same syllable in its letters"),
    ("\uff21\uff22", "AB", True, "full width is the same letter"),
    ("東京 都", "東京\u3000都", True, "an ideographic space is a space"),
    ("東京", "東京。", True, "an ideographic full stop cuts"),
    ("كتب", "كَتَبَ", False, "Arabic vowel marks count"),
    ("ไทย", "ภาษา ไทย", True, "Thai vowels"),
    ("m2", "m\u00b2", True, "a superscript is its number, in the same word"),
    ("Ⅳ", "Henry ⅳ", True, "Roman numerals have cases"),
    ("don", "don\u02bct", False, "a modifier letter is a letter"),
    ("a b", "a\ue000b", True, "private characters separate"),
    ("q\u0323\u0307", "q\u0307\u0323", True, "marks are put in their order"),
    ("longer than", "longer", False, "longer than the text"),
    ("", "text", False, "empty: not as in the original, see the docstring"),
    (" \u200b ", "text", False, "no token"),
    ("x", "", False, "no text"),
    ("", "", False, "nothing in nothing"),
]

REGEX_CASES = [
    ("Qu[eé]bec", "from quebec", True, "a class, any case"),
    ("Qu[eé]bec", "Québec", True, "a letter with its mark is one character"),
    ("Qu[eé]bec", "Que\u0301bec", True, "however it is written"),
    ("Qu.bec$", "Que\u0301bec", True, "for a dot as well"),
    ("ABC", "\uff21\uff22\uff23", True, "full width letters"),
    ("what\uff1f", "wha", False, "a full width question mark is not that of patterns"),
    ("\u0130stanbul", "istanbul", True, "the capital dotted i"),
    (r"\bAcme\b", "Acme\u2122", True, "a trade mark is not part of the word"),
    ("Québec", "Québec", True, "both are decomposed"),
    (r"\b15\b|fifteen", "Fifteen republics", True, "alternatives"),
    (r"\b15\b", "1500", False, "a word boundary"),
    (r"^\s*nine\s*$", "eight\nnine\nten", True, "^ and $ at every line"),
    (r"Susan.*Anthony", "Susan\nAnthony", False, "a dot is not a line end"),
    (r"New\s?York", "NEWYORK", True, "optional space"),
    (r"aris", "Paris", True, "part of a word is enough"),
    (r"\p{Lu}", "abc", True, "properties of the regex package; any case"),
    ("(unclosed", "(unclosed", False, "a pattern that cannot be compiled"),
    ("*", "*", False, "another"),
    (r"\ú", "ú", True, "an escape that is not needed"),
    ("[a", "[a", False, "a class without end"),
    ("(?P<x>", "x", False, "a group without end"),
    ("a{99999999999}", "a", False, "a repetition that is too large"),
    ("\\\\", "\\\\", True, "a backslash"),
    ("\\", "\\", False, "half of one"),
    (r"\p{Foo}", "x", False, "a property that there is not"),
    (r"\L<words>", "words", False, "a list that nobody gave"),
    (r"(?<=in\s+)Ulm", "born in  Ulm", True, "a look behind of any length, as in the regex package"),
    (r"(?s)Susan.*Anthony", "Susan\nAnthony", True, "flags inside"),
    ("東京", "東京は日本の首都", True, "letters in a row may be searched here"),
    ("ni\u00f1o", "EL NIN\u0303O", True, "decomposed, any case"),
    ("(" * 3000 + "a" + ")" * 3000, "a", False, "too deep to be compiled"),
    ("a*", "bbb", True, "a pattern that matches nothing at all matches everywhere"),
    ("", "text", False, "empty: not as in the original"),
]


@pytest.mark.parametrize(("answer", "text", "expected", "why"), STRING_CASES, ids=lambda value: ascii(value)[:40])
def test_string(answer, text, expected, why):
    assert has_answer([answer], text) is expected, why


@pytest.mark.parametrize(("answer", "text", "expected", "why"), REGEX_CASES, ids=lambda value: ascii(value)[:40])
def test_regex(answer, text, expected, why):
    assert has_answer([answer], text, match="regex") is expected, why


def test_any_answer_is_enough():
    assert has_answer(["London", "Paris"], "in Paris")
    assert has_answer(["(", "Par.s"], "in Paris", match="regex")
    assert not has_answer([], "in Paris")


def by_the_book(answers, text) -> bool:
    """DPR's definition, token by token; for alphabets without compatibility characters it is ours."""

    def tokens(value):
        pattern = r"([\p{L}\p{N}\p{M}]+)|([^\p{Z}\p{C}])"
        flags = regex.IGNORECASE + regex.UNICODE + regex.MULTILINE
        found = regex.finditer(pattern, unicodedata.normalize("NFD", value), flags=flags)
        return [match.group().lower() for match in found]

    words = tokens(text)
    needles = [needle for answer in answers if (needle := tokens(answer))]
    return any(needle == words[i : i + len(needle)] for needle in needles for i in range(len(words)))


# Characters that are awkward to cut and to lower-case.
tricky = st.text(st.sampled_from("aAbé\u0301e ΣσςÅ\u212b\u0131Iß.,-_'\u2019 \u00a0\u200b\n\tйЙ하न्0"), max_size=12)
alphabets = st.text(st.characters(max_codepoint=0x7F) | st.characters(min_codepoint=0xC0, max_codepoint=0x131))


@given(answers=st.lists(tricky | alphabets, max_size=3), text=tricky | alphabets)
@example(answers=["Σ"], text="ΑΣ.Σ")
def test_string_equals_the_definition(answers, text):
    assert has_answer(answers, text) is by_the_book(answers, text)


@given(text=st.text(min_size=1), data=st.data())
def test_a_piece_cut_at_spaces_is_found(text, data):
    words = text.split()
    start = data.draw(st.integers(0, len(words)))
    end = data.draw(st.integers(start, len(words)))
    piece = " ".join(words[start:end])
    assert has_answer([piece], text) or not by_the_book([piece], piece)  # nothing is found without a token


def test_a_matcher_keeps_a_limited_number_of_texts_and_answers_stay_right():
    matcher = AnswerMatcher(cache_size=2)
    for _ in range(2):
        assert [matcher.has_answer(["b"], text) for text in ("a b", "a", "b", "c", "a b c")] == [1, 0, 1, 0, 1]
    assert matcher._text.cache_info().currsize == 2  # type: ignore[attr-defined]
    assert matcher.find(["c", "a"], ["a b", "b", "c"]) == [True, False, True]


def test_a_matcher_may_be_shared_by_threads():
    matcher = AnswerMatcher(cache_size=5)
    texts = [f"word{i} here" for i in range(20)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda i: matcher.find([f"word{i % 20}"], texts), range(200)))
    assert all(result.index(True) == i % 20 and sum(result) == 1 for i, result in enumerate(results))


def test_what_cannot_be_is_refused():
    with pytest.raises(InputError, match="'string', 'regex': got 'kilt'"):
        AnswerMatcher("kilt")
    with pytest.raises(InputError, match=r"write \['Paris'\]"):
        has_answer("Paris", "Paris")


# ---- answers of a reader


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("The  U.S. Army!", "us army"),
        ("a theory of An apple", "theory of apple"),
        ("Saint-Étienne", "saintétienne"),
        ("the", ""),
        ("«the»", "« »"),
        ("", ""),
        ("re\u0301sume\u0301", "r\u00e9sum\u00e9"),
        ("\u0130stanbul", "istanbul"),
        ("\uff22\uff22\uff23 \uff12\uff10\uff12\uff10", "bbc 2020"),
        ("don\u2019t \u2026", "don\u2019t"),
    ],
)
def test_normalize_answer(answer, expected):
    assert normalize_answer(answer) == expected


@pytest.mark.parametrize(
    ("prediction", "answers", "em", "best_f1"),
    [  # as evaluate-v2.0.py of SQuAD computes them
        ("", ["the", "Ulm"], 0.0, 0.0),
        ("an", ["the", "Ulm"], 0.0, 0.0),
        ("Ulm", ["?", "Ulm"], 1.0, 1.0),
        ("", ["the", "..."], 1.0, 1.0),
        ("a", ["the"], 1.0, 1.0),
        ("Ulm", ["the"], 0.0, 0.0),
    ],
)
def test_golds_of_which_nothing_is_left_do_not_count(prediction, answers, em, best_f1):
    assert (exact_match(prediction, answers), f1(prediction, answers)) == (em, best_f1)


@pytest.mark.parametrize(
    ("prediction", "answers", "em", "best_f1"),
    [
        ("the Denver Broncos", ["Denver Broncos", "Broncos"], 1.0, 1.0),
        ("Denver Broncos of 2015", ["Denver Broncos"], 0.0, 2 * (2 / 4) * 1 / (2 / 4 + 1)),
        ("Broncos", ["Carolina", "Denver Broncos"], 0.0, 2 / 3),
        ("b b a c", ["b c c"], 0.0, 2 * 2 / 6),  # "a" is an article; b and c are common once each
        ("Panthers", ["Denver Broncos"], 0.0, 0.0),
        ("", [], 1.0, 1.0),
        ("Denver", [], 0.0, 0.0),
        ("", ["Denver"], 0.0, 0.0),
        ("The", ["a"], 1.0, 1.0),
        (unicodedata.normalize("NFD", "대한민국"), ["대한민국"], 1.0, 1.0),
        ("東京都", ["東京"], 0.0, 2 * (2 / 3) * 1 / (2 / 3 + 1)),
        ("กรุงเทพ", ["กรุงเทพฯ"], 0.0, 2 * 6 / (6 + 7)),
    ],
)
def test_exact_match_and_f1(prediction, answers, em, best_f1):
    assert exact_match(prediction, answers) == em
    assert f1(prediction, answers) == pytest.approx(best_f1)


@pytest.mark.parametrize(
    ("prediction", "patterns", "expected"),
    [
        ("Albert Einstein", ["(Albert )?Einstein"], 1.0),
        ("einstein in Ulm", ["Einstein"], 1.0),
        ("Mr Einstein", ["Einstein"], 0.0),
        ("1,912", ["x", r"1,?912"], 1.0),
        ("Étienne", ["e\u0301tienne"], 1.0),
        ("Ulm", ["(", ""], 0.0),
        ("", [".*"], 0.0),
        ("Ulm", [], 0.0),
    ],
)
def test_pattern_match(prediction, patterns, expected):
    assert pattern_match(prediction, patterns) == expected
