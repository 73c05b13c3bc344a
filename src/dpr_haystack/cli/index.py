# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack index`: indexes files and folders."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from dpr_haystack.cli.bad_records import skipped_lines
from dpr_haystack.cli.common import (
    add_compute,
    add_place,
    compute_of,
    location_of,
    progress,
    whole_number,
)
from dpr_haystack.cli.table_options import add_table_options, table_options

if TYPE_CHECKING:
    from dpr_haystack.components.retrievers.common import AnyStore
    from dpr_haystack.core.similarity import Similarity
    from dpr_haystack.formats import TableOptions
    from dpr_haystack.workflows.index_report import IndexReport

SUMMARY = "index files and folders"
DESCRIPTION = """Splits files into passages and writes them with the vectors of the passage tower to a store or to an
index in Elasticsearch. Run it again after an interruption or a change: only new and changed text is embedded, and a
file replaces the passages that it had. Of a folder in BEIR's format, the corpus is read."""
EXAMPLE = "dpr-haystack index docs/ faq.md --store my-store --model demo/model"

_SETTINGS = ("words", "keep_old", "prune", "skip_bad", "id_prefix", "encoding", "language")
_ROWS = ("new", "replaced", "updated", "unchanged", "duplicates", "removed", "embedded")


def describe() -> str:
    """The description, with the files that can be read."""
    from dpr_haystack.formats.kinds import known_suffixes

    return f"{DESCRIPTION}\n\nFiles that can be read: {known_suffixes()}."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="files and folders")
    add_place(
        parser,
        index_help="store: type of the vector index, Flat (exact, the default) or e.g. HNSW32; Elasticsearch: name of "
        "the index, created if missing (default: dpr-haystack)",
    )
    parser.add_argument("--model", metavar="M", help="passage tower (default: the one that made the existing vectors)")
    old = parser.add_mutually_exclusive_group()
    old.add_argument("--keep-old", action="store_true", help="keep the passages that an edited file no longer contains")
    old.add_argument(
        "--prune",
        action="store_true",
        help="also remove passages below PATH whose file no longer exists; PATH itself may be missing",
    )
    parser.add_argument(
        "--language",
        default=None,
        metavar="L",
        help="language of the keyword index (default: english)",
    )
    _add_reading(parser)
    add_compute(parser)


def _add_reading(parser: argparse.ArgumentParser) -> None:
    """How files are read."""
    parser.add_argument(
        "--words",
        type=whole_number,
        default=100,
        metavar="N",
        help="words per passage (default: %(default)s)",
    )
    parser.add_argument(
        "--id-prefix",
        default="",
        metavar="P",
        help="put before the ids that files give their passages, so that those of several files differ",
    )
    parser.add_argument(
        "--encoding",
        metavar="E",
        help="encoding of text and Markdown files that are not UTF-8 and have no byte order mark, e.g. cp1252",
    )
    parser.add_argument("--skip-bad", action="store_true", help="skip bad lines and files and list them")
    default = "the names in the first line; without names, as in DPR's and MS MARCO's files"
    add_table_options(parser, "id,title,text", default)


def run(arguments: argparse.Namespace) -> int:
    """Index and print a summary."""
    from dpr_haystack.errors import DataError, InputError
    from dpr_haystack.workflows.finding import find_files
    from dpr_haystack.workflows.indexing import index_paths
    from dpr_haystack.workflows.opening import check_directory, passage_embedder

    # wrong paths are reported before a model is loaded
    find_files(arguments.paths, may_be_gone=arguments.prune, any_kind=arguments.skip_bad)
    tables = _tables(arguments)
    if arguments.store is not None:
        check_directory(arguments.store)
    embedder = passage_embedder(_passage_model(arguments), compute_of(arguments))
    embedder.warm_up()
    store = _store(arguments, embedder.similarity)
    started = time.perf_counter()
    settings = {name: getattr(arguments, name) for name in _SETTINGS}
    try:
        with progress("passages") as step:
            report = index_paths(arguments.paths, store, embedder, **settings, tables=tables, progress=step)
        count = _count(store)
    except KeyboardInterrupt:
        print(f"interrupted: {_state(store, arguments)}; run the same command to resume", file=sys.stderr)
        return 130
    except DataError as error:
        msg = f"{error}; the files before it are indexed; --skip-bad skips bad lines and files"
        raise InputError(msg) from error
    finally:
        store.close()
    for line in _warnings(report):
        print(line, file=sys.stderr)
    for line in _table(report, time.perf_counter() - started):
        print(line)
    print(f"{_name(arguments)} contains {count} passage{'' if count == 1 else 's'}")
    return 1 if report.failed else 0


def _tables(arguments: argparse.Namespace) -> TableOptions:
    from dpr_haystack.formats.tables import is_table

    options = table_options(arguments)
    named = [path for path in arguments.paths if not Path(path).is_file() or is_table(path)]
    options.check_table(", ".join(arguments.paths), is_table=bool(named))  # folders and missing paths may have some
    return options


def _passage_model(arguments: argparse.Namespace) -> str:
    from dpr_haystack.backends.registry import writer_over
    from dpr_haystack.workflows.opening import open_index
    from dpr_haystack.workflows.recorded_models import origin_at, passage_model_for

    if arguments.model is not None:
        return str(arguments.model)
    if arguments.elasticsearch is None:
        return passage_model_for(origin_at(arguments.store), Path(arguments.store))
    target = writer_over(open_index(location_of(arguments)))
    try:
        return passage_model_for(target.origin() if target.is_there() else None, None)
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
    """The number of passages; does not create a store to count them."""
    from dpr_haystack.backends.registry import writer_over

    target = writer_over(store)
    try:
        return target.count() if target.is_there() else 0
    finally:
        target.close()


def _state(store: AnyStore, arguments: argparse.Namespace) -> str:
    """The number of passages, if it can be read: the server may be unreachable."""
    from dpr_haystack.errors import SearchServerError

    try:
        return f"{_count(store)} passages are in {_name(arguments)}"
    except SearchServerError as error:
        return f"the number of passages in {_name(arguments)} is unknown ({error})"


def _table(report: IndexReport, seconds: float) -> Iterator[str]:
    from dpr_haystack.workflows.finding import described

    yield f"{'read':<10} {report.files} {'file' if report.files == 1 else 'files'} in {seconds:.1f} s"
    if report.passed_over:
        yield f"{'':<10} {described(report.passed_over)}"
    yield f"{'passages':<10} {report.read}"
    for name in _ROWS:
        yield f"{name:<10} {getattr(report, name)}"


def _warnings(report: IndexReport) -> Iterator[str]:
    for file in report.empty:
        yield f"no text in {file}"
    for rejected in report.failed:
        yield f"rejected: {rejected.id}: {rejected.reason}"
    if report.failed:
        yield f"{len(report.failed)} passages were rejected; run the same command to try again"
    yield from skipped_lines(report.bad_records)
    for error in report.bad:
        yield f"not read completely: {error}"
    if report.replaced_elsewhere:
        name, source = next(iter(report.replaced_elsewhere.items()))
        yield (
            f"{len(report.replaced_elsewhere)} passages replaced passages of another source that had the same ids, "
            f"e.g. {name} of {source or 'an unknown source'}; --id-prefix keeps the ids of several sources apart"
        )
    if report.left_out:
        yield (
            f"{len(report.left_out)} passages were skipped because their ids had occurred with another text, "
            f"e.g. {report.left_out[0]}"
        )
