# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The question of `search` and `ask`: an argument, or lines of standard input."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any


def add_question(parser: argparse.ArgumentParser, help_text: str) -> None:
    """The question, as one argument in quotes.

    :param help_text: What the help says.
    """
    parser.add_argument("question", nargs="?", help=help_text)
    # what follows the first word of a question without quotes
    parser.add_argument("more_words", nargs="*", action=_UnquotedQuestion, help=argparse.SUPPRESS)


class _UnquotedQuestion(argparse.Action):
    """Refuses the words after the first one, with the question in quotes."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option: str | None = None,  # noqa: ARG002
    ) -> None:
        if values:
            question = " ".join([namespace.question, *values])
            parser.error(f'the question must be in quotes: "{question}"')


def questions_of_a_person(question: str | None) -> Iterator[str]:
    """One question, or those that come line by line on standard input.

    :param question: The question; None to read standard input, with a prompt if it is a terminal.
    """
    if question is not None:
        yield question
        return
    is_terminal = sys.stdin.isatty()
    while True:
        if is_terminal:
            print("? ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            return
        if line.strip():
            yield line.strip()
