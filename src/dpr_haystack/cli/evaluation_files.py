# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Files that `dpr-haystack evaluate` writes."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dpr_haystack.cli.bad_records import check_keeps_questions

if TYPE_CHECKING:
    from dpr_haystack.formats.question import Question
    from dpr_haystack.workflows.evaluation.evaluate import EvaluationReport, Recorder
    from dpr_haystack.workflows.evaluation.files import AnswerRecorder
    from dpr_haystack.workflows.evaluation.reader_judge import JudgedAnswer

_SUFFIXES = {"trec_run": ".trec", "results": ".json", "predictions": ".json"}
_FILES = ("output", "predictions", "per_question", "trec_run", "results", "plot")
_OF_A_READER = ("output", "predictions")
_SEVERAL = "with several systems, one file each, named with the system before the suffix, or in the directory PATH"


def add_files(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name files.

    :param parser: The parser.
    """
    parser.add_argument("--output", metavar="FILE", help="write the answers of the reader to FILE as JSON lines")
    parser.add_argument(
        "--predictions",
        metavar="PATH",
        help="write the answers of the reader as SQuAD's evaluation scripts take them, {question id: answer}; with "
        "several systems or numbers of passages one file each, with a name such as bm25-10 before the suffix",
    )
    parser.add_argument(
        "--per-question",
        metavar="FILE",
        help="write the ranks and first passages of every question to FILE as JSON lines",
    )
    parser.add_argument("--trec-run", metavar="PATH", help=f"write TREC runs: {_SEVERAL}")
    parser.add_argument(
        "--results", metavar="PATH", help=f"write the results in the JSON format of DPR's retriever: {_SEVERAL}"
    )
    parser.add_argument("--plot", metavar="FILE", help="plot accuracy over k to FILE (.png, .svg or .pdf)")


def check_files(arguments: argparse.Namespace, questions: Sequence[Question]) -> None:
    """Check, before anything is searched, that all files can be written.

    :param arguments: The parsed arguments.
    :param questions: The questions.
    :raises InputError: If a file would replace the questions or another output, or cannot be written.
    :raises MissingExtra: If a plot is requested and matplotlib is not installed.
    """
    from dpr_haystack.errors import InputError
    from dpr_haystack.workflows.drawing import check_picture
    from dpr_haystack.workflows.evaluation.files import check_question_ids, check_unique_ids

    for name in _OF_A_READER:
        if getattr(arguments, name) is not None and arguments.reader is None:
            msg = f"--{name} is for the answers of a reader: it needs --reader M"
            raise InputError(msg)
    taken: dict[Path, str] = {}
    for name in _FILES:
        for path in _targets(arguments, name):
            _check_target(arguments, name, path, taken)
    if arguments.predictions is not None:
        check_unique_ids(questions, "SQuAD's predictions")
    if arguments.trec_run is not None:
        check_question_ids(questions)
    if arguments.plot is not None:
        check_picture("--plot", arguments.plot)


@contextmanager
def recorders(arguments: argparse.Namespace, systems: Sequence[str]) -> Iterator[list[Recorder]]:
    """The recorders that write the files; the files appear when the evaluation has succeeded.

    :param arguments: The parsed arguments.
    :param systems: The evaluated systems.
    """
    from dpr_haystack.workflows.evaluation.files import per_question_file, results_file, run_file

    alone = len(systems) == 1
    with ExitStack() as stack:
        opened: list[Recorder] = []
        if arguments.per_question is not None:
            opened.append(stack.enter_context(per_question_file(Path(arguments.per_question))))
        for name, open_file in (("trec_run", run_file), ("results", results_file)):
            if getattr(arguments, name) is not None:
                paths = {system: _path(arguments, name, system, alone=alone) for system in systems}
                opened += [stack.enter_context(open_file(path, system)) for system, path in paths.items()]
        yield opened


@contextmanager
def answer_recorder(arguments: argparse.Namespace, systems: Sequence[str]) -> Iterator[AnswerRecorder]:
    """What writes the files of a reader's answers; they appear when the evaluation has succeeded.

    :param arguments: The parsed arguments.
    :param systems: The evaluated systems.
    """
    from dpr_haystack.workflows.evaluation.files import answers_file, predictions_file

    parts = [(system, count) for system in systems for count in sorted(set(arguments.passages))]
    with ExitStack() as stack:
        opened: list[AnswerRecorder] = []
        if arguments.output is not None:
            opened.append(stack.enter_context(answers_file(Path(arguments.output))))
        for system, count in parts if arguments.predictions is not None else ():
            path = _path(arguments, "predictions", f"{system}-{count}", alone=len(parts) == 1)
            opened.append(stack.enter_context(predictions_file(path, system, count)))

        def record(judged: JudgedAnswer) -> None:
            for write in opened:
                write(judged)

        yield record


def draw_plot(arguments: argparse.Namespace, report: EvaluationReport) -> None:
    """Plot accuracy over k, if requested.

    :param arguments: The parsed arguments.
    :param report: The evaluation.
    """
    from dpr_haystack.workflows.evaluation.plot import plot_accuracy

    if arguments.plot is not None:
        plot_accuracy(Path(arguments.plot), report.ranks, max(arguments.top_k))


def _targets(arguments: argparse.Namespace, name: str) -> Iterator[Path]:
    """Every file that an argument may name, for any systems."""
    from dpr_haystack.components.retrievers.hybrid_search import SYSTEMS

    text = getattr(arguments, name)
    if text is None:
        return
    if name in _SUFFIXES:
        parts = list(SYSTEMS)
        if name == "predictions":
            parts = [f"{system}-{count}" for system in SYSTEMS for count in sorted(set(arguments.passages))]
        yield from (_path(arguments, name, part, alone=False) for part in parts)
    if name not in _SUFFIXES or not Path(text).is_dir():
        yield Path(text)


def _path(arguments: argparse.Namespace, name: str, system: str, *, alone: bool) -> Path:
    from dpr_haystack.workflows.evaluation.files import file_of_system

    return file_of_system(Path(getattr(arguments, name)), system, alone=alone, suffix=_SUFFIXES[name])


def _check_target(arguments: argparse.Namespace, name: str, path: Path, taken: dict[Path, str]) -> None:
    from dpr_haystack.errors import InputError

    flag, value = f"--{name.replace('_', '-')}", getattr(arguments, name)
    check_keeps_questions(arguments, f"{flag} {value}", path)
    if path.is_dir() or (value.endswith(("/", os.sep)) and not Path(value).is_dir()):
        kind = "a file or an existing directory" if name in _SUFFIXES else "a file"
        msg = f"{flag} must be {kind}: got {value}"
        raise InputError(msg)
    if not path.parent.is_dir():
        msg = f"{flag} {value} cannot be written: the directory {path.parent} does not exist"
        raise InputError(msg)
    other = taken.setdefault(path.resolve(), flag)
    if other != flag:
        msg = f"{flag} and {other} would both write {path}: use another file"
        raise InputError(msg)
