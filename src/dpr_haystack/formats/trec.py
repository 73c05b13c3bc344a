# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""TREC runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dpr_haystack.core.hits import distinct_scores, single_precision
from dpr_haystack.errors import DataError
from dpr_haystack.formats.open_text import OnBad, numbered_lines
from dpr_haystack.formats.records import parse_rows
from dpr_haystack.formats.writing import atomic_writer, write_lines

Run = dict[str, dict[str, float]]
"""For each question id, the scores of the retrieved passages by passage id, best first."""

RankedHits = Iterable[tuple[str, float]]
"""Ids and scores of the passages of one question, best first."""


def read_run(path: str | Path, on_bad: OnBad | None = None) -> Run:
    """Read a TREC run: lines of question id, ``Q0``, passage id, rank, score and tag, separated by whitespace.

    Scores determine the order, as in trec_eval: they are compared in float32, and passages with equal scores are in
    descending order of their ids. Ranks are ignored. A repeated passage keeps its best score.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :param on_bad: Called with the error of each bad line, which is skipped; None to raise the first.
    :raises DataError: If a line has another number of columns or a score that is not a finite number.
    """
    run: Run = {}

    def read(row: tuple[int, list[str]]) -> tuple[str, str, float]:
        line, columns = row
        if len(columns) != 6:
            raise DataError(path, f"must have 6 columns (question Q0 passage rank score tag): got {len(columns)}", line)
        return columns[0], columns[2], finite_number(columns[4], "score", path, line)

    for question, passage, score in parse_rows(_rows(path, on_bad), read, on_bad):
        scores = run.setdefault(question, {})
        scores[passage] = max(score, scores.get(passage, -math.inf))
    return {question: dict(sorted(scores.items(), key=_trec_order, reverse=True)) for question, scores in run.items()}


def _trec_order(hit: tuple[str, float]) -> tuple[float, str]:
    return single_precision(hit[1]), hit[0]


def write_run(path: str | Path, run: Mapping[str, Mapping[str, float]], tag: str = "dpr-haystack") -> int:
    """Write a TREC run, each question's passages best first.

    Scores are written as :func:`~dpr_haystack.core.hits.distinct_scores` returns them, so that every tool ranks the
    passages in this order.

    :param path: The file; gzipped for ``.gz``.
    :param run: Scores by question id and passage id; passages with equal scores stay in the order given.
    :param tag: The name of the system, without whitespace.
    :returns: The number of lines.
    :raises DataError: If the file cannot be written, or an id is empty or contains whitespace.
    """

    def lines() -> Iterator[str]:
        for question, scores in run.items():
            yield from _run_lines(path, question, sorted(scores.items(), key=lambda hit: -hit[1]), tag)

    return write_lines(path, lines())


@contextmanager
def run_writer(
    path: str | Path, tag: str = "dpr-haystack"
) -> Iterator[Callable[[str, Iterable[tuple[str, float]]], None]]:
    """Write a TREC run question by question: yields a function to call with a question id and its hits, best first.

    Scores are written as :func:`~dpr_haystack.core.hits.distinct_scores` returns them.

    :param path: The file; gzipped for ``.gz``. It is replaced only on success.
    :param tag: The name of the system, without whitespace.
    :raises DataError: If the file cannot be written, or an id is empty or contains whitespace.
    """
    with atomic_writer(path) as file:
        yield lambda question, hits: file.writelines(f"{line}\n" for line in _run_lines(path, question, hits, tag))


def _run_lines(path: str | Path, question: str, hits: RankedHits, tag: str) -> Iterator[str]:
    ranked = list(hits)
    scores = distinct_scores(score for _, score in ranked)
    for rank, ((passage, _), score) in enumerate(zip(ranked, scores, strict=True), 1):
        yield f"{checked_id(question, path)} Q0 {checked_id(passage, path)} {rank} {score!r} {checked_id(tag, path)}"


def _rows(path: str | Path, on_bad: OnBad | None) -> Iterator[tuple[int, list[str]]]:
    return ((number, line.split()) for number, line in numbered_lines(path, on_bad) if line.strip())


def finite_number(text: str, name: str, path: str | Path, line: int) -> float:
    """The number in a column.

    :param text: The column.
    :param name: What the number is, for the error.
    :param path: The file, for the error.
    :param line: Its line, for the error.
    :raises DataError: If it is not a finite number.
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise DataError(path, f"{name} must be a finite number: got {text!r}", line)
    return number


def is_valid_id(text: str) -> bool:
    """Whether these formats allow an id: it is not empty and contains no whitespace.

    :param text: The id.
    """
    return text.split() == [text]


def checked_id(text: str, path: str | Path) -> str:
    """The id.

    :param text: The id.
    :param path: The file, for messages.
    :raises DataError: If these formats do not allow it.
    """
    if not is_valid_id(text):
        raise DataError(path, f"ids and tags must be non-empty and without whitespace: got {text!r}")
    return text
