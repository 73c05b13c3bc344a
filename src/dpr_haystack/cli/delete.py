# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack delete`: passages by id, by filter or by the files that they come from."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from dpr_haystack.cli.common import add_place, location_of

if TYPE_CHECKING:
    from dpr_haystack.components.retrievers.common import AnyStore

SUMMARY = "delete passages from a store"
DESCRIPTION = """Deletes passages from a store or an index in Elasticsearch. A passage that several files contain is
deleted with the last of them. What is unknown is refused before anything is deleted."""
EXAMPLE = "dpr-haystack delete --store my-store --file docs/old.md"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_place(parser)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--id", nargs="+", metavar="ID", help="passages with these ids")
    what.add_argument(
        "--filter", metavar="F", help="passages that match, e.g. 'year >= 1900'; or a Haystack filter as JSON"
    )
    what.add_argument(
        "--file", nargs="+", metavar="PATH", help="passages from these files, or from files below these folders"
    )


def run(arguments: argparse.Namespace) -> int:
    """Delete and print how many passages."""
    from dpr_haystack.workflows.opening import open_place

    store = open_place(location_of(arguments))
    try:
        count = _deleted(store, arguments)
    finally:
        store.close()
    print(f"{count} {'passage' if count == 1 else 'passages'} deleted")
    return 0


def _deleted(store: AnyStore, arguments: argparse.Namespace) -> int:
    from dpr_haystack.core.filter_text import parse_filter
    from dpr_haystack.workflows.deleting import delete_from_files, delete_ids, delete_matching

    if arguments.id is not None:
        return delete_ids(store, arguments.id)
    if arguments.file is not None:
        return delete_from_files(store, arguments.file)
    return delete_matching(store, parse_filter(arguments.filter))
