# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Filters as people type them, e.g. ``year >= 1900 and language in ["de", "en"]``, as Haystack filters."""

from __future__ import annotations

import ast
import json
import re
import warnings
from typing import Any

from dpr_haystack.errors import InputError

_OPERATORS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.In: "in",
    ast.NotIn: "not in",
}
# Fields of a document; every other name is one of its metadata.
_OF_DOCUMENTS = frozenset({"id", "content"})
_ASSIGNMENT = re.compile(r"(?<![=!<>])=(?!=)")
_LONGEST = 10_000
_CONSTANTS = {"null": None, "none": None, "true": True, "false": False}
_HOW = "e.g. 'year >= 1900 and language == \"en\"', or a Haystack filter as JSON"


def parse_filter(text: str) -> dict[str, Any]:
    """Parse a filter.

    A comparison has a field on the left and a value on the right: ``field == value``, also with ``!=``, ``>``, ``>=``,
    ``<``, ``<=``, ``in`` and ``not in``. Values are numbers, text in quotes, ``true``, ``false``, ``null``, and lists
    in square brackets. Comparisons are combined with ``and``, ``or``, ``not`` and brackets. ``id`` and ``content`` are
    those of the document, every other field is in its metadata, with or without ``meta.``. Text that begins with ``{``
    is a Haystack filter as JSON.

    :param text: The filter.
    :returns: A Haystack filter.
    :raises InputError: If the text is not a filter.
    """
    text = text.strip()
    if text.startswith("{"):
        return _from_json(text)
    if not text or len(text) > _LONGEST:
        msg = f"a filter has 1 to {_LONGEST} characters: got {len(text)}; {_HOW}"
        raise InputError(msg)
    try:
        with warnings.catch_warnings(action="ignore", category=SyntaxWarning):  # e.g. of a backslash in quotes
            return _condition(ast.parse(text, mode="eval").body, text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        msg = f"not a filter: {text!r} ({_reason(error)}); write {_HOW}"
        raise InputError(msg) from error


class _NotAFilter(ValueError):
    """A part of the text that has no meaning in a filter."""


def _reason(error: Exception) -> str:
    if isinstance(error, SyntaxError):
        hint = ", equality is written ==" if _ASSIGNMENT.search(error.text or "") else ""
        return f"a syntax error at character {error.offset}{hint}"
    return str(error) if isinstance(error, _NotAFilter) else "it is nested too deeply"


def _from_json(text: str) -> dict[str, Any]:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError) as error:
        msg = f"the filter begins like JSON but is not valid JSON: {error}"
        raise InputError(msg) from error
    if not isinstance(parsed, dict):
        msg = f"a filter in JSON is an object: got {type(parsed).__name__}"
        raise InputError(msg)
    return parsed


def _condition(node: ast.expr, text: str) -> dict[str, Any]:
    if isinstance(node, ast.BoolOp):
        operator = "AND" if isinstance(node.op, ast.And) else "OR"
        return {"operator": operator, "conditions": [_condition(part, text) for part in node.values]}
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return {"operator": "NOT", "conditions": [_condition(node.operand, text)]}
    if isinstance(node, ast.Compare):
        return _comparison(node, text)
    msg = f"{_source(node, text)} is no comparison"
    raise _NotAFilter(msg)


def _comparison(node: ast.Compare, text: str) -> dict[str, Any]:
    if len(node.ops) > 1:
        msg = f"{_source(node, text)} compares twice: combine two comparisons with 'and'"
        raise _NotAFilter(msg)
    operator = _OPERATORS.get(type(node.ops[0]))
    if operator is None:
        msg = f"{_source(node, text)} has none of the operators {', '.join(_OPERATORS.values())}"
        raise _NotAFilter(msg)
    return {"field": _field(node.left, text), "operator": operator, "value": _value(node.comparators[0], text)}


def _field(node: ast.expr, text: str) -> str:
    parts: list[str] = []
    inner = node
    while isinstance(inner, ast.Attribute):
        parts.insert(0, inner.attr)
        inner = inner.value
    if not isinstance(inner, ast.Name):
        msg = f"{_source(node, text)} is no field; a field comes first, and names with other characters need JSON"
        raise _NotAFilter(msg)
    name = ".".join([inner.id, *parts])
    return name if name in _OF_DOCUMENTS or name.startswith("meta.") else f"meta.{name}"


def _value(node: ast.expr, text: str) -> Any:
    if isinstance(node, ast.Name) and node.id.lower() in _CONSTANTS:
        return _CONSTANTS[node.id.lower()]
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return [_value(part, text) for part in node.elts]
    try:
        value = ast.literal_eval(node)
    except ValueError as error:
        msg = f"{_source(node, text)} is no value: write text in quotes"
        raise _NotAFilter(msg) from error
    if value is None or isinstance(value, str | int | float):
        return value
    msg = f"{_source(node, text)} is no number, text, list, true, false or null"
    raise _NotAFilter(msg)


def _source(node: ast.expr, text: str) -> str:
    return repr(ast.get_source_segment(text, node))
