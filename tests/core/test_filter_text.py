# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Typed filters mean the Haystack filters that they read like."""

from __future__ import annotations

import pytest
from haystack import Document
from haystack.utils.filters import document_matches_filter

from dpr_haystack.core.filter_text import parse_filter
from dpr_haystack.errors import InputError

DOCUMENTS = [
    Document(id="a", content="x", meta={"year": 1899, "language": "de", "draft": True, "source": {"name": "n1"}}),
    Document(id="b", content="y", meta={"year": 1900, "language": "en", "draft": False, "source": {"name": "n2"}}),
    Document(id="c", content="z", meta={"year": 2001.5, "language": "fr", "at": "2020-05-01"}),
    Document(id="d", content="z", meta={}),
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("year >= 1900", "bc"),
        ("meta.year<1900", "a"),
        ("year > -5", "abc"),
        ("language == \"en\" or language == 'fr'", "bc"),
        ('language in ["de", "en"] and not draft == true', "b"),
        ('language not in ["de", "en"]', "cd"),
        ("draft == False", "b"),
        ("year == null", "d"),
        ("year != None", "abc"),
        ('source.name == "n2"', "b"),
        ('id == "c"', "c"),
        ('content == "z"', "cd"),
        ('at >= "2020-01-01"', "c"),
        ('year > 1899 and (language == "fr" or draft == false)', "bc"),
        ('year > 1899 and language == "fr" or draft == true', "ac"),
        ('{"field": "meta.year", "operator": ">", "value": 1899}', "bc"),
    ],
)
def test_which_documents_match(text: str, expected: str) -> None:
    found = [document.id for document in DOCUMENTS if document_matches_filter(parse_filter(text), document)]
    assert "".join(found) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1 to 10000 characters: got 0"),
        ("year", "'year' is no comparison"),
        ("year = 1900", "equality is written =="),
        ("1900 <= year < 2000", "compares twice"),
        ("language == en", "'en' is no value: write text in quotes"),
        ("1900 < year", "'1900' is no field"),
        ("last-name == 1", "'last-name' is no field"),
        ("year is 1900", "none of the operators"),
        ("year >=", "syntax error"),
        ("class == 1", "syntax error"),
        ("year == 1j", "'1j' is no number"),
        ('__import__("os").system("true") == 1', "is no field"),
        ("year == f(1)", "is no value"),
        ("not " * 2000 + "year == 1", "nested too deeply"),
        ("{", "not valid JSON"),
        ("x" * 10_001, "got 10001"),
    ],
)
def test_what_is_no_filter_is_refused(text: str, problem: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_filter(text)
    assert problem in str(refused.value)
