# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Files of questions, and what is said of lines and records in files that are none."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dpr_haystack.cli.common import existing_file

if TYPE_CHECKING:
    from dpr_haystack.errors import DataError
    from dpr_haystack.formats.question import Question


def add_questions(parser: argparse.ArgumentParser, what: str) -> None:
    """`--questions` and `--skip-bad`.

    :param what: What the questions are for.
    """
    parser.add_argument("--questions", required=True, type=existing_file, metavar="FILE", help=what)
    parser.add_argument("--skip-bad", action="store_true", help="pass over bad questions, list and count them")


def questions_of(arguments: argparse.Namespace, limit: int | None = None) -> list[Question]:
    """The questions of `--questions`; those that are passed over are told on stderr.

    :param arguments: With those of :func:`add_questions`.
    :param limit: The first so many; None for all.
    """
    from itertools import islice

    from dpr_haystack.formats.questions import read_questions

    bad: list[DataError] = []
    questions = list(islice(read_questions(arguments.questions, bad.append if arguments.skip_bad else None), limit))
    say_passed_over(bad)
    return questions


class PassingOver:
    """Tells of every bad record at once, for reading comes long before the end."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, error: DataError) -> None:
        """Tell of one."""
        self._count += 1
        print(f"passed over: {error}", file=sys.stderr)

    def say_count(self) -> None:
        """How many there were, if any."""
        if self._count:
            print(_counted(self._count), file=sys.stderr)


def say_passed_over(bad: Sequence[DataError]) -> None:
    """List and count on stderr what was passed over."""
    for line in passed_over(bad):
        print(line, file=sys.stderr)


def passed_over(bad: Sequence[DataError]) -> Iterator[str]:
    """What was passed over, a line each, and how many there were."""
    for error in bad:
        yield f"passed over: {error}"
    if bad:
        yield _counted(len(bad))


def _counted(count: int) -> str:
    return f"{count} bad {'record' if count == 1 else 'records'} passed over"
