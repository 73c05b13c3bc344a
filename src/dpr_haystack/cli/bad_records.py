# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Arguments for files of questions, and reporting of skipped lines and records."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dpr_haystack.cli.common import existing_file, existing_path
from dpr_haystack.cli.table_options import add_table_options, table_options

if TYPE_CHECKING:
    from dpr_haystack.errors import DataError
    from dpr_haystack.formats.question import Question


def add_questions(parser: argparse.ArgumentParser, what: str) -> None:
    """Add `--questions`, `--skip-bad`, and those of :func:`add_qrels`.

    :param parser: The parser.
    :param what: Help text of `--questions`.
    """
    parser.add_argument(
        "--questions", required=True, type=existing_path, metavar="PATH", help=f"{what}, or a BEIR folder"
    )
    add_qrels(parser)
    parser.add_argument("--skip-bad", action="store_true", help="skip bad questions and list them")


def add_qrels(parser: argparse.ArgumentParser) -> None:
    """Add `--split`, `--qrels`, and the options of tables.

    :param parser: The parser.
    """
    parser.add_argument("--split", metavar="NAME", help="split of a BEIR folder (default: test)")
    parser.add_argument(
        "--qrels",
        type=existing_file,
        metavar="FILE",
        help="qrels of TREC or BEIR for a file of questions with ids: BEIR's queries.jsonl, TREC topics, or id, tab, "
        "question",
    )
    default = "the names in the first line; without names, as in DPR's and CuratedTREC's files"
    add_table_options(parser, "id,question,answers", default)


def questions_of(arguments: argparse.Namespace, limit: int | None = None) -> list[Question]:
    """The questions of `--questions`; skipped ones, and answers that are no patterns with `--regex`, go to stderr.

    :param arguments: The parsed arguments, with those of :func:`add_questions`.
    :param limit: Maximum number of questions; None for all.
    """
    from dpr_haystack.workflows.question_sets import QuestionSource, load_questions

    bad: list[DataError] = []
    source = QuestionSource(arguments.questions, arguments.split, arguments.qrels, table_options(arguments))
    questions = load_questions(source, limit=limit, on_bad=bad.append if arguments.skip_bad else None)
    print_skipped(bad)
    if getattr(arguments, "regex", False):
        _warn_of_patterns(questions)
    return questions


def _warn_of_patterns(questions: Sequence[Question]) -> None:
    from dpr_haystack.core.answers import is_pattern

    wrong = [answer for question in questions for answer in question.answers if not is_pattern(answer)]
    if wrong:
        are = (
            "answer is not a regular expression and matches"
            if len(wrong) == 1
            else ("answers are not regular expressions and match")
        )
        print(
            f"{len(wrong)} {are} nothing, e.g. {wrong[0]!r}; without --regex, answers are plain text", file=sys.stderr
        )


def question_files(arguments: argparse.Namespace) -> Iterator[Path]:
    """The files that :func:`questions_of` reads, and all files of a BEIR folder.

    :param arguments: The parsed arguments, with those of :func:`add_questions`.
    """
    if arguments.questions.is_dir():
        yield from (path for path in arguments.questions.rglob("*") if path.is_file())
    else:
        yield arguments.questions
    if arguments.qrels is not None:
        yield arguments.qrels


def check_keeps_questions(arguments: argparse.Namespace, given: str, path: Path) -> None:
    """Refuse an output file that is one of the files of questions.

    :param arguments: The parsed arguments, with those of :func:`add_questions`.
    :param given: The option that names the output, and its value.
    :param path: The output.
    :raises InputError: If it would replace them.
    """
    from dpr_haystack.errors import InputError

    if path.exists() and any(file.samefile(path) for file in question_files(arguments)):
        msg = f"{given} would replace the questions: use another file"
        raise InputError(msg)


class SkippedRecords:
    """Prints every skipped record on stderr as soon as it is read, and counts them."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, error: DataError) -> None:
        """Print one skipped record.

        :param error: Its error.
        """
        self._count += 1
        print(_line(error), file=sys.stderr)

    def print_count(self) -> None:
        """Print how many records were skipped, if any."""
        if self._count:
            print(_count_line(self._count), file=sys.stderr)


def print_note(note: str) -> None:
    """Print on stderr how a file was read.

    :param note: A sentence.
    """
    print(note, file=sys.stderr)


def print_skipped(bad: Sequence[DataError]) -> None:
    """List and count skipped records on stderr.

    :param bad: Their errors.
    """
    for line in skipped_lines(bad):
        print(line, file=sys.stderr)


def skipped_lines(bad: Sequence[DataError]) -> Iterator[str]:
    """One line for each skipped record, and one with their number.

    :param bad: Their errors.
    """
    for error in bad:
        yield _line(error)
    if bad:
        yield _count_line(len(bad))


def _line(error: DataError) -> str:
    return f"skipped: {error}"


def _count_line(count: int) -> str:
    return f"{count} bad {'record' if count == 1 else 'records'} skipped"
