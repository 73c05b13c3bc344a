# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpr_haystack.core.text import as_title, normalize_question, passage_text, token_batches
from dpr_haystack.errors import InputError


def test_typographic_apostrophes_become_plain():
    assert normalize_question("who wrote rock \u2019n\u2019 roll?") == "who wrote rock 'n' roll?"


@pytest.mark.parametrize("title", [None, "", "  \n"])
def test_a_missing_or_blank_title_is_none(title):
    assert passage_text("text", {"title": title}) == (None, "text")
    assert passage_text("text", {}) == (None, "text")


def test_title_and_further_fields():
    meta = {"headline": "Darwin", "year": 1859, "place": None, "section": "Life"}
    got = passage_text("born", meta, title_field="headline", fields=["section", "place", "missing", "year"])
    assert got == ("Darwin", "Life\n1859\nborn")


def test_no_title_field_means_no_title():
    assert passage_text("text", {"title": "Darwin"}, title_field=None) == (None, "text")


def test_titles_that_are_no_strings():
    assert as_title(1984) == "1984"


@given(st.lists(st.integers(0, 300), max_size=60), st.integers(1, 600), st.one_of(st.none(), st.integers(1, 20)))
def test_batches_hold_everything_once_within_their_limits(lengths, budget, most):
    batches = token_batches(lengths, budget, most)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[index] for index in batch)
        assert len(batch) == 1 or len(batch) * longest <= budget
        assert most is None or len(batch) <= most
    order = [lengths[index] for batch in batches for index in batch]
    assert order == sorted(lengths, reverse=True)


def test_batches_are_as_full_as_the_budget_allows():
    assert token_batches([10, 20, 10, 5, 5], 20) == [[1], [0, 2], [3, 4]]


@pytest.mark.parametrize(("budget", "most"), [(0, None), (8, 0)])
def test_limits_without_room_are_refused(budget, most):
    with pytest.raises(InputError, match="must be 1 or more: got"):
        token_batches([1], budget, most)
