# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What an evaluation writes question by question: ranks, TREC runs, DPR's result files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dpr_haystack.errors import InputError
from dpr_haystack.formats.question import Question
from dpr_haystack.formats.results import RetrievalResult, RetrievedPassage, results_writer
from dpr_haystack.formats.trec import is_valid_id, run_writer
from dpr_haystack.formats.writing import atomic_writer
from dpr_haystack.workflows.evaluation.evaluate import Recorder
from dpr_haystack.workflows.evaluation.retrieval_judge import JudgedQuestion

LISTED = 10
"""How many of a system's passages are listed for each question."""


def file_of_system(path: Path, system: str, *, alone: bool, suffix: str) -> Path:
    """The file of one system among several.

    :param path: A directory: then the file is named after the system; or a file, whose name gets the system's.
    :param system: The system.
    :param alone: Whether it is the only one: then the file is the one that is named.
    :param suffix: Of files in a directory, e.g. ``".trec"``.
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
    """JSON lines: each question with the ranks of the first right passage, and the first passages, of each system.

    :param path: The file; gzipped for ``.gz``.
    :raises DataError: If it cannot be written.
    """
    with atomic_writer(path) as file:
        yield lambda judged: file.writelines((json.dumps(_line(judged), ensure_ascii=False), "\n"))


@contextmanager
def run_file(path: Path, system: str) -> Iterator[Recorder]:
    """The TREC run of one system; its tag is the system's name.

    :param path: The file; gzipped for ``.gz``.
    :param system: The system.
    :raises DataError: If it cannot be written, or a passage's id has space in it.
    """
    with run_writer(path, system) as write:
        yield lambda judged: write(judged.question.id, zip(*judged.runs[system], strict=True))


@contextmanager
def results_file(path: Path, system: str) -> Iterator[Recorder]:
    """What one system found as DPR's retriever writes it, and its reader takes it.

    :param path: The file; gzipped for ``.gz``.
    :param system: The system.
    :raises DataError: If it cannot be written.
    """
    with results_writer(path) as write:
        yield lambda judged: write(_result(judged, system))


def check_question_ids(questions: Sequence[Question]) -> None:
    """Refuse questions that TREC runs cannot tell apart.

    :raises InputError: If an id is empty, has space in it, or comes twice.
    """
    bad = next((question.id for question in questions if not is_valid_id(question.id)), None)
    if bad is not None:
        msg = f"a TREC run needs question ids without space, got {bad!r}"
        raise InputError(msg)
    name, often = Counter(question.id for question in questions).most_common(1)[0]
    if often > 1:
        msg = f"a TREC run needs question ids that come once, and {often} questions have the id {name}"
        raise InputError(msg)


def _line(judged: JudgedQuestion) -> dict[str, Any]:
    systems: dict[str, dict[str, Any]] = {}
    for name, hits in judged.runs.items():
        told = systems[name] = {}
        if judged.gold_ranks:
            told["gold_rank"] = judged.gold_ranks[name]
        if judged.answer_ranks:
            told["answer_rank"] = judged.answer_ranks[name]
        told["passage_ids"] = hits.ids[:LISTED]
    return {"id": judged.question.id, "question": judged.question.question, "systems": systems}


def _result(judged: JudgedQuestion, system: str) -> RetrievalResult:
    answers = judged.question.answers
    passages = tuple(
        RetrievedPassage(judged.passage(name), score, judged.has_answer(name) if answers else None)
        for name, score in zip(*judged.runs[system], strict=True)
    )
    return RetrievalResult(judged.question.question, answers, passages)
