# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack info`: facts about a store or a model directory."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

SUMMARY = "describe a store or a model directory"
DESCRIPTION = "Prints facts about a store or a model directory: counts, encoder, settings and size."
EXAMPLE = "dpr-haystack info demo/store"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("directory", metavar="DIR", help="a store or a model directory")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the facts."""
    from dpr_haystack.workflows.info import describe

    facts = describe(Path(arguments.directory))
    if arguments.json:
        print(json.dumps(facts, indent=2, ensure_ascii=False, default=str))
    else:
        width = max(len(name) for name in facts)
        print("\n".join(f"{name:<{width}}  {'-' if value is None else value}" for name, value in facts.items()))
    return 0
