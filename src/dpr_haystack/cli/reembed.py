# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack reembed`: new vectors for a whole store, e.g. after training."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

from dpr_haystack.cli.common import add_compute, add_place, compute_of, progress
from dpr_haystack.core.progress import Progress
from dpr_haystack.errors import InputError

if TYPE_CHECKING:
    from dpr_haystack.workflows.reembedding import ReembedReport

SUMMARY = "re-embed a whole store with another model"
DESCRIPTION = """Makes new vectors for every passage of a store, e.g. after training. The store can be searched with the
old vectors, and written to, until the new ones are complete; then it switches in one step. After an interruption, the
same command resumes."""
EXAMPLE = "dpr-haystack reembed --store my-store --model trained"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_place(parser, index_help="not supported by this command")
    parser.add_argument("--model", required=True, metavar="M", help="passage tower, or a model directory")
    parser.add_argument(
        "--restart", action="store_true", help="discard the vectors of an interrupted run, even of another model"
    )
    add_compute(parser)


def run(arguments: argparse.Namespace) -> int:
    """Re-embed and print a summary."""
    from dpr_haystack.workflows.opening import open_store, passage_embedder
    from dpr_haystack.workflows.reembedding import reembed

    _refuse_servers(arguments)
    store = open_store(arguments.store)
    embedder = passage_embedder(arguments.model, compute_of(arguments))
    embedder.warm_up()
    started = time.perf_counter()
    done = total = 0

    with ExitStack() as stack:
        stack.callback(store.close)

        def begin(finished: int, count: int) -> Progress:
            nonlocal done, total
            done, total = finished, count
            show = stack.enter_context(progress("passages", count))
            show(finished)

            def step(steps: int) -> None:
                nonlocal done
                done += steps
                show(steps)

            return step

        try:
            report = reembed(store, embedder, restart=arguments.restart, progress=begin)
        except KeyboardInterrupt:
            state = f"{done} of {total} passages have a new vector, the store still uses the old ones"
            print(f"interrupted: {state}; run the same command to resume", file=sys.stderr)
            return 130
    if not report.is_new:
        print(f"nothing to do: the vectors in {arguments.store} were made by {arguments.model}")
        return 0
    for line in _summary(report, arguments, time.perf_counter() - started):
        print(line)
    return 0


def _summary(report: ReembedReport, arguments: argparse.Namespace, seconds: float) -> Iterator[str]:
    reused = f", {report.found} reused from an interrupted run" if report.found else ""
    yield f"{report.embedded} passages embedded in {seconds:.1f} s{reused}"
    if report.before.vectors:
        yield f"before: {report.before}"
    if report.without_text:
        yield f"{report.without_text} documents without text have no vector"
    yield f"{arguments.store} now uses the vectors of {arguments.model}"


def _refuse_servers(arguments: argparse.Namespace) -> None:
    if arguments.elasticsearch is not None:
        msg = (
            "an index in Elasticsearch cannot be re-embedded in place: index the same files into a new one, "
            f"dpr-haystack index PATHS --elasticsearch {arguments.elasticsearch[0].rpartition('@')[2]} --index NEW "
            f"--model {arguments.model}, and search that one"
        )
        raise InputError(msg)
    if arguments.index is not None:
        msg = "--index names an index in Elasticsearch, but only a store can be re-embedded: use --store DIR"
        raise InputError(msg)
