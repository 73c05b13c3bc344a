# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""`dpr-haystack reembed`: new vectors for a whole store, after training."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack

from dpr_haystack.cli.common import add_compute, add_place, compute_of, progress
from dpr_haystack.errors import InputError

SUMMARY = "embed a whole store anew, with another model"
DESCRIPTION = """Makes new vectors for every passage of a store, e.g. after training, beside the old ones. The store
goes on answering with those, also while others write to it, and switches in one step when all are there. Interrupted at
any time, the same command goes on where it was."""
EXAMPLE = "dpr-haystack reembed --store my-store --model trained"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this command."""
    add_place(parser, index_help="not for this command: see --elasticsearch")
    parser.add_argument("--model", required=True, metavar="M", help="the passage tower, or a model directory")
    parser.add_argument(
        "--restart", action="store_true", help="throw away what an interrupted run has left, also with another model"
    )
    add_compute(parser)


def run(arguments: argparse.Namespace) -> int:
    """Embed, and say what was done."""
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

        def begin(found: int, count: int) -> Callable[[int], None]:
            nonlocal done, total
            done, total = found, count
            show = stack.enter_context(progress("passages", count))
            show(found)

            def step(steps: int) -> None:
                nonlocal done
                done += steps
                show(steps)

            return step

        try:
            report = reembed(store, embedder, restart=arguments.restart, progress=begin)
        except KeyboardInterrupt:
            where = f"{done} of {total} passages have their new vector, the store answers with the old ones"
            print(f"interrupted: {where}; run the same command to go on", file=sys.stderr)
            return 130
    if not report.is_new:
        print(f"nothing to do: the vectors in {arguments.store} are those of {arguments.model}")
        return 0
    before = f", {report.found} were there from before" if report.found else ""
    print(f"{report.embedded} passages embedded in {time.perf_counter() - started:.1f} s{before}")
    if report.without_text:
        print(f"{report.without_text} documents without a text have no vector")
    print(f"{arguments.store} answers with the vectors of {arguments.model}")
    return 0


def _refuse_servers(arguments: argparse.Namespace) -> None:
    if arguments.elasticsearch is not None:
        msg = (
            "an index in Elasticsearch is not embedded anew in place: fill a new one with the same files, "
            f"dpr-haystack index PATHS --elasticsearch {arguments.elasticsearch[0].rpartition('@')[2]} --index NEW "
            f"--model {arguments.model}, and then search that one"
        )
        raise InputError(msg)
    if arguments.index is not None:
        msg = "--index names an index in Elasticsearch, and only a store can be embedded anew: --store DIR"
        raise InputError(msg)
