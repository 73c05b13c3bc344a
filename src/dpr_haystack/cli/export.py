# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack export`: the passages of a store as files."""

from __future__ import annotations

import argparse
import sys

from dpr_haystack.cli.common import add_place, location_of

SUMMARY = "write the passages of a store to files"
DESCRIPTION = """Writes all passages with their ids, titles and metadata, without vectors: to JSON lines (.jsonl or
.jsonl.gz), to parquet (.parquet), or to a new folder in BEIR's format. `dpr-haystack index` makes an equal store of
each."""
EXAMPLE = "dpr-haystack export --store my-store --output passages.jsonl.gz"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_place(parser)
    parser.add_argument("--output", required=True, metavar="PATH", help="the file, or the folder for BEIR's format")


def run(arguments: argparse.Namespace) -> int:
    """Export and print how many passages."""
    from dpr_haystack.workflows.exporting import export_passages
    from dpr_haystack.workflows.opening import open_place

    store = open_place(location_of(arguments))
    try:
        report = export_passages(store, arguments.output)
    finally:
        store.close()
    if report.without_text:
        print(f"{report.without_text} documents without text were left out", file=sys.stderr)
    if report.changed:
        print(
            f"{report.changed} passages will be read back with other metadata or titles: dates, tuples and bytes are "
            "written as text, and titles are read without underscores and extra spaces",
            file=sys.stderr,
        )
    print(f"{report.written} passages written to {arguments.output}")
    return 0
