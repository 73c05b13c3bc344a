# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What is in a store's metadata: its fields, their types, ranges and values."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

_TYPES = {bool: "boolean", int: "long", float: "float", str: "keyword", datetime: "date", date: "date"}


def field_value(meta: dict[str, Any], field: str) -> Any:
    """A metadata value by its name, with or without ``meta.`` before it; dots lead into nested metadata."""
    value: Any = meta
    for key in field.removeprefix("meta.").split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def fields_info(metas: Iterable[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """The type of every field: that of its first value which is not None."""
    info: dict[str, dict[str, str]] = {}
    for meta in metas:
        for name, value in meta.items():
            if value is not None and name not in info:
                info[name] = {"type": _TYPES.get(type(value), type(value).__name__)}
    return info


def min_max(metas: Iterable[dict[str, Any]], field: str) -> dict[str, Any]:
    """The smallest and the largest value of a field; None where there is none.

    Values that cannot be compared with each other (a number and a string) are ranked by the name of their type first.
    """
    values = [value for value in (field_value(meta, field) for meta in metas) if value is not None]
    if not values:
        return {"min": None, "max": None}
    try:
        return {"min": min(values), "max": max(values)}
    except TypeError:
        return {"min": min(values, key=_any_order), "max": max(values, key=_any_order)}


def unique_values(metas: Iterable[dict[str, Any]], field: str) -> list[Any]:
    """The distinct values of a field, sorted by how they read. 1, 1.0, True and "1" are four."""
    found: dict[tuple[type, str], Any] = {}
    for meta in metas:
        value = field_value(meta, field)
        if value is not None:
            found.setdefault((type(value), repr(value)), value)
    return sorted(found.values(), key=str)


def _any_order(value: Any) -> tuple[str, Any]:
    if isinstance(value, (int, float)):
        return ("number", value)
    return (type(value).__name__, str(value))
