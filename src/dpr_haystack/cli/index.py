# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack index`: files and folders into a store."""

from __future__ import annotations

import argparse
import sys
import time

from dpr_haystack.cli.common import add_compute, add_store, device_of, progress, whole_number

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
    parser.add_argument("--prune", action="store_true", help="remove passages whose source is gone")
    parser.add_argument("--index", default=None, metavar="I", help="Flat (exact, the default) or e.g. HNSW32")
    parser.add_argument("--language", default=None, help="language of the keyword index (default: english)")
    add_compute(parser)


def run(arguments: argparse.Namespace) -> int:
    """Index, and say what was done."""
    from dpr_haystack.components.document_embedder import DPRDocumentEmbedder
    from dpr_haystack.workflows.indexing import index_paths
    from dpr_haystack.workflows.sources import find_files
    from dpr_haystack.workflows.stores import passage_model_for, store_for

    find_files(arguments.paths)  # a wrong path is said before a model is loaded
    model = passage_model_for(arguments.store, arguments.model)
    embedder = DPRDocumentEmbedder(model, device=device_of(arguments.device), dtype=arguments.dtype, progress_bar=False)
    embedder.warm_up()
    store = store_for(arguments.store, index=arguments.index, language=arguments.language)
    started = time.perf_counter()
    try:
        with progress("passages") as step:
            report = index_paths(
                arguments.paths, store, embedder, words=arguments.words, prune=arguments.prune, progress=step
            )
        count = store.count_documents()
    except KeyboardInterrupt:
        print(
            f"interrupted: {store.count_documents()} passages are in {arguments.store}; run the same command to go on",
            file=sys.stderr,
        )
        return 130
    finally:
        store.close()
    for file in report.empty:
        print(f"no text in {file}", file=sys.stderr)
    if report.left_out:
        print(
            f"{len(report.left_out)} passages were left out: their ids came before with another text, "
            f"e.g. {report.left_out[0]}",
            file=sys.stderr,
        )
    print(
        f"{report.read} passages read in {time.perf_counter() - started:.1f} s: {report.embedded} embedded, "
        f"{report.updated} updated, {report.unchanged} unchanged, {report.pruned} removed"
    )
    print(f"{arguments.store} holds {count} passages")
    return 0
