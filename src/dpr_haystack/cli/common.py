# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What several commands share: arguments, and progress on stderr."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dpr_haystack.cli.hybrid_options import add_fusion, settings_of

if TYPE_CHECKING:
    from dpr_haystack.components.reader import DPRReader
    from dpr_haystack.components.retrievers.hybrid_search import HybridSearch
    from dpr_haystack.core.progress import Progress
    from dpr_haystack.workflows.opening import Compute, Location, Place

#: Seconds between two lines of progress if stderr is not a terminal.
SECONDS_A_LINE = 15.0


def whole_number(text: str) -> int:
    """Parse an argument that must be an integer of at least 1."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        msg = f"must be an integer of at least 1: got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return number


def add_place(
    parser: argparse.ArgumentParser, *, index_help: str = "name of the index (default: dpr-haystack)"
) -> None:
    """`--store`, or `--elasticsearch` and its options.

    :param index_help: What `--index` says.
    """
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--store", metavar="DIR", help="the store's directory")
    group.add_argument(
        "--elasticsearch",
        action="append",
        metavar="URL",
        help="Elasticsearch server; credentials come from ELASTIC_API_KEY, or ELASTIC_USER and ELASTIC_PASSWORD",
    )
    parser.add_argument("--index", metavar="NAME", help=index_help)
    parser.add_argument("--ca-certs", metavar="FILE", help="with --elasticsearch: CA certificates to trust for https")


def add_search(parser: argparse.ArgumentParser, *, top_k: int, what: str) -> None:
    """`--mode`, `--top-k` and `--json`."""
    parser.add_argument(
        "--mode", choices=["dpr", "bm25", "hybrid"], default="hybrid", help="search (default: %(default)s)"
    )
    parser.add_argument(
        "--top-k", type=whole_number, default=top_k, metavar="N", help=f"number of {what} (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


class _NotHere(argparse.Action):
    """Refuses an option of other commands that people try, and names the one that they mean."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,  # noqa: ARG002
        values: Any,
        option: str | None = None,
    ) -> None:
        parser.error(f"there is no {option}: name the question encoder with --question-model {values}")


def add_question_model(parser: argparse.ArgumentParser) -> None:
    """`--question-model`, the options of fusion, `--device` and `--dtype`."""
    parser.add_argument("--model", action=_NotHere, help=argparse.SUPPRESS)
    parser.add_argument(
        "--question-model",
        metavar="M",
        help="question tower (default: the one that belongs to the store)",
    )
    add_fusion(parser)
    add_compute(parser)


def add_reader(parser: argparse.ArgumentParser, what: str) -> None:
    """`--reader` and its options."""
    parser.add_argument("--reader", metavar="M", help=what)
    parser.add_argument(
        "--rank-by",
        choices=["passage", "span"],
        default="passage",
        help="rank answers by the relevance of their passages first, or only by their spans (default: passage)",
    )
    parser.add_argument(
        "--max-answer-length", type=whole_number, default=10, metavar="N", help="longest answer in tokens (default: 10)"
    )
    parser.add_argument(
        "--retriever-weight", type=float, default=0.0, metavar="W", help="weight of the search score (default: 0.0)"
    )


def reader_of(model: str, arguments: argparse.Namespace, *, no_answer: bool = False) -> DPRReader:
    """The reader that the arguments of :func:`add_reader` describe.

    :raises InputError: If a setting cannot be used.
    """
    from dpr_haystack.workflows.opening import open_reader

    return open_reader(
        model,
        compute_of(arguments),
        rank_by=arguments.rank_by,
        max_answer_length=arguments.max_answer_length,
        retriever_weight=arguments.retriever_weight,
        no_answer=no_answer,
    )


def add_compute(parser: argparse.ArgumentParser) -> None:
    """`--device` and `--dtype`."""
    parser.add_argument("--device", metavar="D", help="device, e.g. cpu or cuda:0 (default: the best available)")
    parser.add_argument(
        "--dtype",
        choices=["auto", "float32", "bfloat16", "float16"],
        default="auto",
        help="number format (default: auto)",
    )


def location_of(arguments: argparse.Namespace) -> Location:
    """Where the passages are, from the arguments of :func:`add_place`."""
    from dpr_haystack.workflows.opening import Location

    return Location(arguments.store, arguments.elasticsearch, arguments.index, arguments.ca_certs)


def compute_of(arguments: argparse.Namespace) -> Compute:
    """Where to compute, from the arguments of :func:`add_compute`."""
    from dpr_haystack.workflows.opening import Compute

    return Compute(arguments.device, arguments.dtype)


def hybrid_search(place: Place, arguments: argparse.Namespace, *, is_fusing: bool = True) -> HybridSearch:
    """BM25 and DPR over a place, from the arguments of :func:`add_question_model`.

    :param is_fusing: Whether the two lists are fused; if not, the settings of fusion are not read.
    :raises InputError: If no question tower is named and none is known to belong to the vectors.
    """
    from dpr_haystack.core.hybrid_settings import HybridSettings
    from dpr_haystack.workflows.recorded_models import question_model_of

    model = arguments.question_model or question_model_of(place.search)
    settings = settings_of(arguments, model) if is_fusing else HybridSettings()
    return place.hybrid(model, settings, compute_of(arguments))


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Progress]:
    """A progress bar on stderr, or a line every 15 seconds if stderr is not a terminal; yields the callback.

    :param what: What the steps are.
    :param total: How many there will be, if that is known.
    """
    from tqdm import tqdm

    if not sys.stderr.isatty():
        yield _line_now_and_then(what, total)
        return
    with tqdm(desc=what, total=total, unit="", file=sys.stderr, leave=False) as bar:

        def step(steps: int) -> None:
            bar.update(steps)

        yield step


def _line_now_and_then(what: str, total: int | None) -> Progress:
    started = reported = time.monotonic()
    done = 0

    def step(steps: int) -> None:
        nonlocal reported, done
        done += steps
        now = time.monotonic()
        if now - reported >= SECONDS_A_LINE:
            reported = now
            of = f" of {total}" if total is not None else ""
            print(f"{what}: {done}{of}, {done / (now - started):.0f} per second", file=sys.stderr, flush=True)

    return step


def existing_file(text: str) -> Path:
    """Parse an argument that must be an existing file."""
    path = Path(text)
    if not path.is_file():
        msg = f"{text} is not a file"
        raise argparse.ArgumentTypeError(msg)
    return path


def existing_path(text: str) -> Path:
    """Parse an argument that must be an existing file or folder."""
    path = Path(text)
    if not path.exists():
        msg = f"{text} does not exist"
        raise argparse.ArgumentTypeError(msg)
    return path
