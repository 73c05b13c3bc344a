# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Reducing questions to their rarest words, choosing fields, and building requests, without a server."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpr_haystack.engines.elasticsearch.bodies import MOST_TERMS, first_words, rarest_words, searched_fields
from dpr_haystack.engines.elasticsearch.searching import chunks_of, header, searching
from dpr_haystack.engines.elasticsearch.sending import Call

TEXT: dict[str, Any] = {"text": {}}
KEYWORD: dict[str, Any] = {"keyword": {}}


def terms_of(question: str, counts: dict[str, int]) -> dict[str, Any]:
    """The term vectors of a question as a server returns them, with offsets in UTF-16 units."""
    terms: dict[str, Any] = {}
    place = 0
    for word in question.split(" "):
        length = len(word.encode("utf-16-le")) // 2
        entry = terms.setdefault(word, {"tokens": [], **({"doc_freq": counts[word]} if word in counts else {})})
        entry["tokens"].append({"start_offset": place, "end_offset": place + length})
        place += length + 1
    return terms


def test_the_rarest_words_stay_in_their_order_and_unknown_ones_go_first() -> None:
    counts = {f"😀{number}": 1_000 - number for number in range(MOST_TERMS + 50)}
    words = [*counts, *(f"unknown{number}" for number in range(10))]
    question = " ".join([*words, *words[:5]])
    cut = rarest_words(question, terms_of(question, counts))
    assert cut.split(" ") == list(counts)[50:]
    few = {name: counts[name] for name in list(counts)[:3]}
    kept = rarest_words(question, terms_of(question, few)).split(" ")
    assert kept[:3] == list(few)
    assert len(kept) == len(set(kept)) == MOST_TERMS


def test_questions_with_few_words_are_unchanged() -> None:
    question = " ".join(["a b", *(f"w{number}" for number in range(MOST_TERMS - 4)), "a  b"])
    assert rarest_words(question, terms_of(question.replace("  ", " "), {})) == question
    assert first_words(question) == question
    assert first_words(question + " one more").split() == [*dict.fromkeys(question.split()), "one", "more"]
    assert rarest_words("a b " * 300 + "c", terms_of("a b " * 300 + "c", {"a": 2, "c": 1})) == "a b c"


@pytest.mark.parametrize(
    ("asked", "types", "fields", "analyzed"),
    [
        (None, {"content": TEXT, "title": KEYWORD, "title.text": TEXT}, ("content", "title.text^0.3"), "content"),
        (None, {"content": TEXT, "title": KEYWORD}, ("content",), "content"),
        (None, {}, ("content",), None),
        (["title^2"], {"title": KEYWORD, "title.text": TEXT}, ("title.text^2",), None),
        (["title^2"], {"title": TEXT, "title.text": TEXT}, ("title^2",), "title"),
        (["note", "body^.5"], {"note": KEYWORD, "body": TEXT}, ("note", "body^.5"), "body"),
        (["con*"], {}, ("con*",), None),
    ],
)
def test_searched_fields(asked: Any, types: Any, fields: tuple[str, ...], analyzed: str | None) -> None:
    searched = searched_fields(asked, types)
    assert (searched.fields, searched.analyzed) == (fields, analyzed)


@given(st.lists(st.integers(0, 400_000), max_size=80), st.integers(1, 10_000))
def test_chunks_are_all_there_in_order_and_bounded(lengths: list[int], top_k: int) -> None:
    chunks = list(chunks_of(lengths, [top_k] * len(lengths)))
    assert [number for chunk in chunks for number in chunk] == list(range(len(lengths)))
    for chunk in chunks:
        assert 1 <= len(chunk) <= 64
        assert len(chunk) == 1 or len(chunk) * top_k <= 20_000
        assert len(chunk) == 1 or sum(lengths[number] for number in chunk) <= 1 << 20


@pytest.mark.parametrize(
    ("value", "arrives"),
    [(2**70, 2**70), ("\ud800", "\ud800"), (Decimal("1.5"), "1.5"), (date(2020, 1, 2), "2020-01-02"), (0.1, 0.1)],
)
def test_filters_with_any_values_can_be_sent(value: Any, arrives: Any) -> None:
    call = next(searching("an-index", [{"size": 3, "filter": value}, {"size": 1}], retries=0))
    assert isinstance(call, Call)
    above, first, again, second = (json.loads(line) for line in call.arguments["searches"])
    assert above == again == header("an-index")
    assert (first, second) == ({"size": 3, "filter": arrives}, {"size": 1})
