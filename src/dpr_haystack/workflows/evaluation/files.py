# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Files that an evaluation writes: ranks per question, TREC runs, DPR's result files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dpr_haystack.errors import InputError
from dpr_haystack.formats.question import Question
from dpr_haystack.formats.results import RetrievalResult, RetrievedPassage, results_writer
from dpr_haystack.formats.trec import is_valid_id, run_writer
from dpr_haystack.formats.writing import atomic_writer
from dpr_haystack.workflows.evaluation.evaluate import Recorder
from dpr_haystack.workflows.evaluation.reader_judge import JudgedAnswer
from dpr_haystack.workflows.evaluation.retrieval_judge import JudgedQuestion

AnswerRecorder = Callable[[JudgedAnswer], None]
"""Called with every judged answer."""

LISTED = 10
"""Passages listed per question and system in a per-question file."""


def file_of_system(path: Path, system: str, *, alone: bool, suffix: str) -> Path:
    """The file that one system is written to.

    :param path: A directory, in which the file is named after the system, or a file, to whose name the system's is
        added.
    :param system: The system.
    :param alone: Whether it is the only system; then a file keeps its name.
    :param suffix: Suffix of files in a directory, e.g. ``".trec"``.
    """
    if path.is_dir():
        return path / f"{system}{suffix}"
    if alone:
        return path
    zipped = path.suffix if path.suffix.lower() == ".gz" else ""
    inner = Path(path.name.removesuffix(zipped))
    return path.with_name(f"{inner.stem}.{system}{inner.suffix}{zipped}")


@contextmanager
def per_question_file(path: Path) -> Iterator[Recorder]:
    """Write JSON lines: for each question and system the rank of the first right passage, and the first passages.

    :param path: The file; gzipped if it ends in ``.gz``.
    :raises DataError: If it cannot be written.
    """
    with atomic_writer(path) as file:
        yield lambda judged: file.writelines((json.dumps(_line(judged), ensure_ascii=False), "\n"))


@contextmanager
def run_file(path: Path, system: str) -> Iterator[Recorder]:
    """Write the TREC run of one system; its tag is the system's name.

    :param path: The file; gzipped if it ends in ``.gz``.
    :param system: The system.
    :raises DataError: If it cannot be written, or a passage id contains white space.
    """
    with run_writer(path, system) as write:
        yield lambda judged: write(judged.question.id, zip(*judged.runs[system], strict=True))


@contextmanager
def results_file(path: Path, system: str) -> Iterator[Recorder]:
    """Write the results of one system in the format of DPR's retriever, which DPR's reader reads.

    :param path: The file; gzipped if it ends in ``.gz``.
    :param system: The system.
    :raises DataError: If it cannot be written.
    """
    with results_writer(path) as write:
        yield lambda judged: write(_result(judged, system))


@contextmanager
def answers_file(path: Path) -> Iterator[AnswerRecorder]:
    """Write the answers of a reader as JSON lines.

    :param path: The file; gzipped if it ends in ``.gz``.
    :raises DataError: If it cannot be written.
    """
    with atomic_writer(path) as file:
        yield lambda judged: file.writelines((json.dumps(asdict(judged), ensure_ascii=False), "\n"))


@contextmanager
def predictions_file(path: Path, system: str, passages: int) -> Iterator[AnswerRecorder]:
    """Write the answers read from one system's passages as SQuAD's scripts take them: an answer for each question id.

    :param path: The file; gzipped if it ends in ``.gz``.
    :param system: The system.
    :param passages: How many passages were read.
    :raises DataError: If it cannot be written.
    """
    predictions: dict[str, str] = {}

    def record(judged: JudgedAnswer) -> None:
        if (judged.system, judged.passages) == (system, passages):
            predictions[judged.id] = judged.prediction

    with atomic_writer(path) as file:
        yield record
        file.write(json.dumps(predictions, ensure_ascii=False, indent=2) + "\n")


def check_unique_ids(questions: Sequence[Question], purpose: str) -> None:
    """Check that every question has an id of its own.

    :param questions: The questions.
    :param purpose: What needs them, for the message.
    :raises InputError: If an id occurs twice.
    """
    for name, count in Counter(question.id for question in questions).most_common(1):
        if count > 1:
            msg = f"question ids in {purpose} must be unique: got {count} questions with the id {name}"
            raise InputError(msg)


def check_question_ids(questions: Sequence[Question]) -> None:
    """Check that question ids can be used in a TREC run.

    :param questions: The questions.
    :raises InputError: If an id is empty, contains white space, or occurs twice.
    """
    bad = next((question.id for question in questions if not is_valid_id(question.id)), None)
    if bad is not None:
        msg = f"question ids in a TREC run must be non-empty and without white space: got {bad!r}"
        raise InputError(msg)
    check_unique_ids(questions, "a TREC run")


def _line(judged: JudgedQuestion) -> dict[str, Any]:
    systems: dict[str, dict[str, Any]] = {}
    for name, hits in judged.runs.items():
        entry = systems[name] = {}
        if judged.gold_ranks:
            entry["gold_rank"] = judged.gold_ranks[name]
        if judged.answer_ranks:
            entry["answer_rank"] = judged.answer_ranks[name]
        entry["passage_ids"] = hits.ids[:LISTED]
    return {"id": judged.question.id, "question": judged.question.question, "systems": systems}


def _result(judged: JudgedQuestion, system: str) -> RetrievalResult:
    answers = judged.question.answers
    passages = tuple(
        RetrievedPassage(judged.passage(name), score, judged.has_answer(name) if answers else None)
        for name, score in zip(*judged.runs[system], strict=True)
    )
    return RetrievalResult(judged.question.question, answers, passages)
