# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The files that `dpr-haystack evaluate` writes."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dpr_haystack.formats.question import Question
    from dpr_haystack.workflows.evaluation.evaluate import EvaluationReport, Recorder

_SUFFIXES = {"trec_run": ".trec", "results": ".json"}
_FILES = ("output", "per_question", "trec_run", "results", "plot")
_SEVERAL = "with several systems one file each, the system's name before the suffix, or in the directory PATH"


def add_files(parser: argparse.ArgumentParser) -> None:
    """The arguments that name files."""
    parser.add_argument("--output", metavar="FILE", help="write every answer of the reader to FILE, as JSON lines")
    parser.add_argument(
        "--per-question", metavar="FILE", help="write ranks and first passages of every question to FILE, as JSON lines"
    )
    parser.add_argument("--trec-run", metavar="PATH", help=f"write TREC runs: {_SEVERAL}")
    parser.add_argument(
        "--results", metavar="PATH", help=f"write what was found as JSON, as DPR's retriever does: {_SEVERAL}"
    )
    parser.add_argument("--plot", metavar="FILE", help="draw accuracy over k to FILE (.png, .svg or .pdf)")


def check_files(arguments: argparse.Namespace, questions: Sequence[Question]) -> None:
    """Refuse, before anything is searched, what could not be written or would replace something else.

    :raises InputError: If a file would take the place of the questions or of another output, or cannot be there.
    :raises MissingExtra: If a plot is asked for and matplotlib is not installed.
    """
    from dpr_haystack.errors import InputError
    from dpr_haystack.workflows.drawing import PICTURE_SUFFIXES, require_drawing
    from dpr_haystack.workflows.evaluation.files import check_question_ids

    if arguments.output is not None and arguments.reader is None:
        msg = "--output lists a reader's answers: name the reader with --reader M"
        raise InputError(msg)
    taken: dict[Path, str] = {}
    for name in _FILES:
        for path in _targets(arguments, name):
            _check_target(arguments, name, path, taken)
    if arguments.trec_run is not None:
        check_question_ids(questions)
    if arguments.plot is not None:
        if Path(arguments.plot).suffix.lower() not in PICTURE_SUFFIXES:
            msg = f"--plot {arguments.plot}: the name must end in {', '.join(PICTURE_SUFFIXES)}"
            raise InputError(msg)
        require_drawing("--plot")


@contextmanager
def recorders(arguments: argparse.Namespace, systems: Sequence[str]) -> Iterator[list[Recorder]]:
    """What writes each question as it is judged; the files take their places when all went well."""
    from dpr_haystack.workflows.evaluation.files import per_question_file, results_file, run_file

    alone = len(systems) == 1
    with ExitStack() as stack:
        found: list[Recorder] = []
        if arguments.per_question is not None:
            found.append(stack.enter_context(per_question_file(Path(arguments.per_question))))
        for name, opened in (("trec_run", run_file), ("results", results_file)):
            if getattr(arguments, name) is not None:
                paths = {system: _path(arguments, name, system, alone=alone) for system in systems}
                found += [stack.enter_context(opened(path, system)) for system, path in paths.items()]
        yield found


def draw_plot(arguments: argparse.Namespace, report: EvaluationReport) -> None:
    """Draw accuracy over k, if that is asked for."""
    from dpr_haystack.workflows.evaluation.plot import plot_accuracy

    if arguments.plot is not None:
        plot_accuracy(Path(arguments.plot), report.ranks, max(arguments.top_k))


def _targets(arguments: argparse.Namespace, name: str) -> Iterator[Path]:
    """Every file that an argument may come to, whatever systems there are."""
    from dpr_haystack.components.retrievers.hybrid_search import SYSTEMS

    text = getattr(arguments, name)
    if text is None:
        return
    if name in _SUFFIXES:
        yield from (_path(arguments, name, system, alone=False) for system in SYSTEMS)
    if name not in _SUFFIXES or not Path(text).is_dir():
        yield Path(text)


def _path(arguments: argparse.Namespace, name: str, system: str, *, alone: bool) -> Path:
    from dpr_haystack.workflows.evaluation.files import file_of_system

    return file_of_system(Path(getattr(arguments, name)), system, alone=alone, suffix=_SUFFIXES[name])


def _check_target(arguments: argparse.Namespace, name: str, path: Path, taken: dict[Path, str]) -> None:
    from dpr_haystack.errors import InputError

    flag, given = f"--{name.replace('_', '-')}", getattr(arguments, name)
    if path.exists() and arguments.questions.samefile(path):
        msg = f"{flag} {given} would replace the questions; name another file"
        raise InputError(msg)
    if path.is_dir() or (given.endswith(("/", os.sep)) and not Path(given).is_dir()):
        msg = f"{flag} {given} cannot be written: it is no file, and a directory must be there already"
        raise InputError(msg)
    if not path.parent.is_dir():
        msg = f"{flag} {given} cannot be written: there is no directory {path.parent}"
        raise InputError(msg)
    other = taken.setdefault(path.resolve(), flag)
    if other != flag:
        msg = f"{flag} and {other} would both write {path}; name another file"
        raise InputError(msg)
