# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Recall, nDCG and the like, as trec_eval computes them (ir_measures)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from dpr_haystack._optional import require
from dpr_haystack.errors import InputError

FAMILIES = ("AP", "nDCG", "P", "R", "RR", "Rprec", "Success")
"""The measures that are shares, so that percent of them mean something."""


class RankingMeasures:
    """Measures of one system's rankings, summed up as questions come.

    :param names: As ir_measures writes them, e.g. ``"nDCG@10"``, ``"R@100"``.
    :param depth: How many passages are retrieved.
    :raises MissingExtra: If ir_measures is not installed.
    :raises InputError: If a measure is unknown, or looks deeper than that.
    """

    def __init__(self, names: Sequence[str], depth: int) -> None:
        self._library = require("ir_measures", "evaluate", "computing recall and nDCG")
        self._sums = {_parsed(self._library, name, depth): 0.0 for name in names}
        self._questions = 0

    def add(self, judged: Iterable[tuple[Collection[str], Sequence[str]]]) -> None:
        """Count some questions.

        :param judged: For each the ids of the relevant passages, and those that were found, best first.
        """
        relevant: dict[str, dict[str, int]] = {}
        runs: dict[str, dict[str, float]] = {}
        for number, (golds, ranked) in enumerate(judged):
            # By their ranks: any id will do, and equal scores cannot be put into another order.
            place = {passage: str(rank) for rank, passage in enumerate(ranked, 1)}
            relevant[str(number)] = {place.get(gold, f"not found {gold}"): 1 for gold in golds}
            runs[str(number)] = {rank: -float(rank) for rank in place.values()}
        for value in self._library.iter_calc(list(self._sums), relevant, runs):
            self._sums[value.measure] += value.value
        self._questions += len(relevant)

    def means(self) -> dict[str, float]:
        """By the measures' names their means over the questions, in percent; empty if there were none."""
        if not self._questions:
            return {}
        return {str(measure): 100.0 * total / self._questions for measure, total in self._sums.items()}


def _parsed(library: Any, name: str, depth: int) -> Any:
    try:
        measure = library.parse_measure(name)
    except (NameError, ValueError) as error:
        msg = f"there is no measure {name!r}: {error}"
        raise InputError(msg) from error
    if type(measure).__name__.lstrip("_") not in FAMILIES:
        msg = f"{name} is not among the measures that can be had here: {', '.join(FAMILIES)}, each with or without @k"
        raise InputError(msg)
    cutoff = measure.params.get("cutoff")
    if cutoff is not None and not 1 <= cutoff <= depth:
        msg = f"{name} cannot be had from the first {depth} passages: let k be from 1 to {depth}, or retrieve more"
        raise InputError(msg)
    return measure
