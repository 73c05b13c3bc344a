# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack index`: files and folders into a store or an index."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from dpr_haystack.cli.bad_records import passed_over
from dpr_haystack.cli.common import (
    add_compute,
    add_place,
    compute_of,
    location_of,
    progress,
    whole_number,
)

if TYPE_CHECKING:
    from dpr_haystack.components.retrievers.common import AnyStore
    from dpr_haystack.core.similarity import Similarity
    from dpr_haystack.workflows.indexing import IndexReport

SUMMARY = "index files and folders"
DESCRIPTION = """Reads text, Markdown, HTML, PDF, JSON lines, DPR passage TSV and SQuAD JSON (each also .gz), cuts it
into passages, and writes them with the vectors of the passage tower to a store, or to an index in Elasticsearch. Run
it again after an interruption or a change: only new and changed text is embedded."""
EXAMPLE = "dpr-haystack index docs/ faq.md --store my-store --model demo/model"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this command."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="files and folders")
    add_place(
        parser,
        index_help="of a store: Flat (exact, the default) or e.g. HNSW32; in Elasticsearch: the index's name, made if "
        "need be (default: dpr-haystack)",
    )
    parser.add_argument(
        "--model", metavar="M", help="the passage tower (default: the one that made the store's vectors)"
    )
    parser.add_argument("--words", type=whole_number, default=100, help="words a passage (default: %(default)s)")
    parser.add_argument(
        "--prune",
        action="store_true",
        help="remove passages whose source is gone from under PATH, which may be gone itself; a passage that several "
        "sources have belongs to the one that was indexed first, so name all paths at once",
    )
    parser.add_argument("--skip-bad", action="store_true", help="go on behind bad lines and files, list and count them")
    parser.add_argument("--language", default=None, help="language that words are searched in (default: english)")
    add_compute(parser)


def run(arguments: argparse.Namespace) -> int:
    """Index, and say what was done."""
    from dpr_haystack.errors import DataError, InputError
    from dpr_haystack.workflows.indexing import index_paths
    from dpr_haystack.workflows.opening import passage_embedder
    from dpr_haystack.workflows.sources import find_files

    find_files(arguments.paths, may_be_gone=arguments.prune)  # a wrong path is said before a model is loaded
    embedder = passage_embedder(_passage_model(arguments), compute_of(arguments))
    embedder.warm_up()
    store = _store(arguments, embedder.similarity)
    started = time.perf_counter()
    settings = {name: getattr(arguments, name) for name in ("words", "prune", "skip_bad", "language")}
    try:
        with progress("passages") as step:
            report = index_paths(arguments.paths, store, embedder, **settings, progress=step)
        count = _count(store)
    except KeyboardInterrupt:
        print(f"interrupted: {_state(store, arguments)}; run the same command to go on", file=sys.stderr)
        return 130
    except DataError as error:
        msg = f"{error}; the files before it are indexed, --skip-bad goes on without such lines and files"
        raise InputError(msg) from error
    finally:
        store.close()
    for line in _asides(report):
        print(line, file=sys.stderr)
    print(
        f"{report.read} passages read in {time.perf_counter() - started:.1f} s: {report.embedded} embedded, "
        f"{report.updated} updated, {report.unchanged} unchanged, {report.pruned} removed"
    )
    print(f"{_name(arguments)} holds {count} passages")
    return 1 if report.failed else 0


def _passage_model(arguments: argparse.Namespace) -> str:
    from dpr_haystack.backends.registry import writer_over
    from dpr_haystack.workflows.opening import open_index
    from dpr_haystack.workflows.recorded_models import passage_model_for, recorded_encoder_in

    if arguments.model is not None:
        return str(arguments.model)
    if arguments.elasticsearch is None:
        return passage_model_for(recorded_encoder_in(arguments.store), Path(arguments.store))
    target = writer_over(open_index(location_of(arguments)))
    try:
        return passage_model_for(target.recorded_encoder if target.is_there() else None, None)
    finally:
        target.close()


def _store(arguments: argparse.Namespace, similarity: Similarity) -> AnyStore:
    from dpr_haystack.workflows.opening import open_index, store_for

    if arguments.elasticsearch is not None:
        return open_index(location_of(arguments))
    return store_for(arguments.store, index=arguments.index, language=arguments.language, similarity=similarity)


def _name(arguments: argparse.Namespace) -> str:
    from dpr_haystack.workflows.opening import DEFAULT_INDEX

    return str(arguments.store) if arguments.elasticsearch is None else f"index {arguments.index or DEFAULT_INDEX}"


def _count(store: AnyStore) -> int:
    """Its passages; a store that nothing was written to is not made to be counted."""
    from dpr_haystack.backends.registry import writer_over

    target = writer_over(store)
    try:
        return target.count() if target.is_there() else 0
    finally:
        target.close()


def _state(store: AnyStore, arguments: argparse.Namespace) -> str:
    """What is there, as far as that can be said: an interruption may be because the server is gone."""
    from dpr_haystack.errors import SearchServerError

    try:
        return f"{_count(store)} passages are in {_name(arguments)}"
    except SearchServerError as error:
        return f"how many passages are in {_name(arguments)} is not known ({error})"


def _asides(report: IndexReport) -> Iterator[str]:
    for file in report.empty:
        yield f"no text in {file}"
    for refused in report.failed:
        yield f"not taken: {refused.id}: {refused.reason}"
    if report.failed:
        yield f"{len(report.failed)} passages were not taken; run the same command to try them again"
    yield from passed_over(report.bad_records)
    for error in report.bad:
        yield f"not read to its end: {error}"
    if report.left_out:
        yield (
            f"{len(report.left_out)} passages were left out: their ids came before with another text, "
            f"e.g. {report.left_out[0]}"
        )
