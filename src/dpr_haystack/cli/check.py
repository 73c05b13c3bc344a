# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack check`: verify a store."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

SUMMARY = "verify a store, repair what can be repaired"
DESCRIPTION = """Verifies counts, checksums of all vectors, and every derived index against the documents.
Exit code 1 if something is wrong."""
EXAMPLE = "dpr-haystack check demo/store"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this command."""
    parser.add_argument("store", metavar="DIR", help="the store's directory")
    parser.add_argument("--repair", action="store_true", help="rebuild what can be rebuilt")


def run(arguments: argparse.Namespace) -> int:
    """Check, and print what was found."""
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
    for line in report.repairable:
        print(f"WRONG   {line} (repair with: dpr-haystack check {root} --repair)")
    for line in report.damaged:
        print(f"DAMAGED {line}")
    if not report.is_sound:
        print(f"{root} is not sound", file=sys.stderr)
    return 0 if report.is_sound else 1
