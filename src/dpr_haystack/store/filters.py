# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Haystack filters as SQL, equivalent to ``haystack.utils.filters.document_matches_filter``.

Every filter becomes one SQL expression with bound parameters. Comparisons that SQLite evaluates exactly like Python
(numbers, plain strings, None) run in SQLite; others (dates, containers, a float within rounding of its bound) call
Haystack's function for the single value. ``CASE`` preserves Python's order of evaluation, and thus which comparisons
may raise.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from dataclasses import fields as dataclass_fields
from typing import Any

from haystack.dataclasses import Document
from haystack.errors import FilterError
from haystack.utils.filters import COMPARISON_OPERATORS, LOGICAL_OPERATORS, document_matches_filter

from dpr_haystack.store.columns import is_plain_text
from dpr_haystack.store.errors import BadFilter
from dpr_haystack.store.records import TAG, load_meta

_DOCUMENT_FIELDS = frozenset(entry.name for entry in dataclass_fields(Document))
_IN_PYTHON = frozenset({"embedding", "blob", "sparse_embedding", "meta"})
#: Operators that negate another one.
NEGATIONS = {"!=": "==", "not in": "in"}
_INEQUALITIES = frozenset({">", ">=", "<", "<="})
# SQLite limits the parameters of a statement (three per comparison) and the depth of its parser (several per level).
_MOST_COMPARISONS = 10_000
_DEEPEST = 8
# SQLite's decimal-to-binary conversion may be off by one unit in the last place; Python's is exact.
_ROUNDING = 1e-12
# raised by Haystack's comparisons; OverflowError for digits that are parsed as a date
_INCOMPARABLE = (TypeError, OverflowError)
_TEXT_FILES = "Values from TSV and CSV files are text; those from JSON and Parquet may be numbers."


@dataclass
class CompiledFilter:
    """A compiled filter.

    :param sql: An expression over the columns of ``documents``.
    :param parameters: Values of its named parameters.
    :param leaves: Comparisons that are evaluated in Python, by number.
    :param failure: The exception that a callback raised; SQLite only reports that there was one.
    """

    sql: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    leaves: list[dict[str, Any]] = field(default_factory=list)
    failure: Exception | None = None

    def bind(self, value: Any) -> str:
        """Add a parameter.

        :param value: Its value.
        :returns: Its name in SQL.
        """
        name = f"filter{len(self.parameters)}"
        self.parameters[name] = value
        return f":{name}"

    def attach(self, connection: sqlite3.Connection) -> None:
        """Register the callbacks with a connection.

        :param connection: The connection.
        """
        connection.create_function("dpr_meta_leaf", 2, self._guarded(self._meta_leaf))
        connection.create_function("dpr_value_leaf", 2, self._guarded(self._value_leaf))

    def _meta_leaf(self, number: int, meta: str) -> bool:
        return document_matches_filter(self.leaves[number], Document(id="-", meta=load_meta(meta)))

    def _value_leaf(self, number: int, value: Any) -> bool:
        leaf = {**self.leaves[number], "field": "meta.value"}
        return document_matches_filter(leaf, Document(id="-", meta={"value": value}))

    def _guarded(self, leaf: Callable[[int, Any], bool]) -> Callable[[int, Any], bool]:
        def call(number: int, value: Any) -> bool:
            try:
                return leaf(number, value)
            except FilterError as error:
                self.failure = _not_applicable(self.leaves[number], error)
                raise
            except _INCOMPARABLE as error:
                self.failure = _not_applicable(self.leaves[number], error)
                raise

        return call


def matches(filters: dict[str, Any], document: Document) -> bool:
    """Whether a document matches a filter, as Haystack evaluates it.

    :param filters: The filter.
    :param document: The document.
    :raises FilterError: If values cannot be compared.
    """
    try:
        return document_matches_filter(filters, document)
    except (*_INCOMPARABLE, FilterError) as error:
        raise _not_applicable(filters, error) from error


