# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Snippets are parts of the passage and show the words of the question."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpr_haystack.core.snippets import matching_words, snippet


def marked(text: str, question: str, width: int = 240) -> str:
    found = snippet(text, question, width)
    pieces, end = [], 0
    for first, last in found.matches:
        pieces += [found.text[end:first], "[", found.text[first:last], "]"]
        end = last
    return "".join([*pieces, found.text[end:]])


@pytest.mark.parametrize(
    ("text", "question", "expected"),
    [
        ("He wrote Dune in 1965.", "Who wrote Dune?", "He [wrote] [Dune] in 1965."),
        ("A writer writes.", "what did he write", "A [writer] [writes]."),
        ("The cat sat.", "Is the cat a catalogue?", "The [cat] sat."),
        ("Le résumé de l'ÉCOLE", "resume ecole", "Le [résumé] de l'[ÉCOLE]"),
        ("To be or not to be", "to be or", "[To] [be] [or] not [to] [be]"),
        ("Code X-12/b is out", "what is X-12", "Code [X]-[12]/b is out"),
        ("line one\n\n  line   two", "two", "line one line [two]"),
        ("nothing fits here", "Einstein", "nothing fits here"),
        ("", "Einstein", ""),
    ],
)
def test_words_of_the_question_are_found(text: str, question: str, expected: str) -> None:
    assert marked(text, question) == expected


def test_the_part_with_most_different_words_is_shown() -> None:
    text = "Dune Dune Dune. " + "sand " * 60 + "Frank Herbert wrote Dune in 1965. " + "spice " * 60
    shown = marked(text, "When did Frank Herbert write Dune?", 80)
    assert "[Frank] [Herbert] wrote [Dune] in 1965." in shown
    assert shown[0] == shown[-1] == "…"
    assert len(snippet(text, "When did Frank Herbert write Dune?", 80).text) <= 82


@given(st.lists(st.sampled_from(["dune", "sand", "spice", "longestword"]), max_size=40), st.integers(6, 60))
def test_no_other_part_that_starts_with_a_word_has_more_of_the_question(words: list[str], width: int) -> None:
    text, question = " ".join(words), "dune spice longestword"
    starts = [start for start, _ in matching_words(text, question)]
    most = max((sum(map(len, whole_words(text, start, start + width))) for start in starts), default=0)
    found = snippet(text, question, width)
    shown = {found.text[first:last] for first, last in found.matches}
    assert sum(map(len, shown)) >= most or len(text) <= width


def whole_words(text: str, start: int, end: int) -> set[str]:
    return {text[a:b] for a, b in matching_words(text, "dune spice longestword") if start <= a and b <= end}


def test_a_passage_of_many_matching_words_takes_no_longer_for_each() -> None:
    assert snippet("word " * 100_000, "word").matches[0] == (0, 4)


def test_without_a_word_of_the_question_it_is_the_beginning() -> None:
    assert marked("one two three four", "nine", 9) == "one two…"


@given(st.text("ab é.\n", max_size=60), st.text("ab é", max_size=10), st.integers(1, 30))
def test_it_is_always_a_part_of_the_text(text: str, question: str, width: int) -> None:
    found = snippet(text, question, width)
    inner = found.text.strip("…")
    assert inner in " ".join(text.split())
    assert len(inner) <= width
    plain = " ".join(text.split())
    words = [plain[slice(*span)] for span in matching_words(plain, question)]
    assert all(found.text[slice(*span)] in words for span in found.matches)


@pytest.mark.parametrize(
    ("text", "question", "words"),
    [
        ("le re\u0301sume\u0301 court", "r\u00e9sum\u00e9", ["re\u0301sume\u0301"]),
        ("北京是中国的首都", "中国首都", ["中国", "首都"]),
        ("हिन्दी भाषा", "हिन्दी", ["हिन्दी"]),
        ("東京タワー x", "東京タワー", ["東京タワー"]),
    ],
)
def test_matching_words_of_other_scripts_are_ranges_of_the_text_as_it_is(text, question, words):
    assert [text[start:end] for start, end in matching_words(text, question)] == words
