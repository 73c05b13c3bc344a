# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Recall, nDCG and other ranking measures, as trec_eval computes them, with ir_measures."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from dpr_haystack._optional import require
from dpr_haystack.errors import InputError

FAMILIES = ("AP", "nDCG", "P", "R", "RR", "Rprec", "Success")
"""The supported measures: those between 0 and 1, which can be given in percent."""


class RankingMeasures:
    """Means of ranking measures over questions, which are added in batches.

    :param names: Measures in the notation of ir_measures, e.g. ``"nDCG@10"``, ``"R@100"``.
    :param depth: Number of passages retrieved per question.
    :raises MissingExtra: If ir_measures is not installed.
    :raises InputError: If a measure is unknown, or its cutoff is greater than the depth.
    """

    def __init__(self, names: Sequence[str], depth: int) -> None:
        self._library = require("ir_measures", "evaluate", "computing recall and nDCG")
        self._sums = {_parsed(self._library, name, depth): 0.0 for name in names}
        self._questions = 0

    def add(self, judged: Iterable[tuple[Collection[str], Sequence[str]]]) -> None:
        """Add questions.

        :param judged: For each question the ids of the relevant passages, and those of the retrieved ones, best first.
        """
        relevant: dict[str, dict[str, int]] = {}
        runs: dict[str, dict[str, float]] = {}
        for number, (golds, ranked) in enumerate(judged):
            # Ranks instead of ids: any id is allowed, and ties cannot be reordered.
            ranks = {passage: str(rank) for rank, passage in enumerate(ranked, 1)}
            relevant[str(number)] = {ranks.get(gold, f"not found {gold}"): 1 for gold in golds}
            runs[str(number)] = {rank: -float(rank) for rank in ranks.values()}
        for value in self._library.iter_calc(list(self._sums), relevant, runs):
            self._sums[value.measure] += value.value
        self._questions += len(relevant)

    def means(self) -> dict[str, float]:
        """The mean of each measure over the questions, in percent; empty if there were no questions."""
        if not self._questions:
            return {}
        return {str(measure): 100.0 * total / self._questions for measure, total in self._sums.items()}


def _parsed(library: Any, name: str, depth: int) -> Any:
    try:
        measure = library.parse_measure(name)
    except (NameError, ValueError) as error:
        msg = f"unknown measure {name!r}: {error}"
        raise InputError(msg) from error
    if type(measure).__name__.lstrip("_") not in FAMILIES:
        msg = f"unsupported measure {name!r}; supported: {', '.join(FAMILIES)}, each with or without @k"
        raise InputError(msg)
    cutoff = measure.params.get("cutoff")
    if cutoff is not None and not 1 <= cutoff <= depth:
        msg = f"the cutoff of {name} must be 1 to {depth}: got {cutoff}; lower it, or retrieve more passages"
        raise InputError(msg)
    return measure
