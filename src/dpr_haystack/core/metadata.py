# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Summaries of a store's metadata: field types, ranges and distinct values."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

_TYPES = {bool: "boolean", int: "long", float: "float", str: "keyword", datetime: "date", date: "date"}


def field_value(meta: dict[str, Any], field: str) -> Any:
    """The value of a metadata field; None if it is missing.

    :param meta: The metadata.
    :param field: The name, with or without the prefix ``meta.``; dots select nested fields.
    """
    value: Any = meta
    for key in field.removeprefix("meta.").split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def fields_info(metas: Iterable[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """The type of every field: that of its first value that is not None.

    :param metas: The metadata of all documents.
    """
    info: dict[str, dict[str, str]] = {}
    for meta in metas:
        for name, value in meta.items():
            if value is not None and name not in info:
                info[name] = {"type": _TYPES.get(type(value), type(value).__name__)}
    return info


def min_max(metas: Iterable[dict[str, Any]], field: str) -> dict[str, Any]:
    """The smallest and the largest value of a field; None if no document has one.

    Values of different types that cannot be compared are ordered by the name of their type first.

    :param metas: The metadata of all documents.
    :param field: The name of the field, as for :func:`field_value`.
    """
    values = [value for value in (field_value(meta, field) for meta in metas) if value is not None]
    if not values:
        return {"min": None, "max": None}
    try:
        return {"min": min(values), "max": max(values)}
    except TypeError:
        return {"min": min(values, key=_mixed_type_key), "max": max(values, key=_mixed_type_key)}


def unique_values(metas: Iterable[dict[str, Any]], field: str) -> list[Any]:
    """The distinct values of a field, sorted as strings. 1, 1.0, True and "1" are four values.

    :param metas: The metadata of all documents.
    :param field: The name of the field, as for :func:`field_value`.
    """
    distinct: dict[tuple[type, str], Any] = {}
    for meta in metas:
        value = field_value(meta, field)
        if value is not None:
            distinct.setdefault((type(value), repr(value)), value)
    return sorted(distinct.values(), key=str)


def _mixed_type_key(value: Any) -> tuple[str, Any]:
    if isinstance(value, (int, float)):
        return ("number", value)
    return (type(value).__name__, str(value))
