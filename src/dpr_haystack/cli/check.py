# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack check`: verify and repair a store."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

SUMMARY = "verify and repair a store"
DESCRIPTION = """Verifies counts, the checksums of all vectors, and every derived index against the documents, and says
which encoder made the vectors. The exit code is 1 if something is wrong or damaged."""
EXAMPLE = "dpr-haystack check demo/store"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("store", metavar="DIR", help="directory of the store")
    parser.add_argument("--repair", action="store_true", help="rebuild derived indexes that are wrong")


def run(arguments: argparse.Namespace) -> int:
    """Check the store and print the result."""
    from dpr_haystack.errors import InputError
    from dpr_haystack.store.check import check_store, repair_store
    from dpr_haystack.store.registry import is_store

    root = Path(arguments.store)
    if not is_store(root):
        msg = f"there is no store at {root}"
        raise InputError(msg)
    report = repair_store(root) if arguments.repair else check_store(root)
    for line in report.passed:
        print(f"ok      {line}")
    for line in report.unknown:
        print(f"UNKNOWN {line}")
    for line in report.repairable:
        print(f"WRONG   {line} (repair with: dpr-haystack check {root} --repair)")
    for line in report.damaged:
        print(f"DAMAGED {line}")
    if not report.is_sound:
        print(f"{root} has problems", file=sys.stderr)
    return 0 if report.is_sound else 1
