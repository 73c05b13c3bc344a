# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The command `dpr-haystack`: one small module a command; each imports what is heavy when it runs."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from dpr_haystack import __version__
from dpr_haystack.errors import DPRError, InputError, MissingExtra, ModelError

#: Name of each command and its module here.
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
    "mine": "mine",
    "train": "train",
    "learning-curve": "learning_curve",
    "fit-hybrid": "fit_hybrid",
    "reembed": "reembed",
}

_BAD_INPUT = (InputError, ModelError, MissingExtra)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    :param arguments: What stands behind the command's name; None for what the process was started with.
    :returns: 0, or 1 if something failed, 2 for bad input, 130 if it was interrupted.
    """
    parsed = make_parser().parse_args(arguments)
    _be_quiet()
    try:
        code: int = parsed.run(parsed)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has seen enough
        return 0
    except _BAD_INPUT as error:
        print(f"dpr-haystack {parsed.command}: {_one_line(error)}", file=sys.stderr)
        return 2
    except (DPRError, OSError) as error:
        print(f"dpr-haystack {parsed.command}: {_one_line(error)}", file=sys.stderr)
        return 1


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as every other refusal here does."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = _Parser(
        prog="dpr-haystack",
        description="Dense passage retrieval, BM25 and both together over your own text.",
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
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def _be_quiet() -> None:
    """Set before the libraries are loaded: no telemetry, no progress bars and no asides of theirs on our screen."""
    os.environ.setdefault("HAYSTACK_TELEMETRY_ENABLED", "False")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    for name in ("haystack.components.converters", "pypdf", "trafilatura"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # a file that they cannot read is refused by its name


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