def _not_applicable(filters: Any, error: Exception) -> BadFilter:
    hint = f" {_TEXT_FILES}" if "compare strings" in str(error) else ""
    return BadFilter(f"the filter {filters} cannot be applied: {error}{hint}")


def needs_python(filters: Any) -> bool:
    """Whether a filter must be evaluated in Python: it is too large for SQLite, or uses e.g. the embedding.

    :param filters: The filter.
    """
    leaves, depth, hidden = _measure(filters)
    return hidden or leaves > _MOST_COMPARISONS or depth > _DEEPEST


def _measure(filters: Any) -> tuple[int, int, bool]:
    """Number of comparisons, depth, and whether a comparison uses a field that SQLite cannot evaluate."""
    if not isinstance(filters, dict):
        return 0, 0, False  # compile_filter refuses it
    if "field" in filters:
        name = str(filters["field"])
        return 1, 0, name in _IN_PYTHON and not (name == "embedding" and filters.get("value", 0) is None)
    conditions = filters.get("conditions")
    parts = [_measure(condition) for condition in conditions] if isinstance(conditions, list) else []
    leaves, depths, hidden = zip(*parts, strict=True) if parts else ((), (), ())
    return sum(leaves), 1 + max(depths, default=0), any(hidden)


def compile_filter(filters: dict[str, Any]) -> CompiledFilter:
    """Convert a Haystack filter to SQL.

    :param filters: A comparison or a logical filter.
    :raises BadFilter: If a key is missing or an operator is unknown, even if the store is empty.
    """
    compiled = CompiledFilter()
    compiled.sql = _condition(filters, compiled)
    return compiled


def _condition(filters: Any, compiled: CompiledFilter) -> str:
    if not isinstance(filters, dict):
        msg = f"a filter must be a dict: got {filters!r}"
        raise BadFilter(msg)
    if "field" in filters:
        return _comparison(filters, compiled)
    if filters.get("operator") in COMPARISON_OPERATORS:
        msg = f"the key 'field' is missing in the filter {filters}"
        raise BadFilter(msg)
    return _logical(filters, compiled)


def _logical(filters: dict[str, Any], compiled: CompiledFilter) -> str:
    operator = _required(filters, "operator", LOGICAL_OPERATORS)
    conditions = _required(filters, "conditions")
    if not isinstance(conditions, list):
        msg = f"the 'conditions' of a filter must be a list: got {conditions!r} in the filter {filters}"
        raise BadFilter(msg)
    parts = [_condition(condition, compiled) for condition in conditions]
    if not parts:
        return "1" if operator == "AND" else "0"
    # Flat, because SQLite limits the depth of an expression, and a filter may have thousands of conditions.
    if operator == "OR":
        return "(CASE" + "".join(f" WHEN {part} THEN 1" for part in parts) + " ELSE 0 END)"
    hit, miss = ("1", "0") if operator == "AND" else ("0", "1")
    return "(CASE" + "".join(f" WHEN NOT {part} THEN {miss}" for part in parts) + f" ELSE {hit} END)"


def _required(filters: dict[str, Any], key: str, known: dict[str, Any] | None = None) -> Any:
    if key not in filters:
        msg = f"the key {key!r} is missing in the filter {filters}"
        raise BadFilter(msg)
    value = filters[key]
    if known is not None and value not in known:
        msg = f"unknown filter operator {value!r} in {filters}; known: {', '.join(known)}"
        raise BadFilter(msg)
    return value


def _comparison(leaf: dict[str, Any], compiled: CompiledFilter) -> str:
    operator = _required(leaf, "operator", COMPARISON_OPERATORS)
    value = _required(leaf, "value")
    name = leaf["field"]
    if not isinstance(name, str):
        msg = f"the 'field' of a filter must be a string: got {name!r}"
        raise BadFilter(msg)
    positive = NEGATIONS.get(operator, operator)
    compiled.leaves.append({**leaf, "operator": positive})
    sql = _positive(positive, value, _source(name, len(compiled.leaves) - 1, compiled), compiled)
    return sql if positive == operator else f"(NOT {sql})"


