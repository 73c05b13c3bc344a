# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Evaluating a filter on columns. Documents are positions; what columns do not decide is asked of the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dpr_haystack.core.exact import Rows
from dpr_haystack.store.column_search import comparison, find, joined
from dpr_haystack.store.columns import ColumnSnapshot
from dpr_haystack.store.filters import NEGATIONS, meta_path

#: Field names and what is nested in them, e.g. ``("author", "name")``.
Path = tuple[str, ...]


def paths_in(filters: Any) -> set[Path]:
    """The metadata fields that a filter compares.

    :param filters: A valid filter.
    """
    if "field" in filters:
        path = meta_path(filters["field"])
        return set() if path is None else {path}
    return set().union(*(paths_in(condition) for condition in filters["conditions"]))


@dataclass(frozen=True)
class Evaluation:
    """Evaluates filters at one moment of a store.

    :param everything: Positions of all documents of that moment, sorted.
    :param columns: Columns of the fields that are compared.
    :param ask: Evaluates a filter for some positions, or for all if they are None, in the database.
    """

    everything: Callable[[], Rows]
    columns: Mapping[Path, ColumnSnapshot]
    ask: Callable[[dict[str, Any], Rows | None], Rows]

    def matching(self, filters: dict[str, Any], among: Rows | None = None) -> Rows:
        """Positions of the matching documents, sorted; possibly also of documents that were deleted.

        As in Haystack, a condition is only evaluated where the conditions before it have not decided.

        :param filters: A valid filter.
        :param among: Only these positions; None for all.
        """
        if "field" in filters:
            return self._compared(filters, among)
        if filters["operator"] == "OR":
            return self._any_of(filters["conditions"], among)
        matching = among
        for condition in filters["conditions"]:
            matching = self.matching(condition, matching)
        if filters["operator"] == "AND":
            return self._all(matching)
        return self._without(among, self._all(matching))

    def _any_of(self, conditions: list[dict[str, Any]], among: Rows | None) -> Rows:
        found: list[Rows] = []
        for number, condition in enumerate(conditions):
            found.append(self.matching(condition, among))
            if number + 1 < len(conditions):
                among = self._without(among, found[-1])
        return joined(found)

    def _compared(self, leaf: dict[str, Any], among: Rows | None) -> Rows:
        operator = NEGATIONS.get(leaf["operator"], leaf["operator"])
        path = meta_path(leaf["field"])
        column = None if path is None else self.columns.get(path)
        wanted = None if column is None else comparison(operator, leaf["value"])
        if column is None or wanted is None:
            return self.ask(leaf, among)
        found, undecided = find(column, wanted, among)
        if undecided.size:
            asked = self.ask({**leaf, "operator": operator}, undecided)
            found = joined([found, asked])
        return found if operator == leaf["operator"] else self._without(among, found)

    def _all(self, positions: Rows | None) -> Rows:
        return self.everything() if positions is None else positions

    def _without(self, among: Rows | None, removed: Rows) -> Rows:
        """The difference of sorted positions."""
        positions = self._all(among)
        if not removed.size or not positions.size:
            return positions
        is_removed = np.zeros(max(positions[-1], removed[-1]) + 1, dtype=np.bool_)
        is_removed[removed] = True
        return positions[~is_removed[positions]]
