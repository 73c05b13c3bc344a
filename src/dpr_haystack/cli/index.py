# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack index`: files and folders into a store."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dpr_haystack.cli.common import add_compute, add_store, device_of, progress, whole_number

if TYPE_CHECKING:
    from dpr_haystack.components.document_store import FAISSDocumentStore
    from dpr_haystack.workflows.indexing import IndexReport

SUMMARY = "index files and folders"
DESCRIPTION = """Reads text, Markdown, HTML, PDF, JSON lines, DPR passage TSV and SQuAD JSON (each also .gz), cuts it
into passages, and writes them to a store with the vectors of the passage tower. Run it again after an
interruption or a change: only new and changed text is embedded."""
EXAMPLE = "dpr-haystack index docs/ faq.md --store my-store --model demo/model"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this command."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="files and folders")
    add_store(parser)
    parser.add_argument(
        "--model", metavar="M", help="the passage tower (default: the one that made the store's vectors)"
    )
    parser.add_argument("--words", type=whole_number, default=100, help="words a passage (default: %(default)s)")
    parser.add_argument(
        "--prune",
        action="store_true",
        help="remove passages whose source is gone from under PATH, which may be gone itself",
    )
    parser.add_argument("--skip-bad", action="store_true", help="go on where a file cannot be read, and list those")
    parser.add_argument("--index", default=None, metavar="I", help="Flat (exact, the default) or e.g. HNSW32")
    parser.add_argument("--language", default=None, help="language of the keyword index (default: english)")
    add_compute(parser)


def run(arguments: argparse.Namespace) -> int:
    """Index, and say what was done."""
    from dpr_haystack.components.document_embedder import DPRDocumentEmbedder
    from dpr_haystack.errors import DataError, InputError
    from dpr_haystack.workflows.indexing import index_paths
    from dpr_haystack.workflows.sources import find_files
    from dpr_haystack.workflows.stores import passage_model_for, store_for

    find_files(arguments.paths, may_be_gone=arguments.prune)  # a wrong path is said before a model is loaded
    model = passage_model_for(arguments.store, arguments.model)
    embedder = DPRDocumentEmbedder(model, device=device_of(arguments.device), dtype=arguments.dtype, progress_bar=False)
    embedder.warm_up()
    store = store_for(arguments.store, index=arguments.index, language=arguments.language)
    started = time.perf_counter()
    settings = {"words": arguments.words, "prune": arguments.prune, "skip_bad": arguments.skip_bad}
    try:
        with progress("passages") as step:
            report = index_paths(arguments.paths, store, embedder, **settings, progress=step)
        count = _count(store)
    except KeyboardInterrupt:
        print(
            f"interrupted: {_count(store)} passages are in {arguments.store}; run the same command to go on",
            file=sys.stderr,
        )
        return 130
    except DataError as error:
        msg = f"{error}; the files before it are indexed, --skip-bad goes on without such files"
        raise InputError(msg) from error
    finally:
        store.close()
    for line in _asides(report):
        print(line, file=sys.stderr)
    print(
        f"{report.read} passages read in {time.perf_counter() - started:.1f} s: {report.embedded} embedded, "
        f"{report.updated} updated, {report.unchanged} unchanged, {report.pruned} removed"
    )
    print(f"{arguments.store} holds {count} passages")
    return 0


def _count(store: FAISSDocumentStore) -> int:
    """Its passages; a store that nothing was written to is not made to be counted."""
    from dpr_haystack.store.registry import is_store

    return store.count_documents() if store.directory is not None and is_store(store.directory) else 0


def _asides(report: IndexReport) -> Iterator[str]:
    for file in report.empty:
        yield f"no text in {file}"
    for error in report.bad:
        yield f"not read to its end: {error}"
    if report.left_out:
        yield (
            f"{len(report.left_out)} passages were left out: their ids came before with another text, "
            f"e.g. {report.left_out[0]}"
        )