@dataclass(frozen=True)
class _Source:
    """SQL for a comparison's value, for its JSON type, and for evaluating the comparison in Python."""

    value: str
    kind: str
    ask: str


def meta_path(name: str) -> tuple[str, ...] | None:
    """The keys of a metadata field; None if the field is another one, or SQLite's paths cannot express a key.

    :param name: Name of the field in a filter.
    """
    root, *keys = name.split(".")
    if (root in _DOCUMENT_FIELDS and not keys) or (keys and root != "meta"):
        return None
    keys = keys or [root]
    is_plain = all(key.isprintable() and key and key != TAG and not set(key) & {'"', "\\"} for key in keys)
    return tuple(keys) if is_plain else None


def json_path(keys: tuple[str, ...]) -> str:
    """SQLite's path of nested keys.

    :param keys: What :func:`meta_path` returned.
    """
    return "$" + "".join(f'."{key}"' for key in keys)


def _source(name: str, number: int, compiled: CompiledFilter) -> _Source:
    root, *keys = name.split(".")
    if not keys and root in _DOCUMENT_FIELDS:
        column = "row" if root == "embedding" else root
        return _Source(column, f"typeof({column})", f"dpr_value_leaf({number}, {column})")
    if keys and root != "meta":
        # An attribute of a Document that is not a dict, or no attribute at all: it has no nested values.
        return _Source("NULL", "'null'", f"dpr_value_leaf({number}, NULL)")
    ask = f"dpr_meta_leaf({number}, meta)"
    plain = meta_path(name)
    if plain is None:
        return _Source("", "", ask)
    path = compiled.bind(json_path(plain))
    return _Source(f"json_extract(meta, {path})", f"coalesce(json_type(meta, {path}), 'null')", ask)


def _positive(operator: str, value: Any, source: _Source, compiled: CompiledFilter) -> str:
    """SQL of a comparison that is not a negation; a missing value counts as None."""
    if source.value:
        if operator == "==":
            return _equal(value, source, compiled)
        if operator == "in" and isinstance(value, list):
            return _within(value, source, compiled)
        if operator in _INEQUALITIES and _is_number(value):
            return _inequality(operator, value, source, compiled)
        if operator in _INEQUALITIES and value is None:
            return "0"
    return source.ask


def _equal(value: Any, source: _Source, compiled: CompiledFilter) -> str:
    if value is None:
        return f"({source.value} IS NULL)"
    if is_plain_text(value):
        return f"({source.kind} = 'text' AND {source.value} = {compiled.bind(value)})"
    if _is_number(value):
        return _inequality("=", value, source, compiled)
    return source.ask


def _within(values: list[Any], source: _Source, compiled: CompiledFilter) -> str:
    texts = [value for value in values if value is not None]
    if not all(is_plain_text(text) for text in texts):
        return source.ask
    listed = compiled.bind(json.dumps(texts, ensure_ascii=False))
    inside = f"{source.kind} = 'text' AND {source.value} IN (SELECT value FROM json_each({listed}))"
    return f"({inside})" if len(texts) == len(values) else f"({inside} OR {source.value} IS NULL)"


def _inequality(operator: str, value: Any, source: _Source, compiled: CompiledFilter) -> str:
    """Comparison of numbers: exact in SQLite, except for floats so close that the decimal conversion decides."""
    bound = compiled.bind(value)
    near = compiled.bind(max(abs(value) * _ROUNDING, 1e-300))
    decided = f"{source.value} {operator} {bound}"
    return (
        f"(CASE {source.kind} WHEN 'null' THEN 0"
        f" WHEN 'integer' THEN {decided} WHEN 'true' THEN {decided} WHEN 'false' THEN {decided}"
        f" WHEN 'real' THEN CASE WHEN abs({source.value} - {bound}) <= {near} THEN {source.ask} ELSE {decided} END"
        f" ELSE {source.ask} END)"
    )


def _is_number(value: Any) -> bool:
    if isinstance(value, int):
        return abs(value) < 1 << 62
    return isinstance(value, float) and math.isfinite(value)
