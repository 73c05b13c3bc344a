# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""TREC runs and qrels, and BEIR's qrels: what was found, and what is relevant."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dpr_haystack.errors import DataError
from dpr_haystack.formats.open_text import OnBad, numbered_lines
from dpr_haystack.formats.records import good
from dpr_haystack.formats.writing import replacing, write_lines

Run = dict[str, dict[str, float]]
"""For each question id the scores of the passages found, by passage id, best first."""

Qrels = dict[str, dict[str, int]]
"""For each question id the grade of passages, by passage id; above 0 is relevant."""

RankedHits = Iterable[tuple[str, float]]
"""Ids and scores of the passages of one question, best first."""

_BEIR_HEADER = ["query-id", "corpus-id", "score"]


def read_run(path: str | Path, on_bad: OnBad | None = None) -> Run:
    """A TREC run: question id, ``Q0``, passage id, rank, score and tag in a line, separated by space.

    Scores decide the order, as in trec_eval; ranks are not read. A passage that comes twice keeps its best score.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :param on_bad: Told of bad lines, which are passed over; None to raise the first.
    :raises DataError: If a line has another number of columns or a score that is no finite number.
    """
    found: Run = {}

    def read(row: tuple[int, list[str]]) -> tuple[str, str, float]:
        line, columns = row
        if len(columns) != 6:
            raise DataError(path, f"expected 6 columns (question Q0 passage rank score tag), got {len(columns)}", line)
        return columns[0], columns[2], _number(columns[4], path, line)

    for question, passage, score in good(_rows(path, on_bad), read, on_bad):
        scores = found.setdefault(question, {})
        scores[passage] = max(score, scores.get(passage, -math.inf))
    return {name: dict(sorted(scores.items(), key=lambda hit: (-hit[1], hit[0]))) for name, scores in found.items()}


def write_run(path: str | Path, run: Mapping[str, Mapping[str, float]], tag: str = "dpr-haystack") -> int:
    """Write a TREC run, each question's passages best first.

    :param path: The file; gzipped for ``.gz``.
    :param run: Scores by question id and passage id.
    :param tag: The name of the system; without space.
    :returns: How many lines.
    :raises DataError: If an id is empty or has space in it, which the format cannot hold.
    """

    def lines() -> Iterator[str]:
        for question, scores in run.items():
            yield from _run_lines(path, question, sorted(scores.items(), key=lambda hit: (-hit[1], hit[0])), tag)

    return write_lines(path, lines())


@contextmanager
def writing_run(
    path: str | Path, tag: str = "dpr-haystack"
) -> Iterator[Callable[[str, Iterable[tuple[str, float]]], None]]:
    """Write a TREC run as it comes about: yields what to call with each question's id and its hits, best first.

    :param path: The file; gzipped for ``.gz``. It takes its place when all went well.
    :param tag: The name of the system; without space.
    :raises DataError: If it cannot be written, or an id is empty or has space in it, which the format cannot hold.
    """
    with replacing(path) as file:
        yield lambda question, hits: file.writelines(f"{line}\n" for line in _run_lines(path, question, hits, tag))


def _run_lines(path: str | Path, question: str, hits: RankedHits, tag: str) -> Iterator[str]:
    for rank, (passage, score) in enumerate(hits, 1):
        yield f"{_word(question, path)} Q0 {_word(passage, path)} {rank} {score!r} {_word(tag, path)}"


def read_qrels(path: str | Path, on_bad: OnBad | None = None) -> Qrels:
    """Relevance judgements: TREC's (question, iteration, passage, grade) or BEIR's (question, passage, grade).

    :param path: The file; gzipped if its name ends in ``.gz``. BEIR's begins with a line of column names.
    :param on_bad: Told of bad lines, which are passed over; None to raise the first.
    :raises DataError: If a line has another number of columns or a grade that is no whole number.
    """
    judged: Qrels = {}

    def read(row: tuple[int, list[str]]) -> tuple[str, str, int] | None:
        line, columns = row
        if columns == _BEIR_HEADER:
            return None
        if len(columns) not in (3, 4):
            reason = f"expected question, iteration, passage and grade, or three without iteration, got {len(columns)}"
            raise DataError(path, f"{reason} columns", line)
        return columns[0], columns[-2], _grade(columns[-1], path, line)

    for each in good(_rows(path, on_bad), read, on_bad):
        if each is not None:
            judged.setdefault(each[0], {})[each[1]] = each[2]
    return judged


def write_qrels(path: str | Path, qrels: Mapping[str, Mapping[str, int]], *, beir: bool = False) -> int:
    """Write relevance judgements.

    :param path: The file; gzipped for ``.gz``.
    :param qrels: Grades by question id and passage id.
    :param beir: Tab-separated with column names, instead of TREC's four columns.
    :returns: How many judgements.
    :raises DataError: If an id is empty or has space in it, which the format cannot hold.
    """
    return write_lines(path, _qrels_lines(path, qrels, beir)) - beir


def _qrels_lines(path: str | Path, qrels: Mapping[str, Mapping[str, int]], beir: bool) -> Iterator[str]:
    if beir:
        yield "\t".join(_BEIR_HEADER)
    for question, grades in qrels.items():
        for passage, grade in grades.items():
            names = _word(question, path), _word(passage, path)
            yield f"{names[0]}\t{names[1]}\t{grade}" if beir else f"{names[0]} 0 {names[1]} {grade}"


def _rows(path: str | Path, on_bad: OnBad | None) -> Iterator[tuple[int, list[str]]]:
    return ((number, line.split()) for number, line in numbered_lines(path, on_bad) if line.strip())


def _number(text: str, path: str | Path, line: int) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise DataError(path, f"the score {text!r} is no finite number", line)
    return number


def _grade(text: str, path: str | Path, line: int) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise DataError(path, f"the grade {text!r} is no whole number", line) from error


def is_word(text: str) -> bool:
    """Whether an id can stand in these files: it is not empty, and there is no space in it."""
    return text.split() == [text]


def _word(text: str, path: str | Path) -> str:
    if not is_word(text):
        raise DataError(path, f"an id here must be a word without space, got {text!r}")
    return text


def relevant(qrels: Mapping[str, Mapping[str, int]]) -> dict[str, tuple[str, ...]]:
    """The ids of the relevant passages of each question."""
    return {name: tuple(each for each, grade in grades.items() if grade > 0) for name, grades in qrels.items()}
