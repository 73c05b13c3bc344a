# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Settings from files: names, types and what is said of wrong ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pytest

from dpr_haystack.core.settings import from_settings
from dpr_haystack.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Example:
    name: str
    count: int = 1
    rate: float = 0.5
    quiet: bool = False
    kind: Literal["a", "b"] = "a"
    limit: int | None = None
    sizes: tuple[int, ...] = ()
    files: str | tuple[str, ...] = ""


def test_values_become_what_the_dataclass_wants() -> None:
    settings: dict[str, Any] = {"name": "x", "rate": "1e-5", "count": 3.0, "sizes": [1, 2], "files": ["a", "b"]}
    made = from_settings(Example, settings, "f.yml")
    assert made == Example(name="x", rate=1e-5, count=3, sizes=(1, 2), files=("a", "b"))
    assert isinstance(made.count, int)
    assert from_settings(Example, {"name": "x", "limit": None, "rate": 1}, "f.yml").rate == 1.0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"nmae": "x"}, "f.yml: unknown setting 'nmae'; did you mean 'name'"),
        ({"name": "x", "learning": 1}, "did you mean"),
        ({}, "f.yml: required settings are missing: 'name'"),
        ({"name": 3}, "f.yml: name must be a string: got 3"),
        ({"name": "x", "count": 1.5}, "count must be an integer: got 1.5"),
        ({"name": "x", "count": True}, "count must be an integer: got True"),
        ({"name": "x", "rate": "fast"}, "rate must be a number: got 'fast'"),
        ({"name": "x", "quiet": "yes"}, "quiet must be true or false: got 'yes'"),
        ({"name": "x", "kind": "c"}, "kind must be one of a, b: got 'c'"),
        ({"name": "x", "limit": "many"}, r"limit must be an integer or null: got 'many'"),
        ({"name": "x", "sizes": [1, "b"]}, "sizes must be a list, each an integer"),
    ],
)
def test_what_is_wrong_is_told(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        from_settings(Example, settings, "f.yml")
