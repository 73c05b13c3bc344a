# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Recall, nDCG and other ranking measures, as trec_eval computes them, with ir_measures."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from subprocess import CalledProcessError
from typing import Any

from dpr_haystack._optional import require
from dpr_haystack.errors import InputError

FAMILIES = ("AP", "nDCG", "P", "R", "RR", "Rprec", "Success")
"""The supported measures: those between 0 and 1, which can be given in percent."""

Grades = Mapping[str, float] | Collection[str]
"""Grades by passage id, or the ids of passages of grade 1."""

_DECIMALS = 1000
_MAX_GRADE = 1_000_000  # trec_eval allocates memory for every grade up to the highest


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

    def add(self, judged: Iterable[tuple[Grades, Sequence[str]]]) -> None:
        """Add questions.

        :param judged: For each question the grades of the judged passages by id, or the ids of the relevant ones, and
            the ids of those retrieved, best first. A grade above 0 means relevant; others count as 0. Grades that are
            not integers count to three decimals.
        :raises InputError: If a measure cannot be computed from such grades.
        """
        relevant: dict[str, dict[str, int]] = {}
        runs: dict[str, dict[str, float]] = {}
        for number, (golds, ranked) in enumerate(judged):
            # Ranks instead of ids: any id is allowed, and ties cannot be reordered.
            ranks = {passage: str(rank) for rank, passage in enumerate(ranked, 1)}
            grades = golds if isinstance(golds, Mapping) else dict.fromkeys(golds, 1)
            integers = self._integers(list(grades.values()))
            relevant[str(number)] = {
                ranks.get(gold, f"not found {gold}"): grade for gold, grade in zip(grades, integers, strict=True)
            }
            runs[str(number)] = {rank: -float(rank) for rank in ranks.values()}
        try:
            for value in self._library.iter_calc(list(self._sums), relevant, runs):
                self._sums[value.measure] += value.value
        except CalledProcessError as error:  # from the program that computes exponential gains, for grades above 4
            msg = f"{', '.join(map(str, self._sums))} cannot be computed from the grades of these qrels: {error}"
            raise InputError(msg) from error
        self._questions += len(relevant)

    def _integers(self, grades: Sequence[float]) -> list[int]:
        """The grades as integers, which trec_eval needs, multiplied so that their ratios stay: nDCG stays the same."""
        positive = [max(grade, 0.0) for grade in grades]
        factor = 1 if all(float(grade).is_integer() for grade in positive) else _DECIMALS
        integers = [max(round(factor * grade), int(grade > 0)) for grade in positive]
        of_grades = [str(measure) for measure in self._sums if factor > 1 and {"rel", "dcg"} & set(measure.params)]
        if of_grades or max(integers, default=0) > _MAX_GRADE:
            limit = f"must not exceed {_MAX_GRADE // factor}"
            msg = f"grades {f'for {of_grades[0]} must be integers' if of_grades else limit}: got {max(grades)}"
            raise InputError(msg)
        return integers

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
