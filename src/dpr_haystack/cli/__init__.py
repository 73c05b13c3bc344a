# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The command `dpr-haystack`.

Each command is a module of this package with

* ``SUMMARY``: one line for ``dpr-haystack --help``;
* ``DESCRIPTION`` and ``EXAMPLE``: the head and the last line of the command's own ``--help``;
* ``add_arguments(parser)``: adds the command's arguments to an :class:`argparse.ArgumentParser`;
* ``run(arguments)``: runs the command with the parsed arguments and returns the exit code. Heavy libraries are imported
  here, so that ``--help`` is fast;
* optionally ``describe()``: the whole description, where it takes imports to write it.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NoReturn

from dpr_haystack import __version__
from dpr_haystack.errors import DPRError, InputError, MissingExtra, ModelError

COMMANDS = {
    "quickstart": "quickstart",
    "index": "index",
    "search": "search",
    "ask": "ask",
    "evaluate": "evaluate",
    "info": "info",
    "check": "check",
    "convert": "convert",
    "es-init": "es_init",
    "build-training-data": "build_training_data",
    "build-reader-data": "build_reader_data",
    "mine": "mine",
    "train": "train",
    "train-reader": "train_reader",
    "learning-curve": "learning_curve",
    "fit-hybrid": "fit_hybrid",
    "reembed": "reembed",
    "export": "export",
    "delete": "delete",
}
"""The module of each command."""

_BAD_INPUT = (InputError, ModelError, MissingExtra)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    :param arguments: The arguments after ``dpr-haystack``; None for those of the process.
    :returns: 0 for success, 1 for a failure, 2 for invalid input, 130 after an interruption.
    """
    parsed = make_parser().parse_args(arguments)
    _configure_libraries()
    try:
        code: int = parsed.run(parsed)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever reads the output has closed it
        return 0
    except _BAD_INPUT as error:
        print(f"dpr-haystack {parsed.command}: {_one_line(error)}", file=sys.stderr)
        return 2
    except (DPRError, OSError) as error:
        print(f"dpr-haystack {parsed.command}: {_one_line(error)}", file=sys.stderr)
        return 1


class _Parser(argparse.ArgumentParser):
    """Reports errors in one line, like all other errors of the commands; may write its description when it is shown."""

    describe: Callable[[], str] | None = None

    def format_help(self) -> str:
        if self.describe is not None:
            self.description = self.describe()
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = _Parser(
        prog="dpr-haystack",
        description="Search your own text by dense passage retrieval (DPR), BM25, or both combined.",
        epilog="example: dpr-haystack quickstart demo",
    )
    parser.add_argument("--version", action="version", version=f"dpr-haystack {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module_name in COMMANDS.items():
        module = import_module(f"{__name__}.{module_name}")
        command = commands.add_parser(
            name,
            help=module.SUMMARY,
            description=module.DESCRIPTION,
            epilog=f"example: {module.EXAMPLE}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.describe = getattr(module, "describe", None)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def _configure_libraries() -> None:
    """Disable telemetry, progress bars and warnings of libraries; must run before they are imported."""
    os.environ.setdefault("HAYSTACK_TELEMETRY_ENABLED", "False")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    for name in ("haystack.components.converters", "pypdf", "trafilatura"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # unreadable files are reported by name


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
