# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Where a passage comes from, in its metadata."""

from __future__ import annotations

from typing import Any

import pytest

from dpr_haystack.core.origins import merged, ordered, origins_of, page_of, source_text, with_origins

A, B = {"file": "a.md", "offset": 1}, {"file": "b.md", "offset": 2, "year": 1900}


@pytest.mark.parametrize(
    ("meta", "origins"),
    [
        ({}, [{}]),
        ({**A, "title": "T"}, [A]),
        ({**A, "title": "T", "also_in": [B]}, [A, B]),
        ({**A, "also_in": "the appendix"}, [{**A, "also_in": "the appendix"}]),
        ({**A, "also_in": []}, [{**A, "also_in": []}]),
        ({**A, "also_in": [{"offset": 3}]}, [{**A, "also_in": [{"offset": 3}]}]),
    ],
)
def test_metadata_and_origins_are_two_forms_of_the_same(meta: dict[str, Any], origins: list[dict[str, Any]]) -> None:
    assert origins_of(meta) == origins
    assert with_origins(origins, meta.get("title")) == meta


def test_a_file_that_is_read_again_replaces_its_origin_alone() -> None:
    again = {"file": "a.md", "offset": 9}
    assert sorted(merged([A, B], [again]), key=str) == [again, B]
    assert merged([], [A, {**A, "offset": 5}]) == [A]
    assert merged([{"author": "by hand"}], [A]) == [A]
    assert merged([{"author": "by hand"}], [{"author": "by another hand"}]) == [{"author": "by another hand"}]


def test_the_order_is_by_name_but_missing_files_come_last() -> None:
    assert ordered([B, A], lambda _: True) == [A, B]
    assert ordered([B, A], lambda file: file != "a.md") == [B, A]


@pytest.mark.parametrize(
    ("meta", "text"),
    [
        ({"file": "a.pdf", "page_number": 3, "page": 1}, "a.pdf, page 3"),
        ({"file": "a.pdf", "page": 3}, "a.pdf, page 3"),
        ({"file_path": "b.pdf", "page_number": 4}, "b.pdf, page 4"),
        ({"file": "a.md"}, "a.md"),
        ({"page_number": 3}, ""),
    ],
)
def test_source_and_page_also_under_the_names_of_earlier_versions(meta: dict[str, Any], text: str) -> None:
    assert source_text(meta) == text
    assert page_of(meta) == meta.get("page_number", meta.get("page"))
