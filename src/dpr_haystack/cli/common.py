# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What several commands share: arguments, opening a store, progress on stderr."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from dpr_haystack.cli.hybrid_options import add_fusion, settings_of
from dpr_haystack.errors import InputError

if TYPE_CHECKING:
    from haystack.utils import ComponentDevice
    from haystack_integrations.document_stores.elasticsearch import ElasticsearchDocumentStore

    from dpr_haystack.backends.passage_search import PassageSearch
    from dpr_haystack.backends.registry import AnyStore
    from dpr_haystack.components.document_store import FAISSDocumentStore
    from dpr_haystack.components.reader import DPRReader
    from dpr_haystack.components.retrievers.hybrid import DPRHybridRetriever

#: How often progress is said where stderr is a file.
SECONDS_A_LINE = 15.0
DEFAULT_INDEX = "dpr-haystack"


def whole_number(text: str) -> int:
    """An argument that counts something: at least 1."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        msg = f"{text!r} is not a whole number of at least 1"
        raise argparse.ArgumentTypeError(msg)
    return number


def add_store(parser: argparse.ArgumentParser) -> None:
    """`--store`."""
    parser.add_argument("--store", required=True, metavar="DIR", help="the store's directory")


def add_place(
    parser: argparse.ArgumentParser, *, index_help: str = "name of the index (default: dpr-haystack)"
) -> None:
    """`--store`, or `--elasticsearch` and what goes with it.

    :param index_help: What `--index` says.
    """
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--store", metavar="DIR", help="the store's directory")
    place.add_argument(
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


def add_question_model(parser: argparse.ArgumentParser) -> None:
    """`--question-model`, how its list and that of BM25 become one, and where it computes."""
    parser.add_argument(
        "--question-model",
        metavar="M",
        help="question tower (default: the one that belongs to the store)",
    )
    add_fusion(parser)
    add_compute(parser)


def add_reader(parser: argparse.ArgumentParser, what: str) -> None:
    """`--reader` and how it reads."""
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
    """The reader that the arguments describe.

    :raises InputError: If a setting cannot be right.
    """
    from dpr_haystack.components.reader import DPRReader

    return DPRReader(
        model,
        rank_by=arguments.rank_by,
        max_answer_length=arguments.max_answer_length,
        retriever_weight=arguments.retriever_weight,
        no_answer=no_answer,
        device=device_of(arguments.device),
        dtype=arguments.dtype,
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


def open_store(directory: str) -> FAISSDocumentStore:
    """A store that must be there.

    :raises InputError: If it is not.
    """
    from dpr_haystack.components.document_store import FAISSDocumentStore

    return FAISSDocumentStore.from_directory(directory)


def open_index(arguments: argparse.Namespace) -> ElasticsearchDocumentStore:
    """The index in Elasticsearch that the arguments name; nothing is asked of the server yet.

    :raises MissingExtra: If its client is not installed.
    """
    from dpr_haystack.backends.elasticsearch.creation import elasticsearch_store

    client = {} if arguments.ca_certs is None else {"ca_certs": arguments.ca_certs}
    return elasticsearch_store(arguments.elasticsearch, arguments.index or DEFAULT_INDEX, **client)


def open_place(arguments: argparse.Namespace) -> AnyStore:
    """The store or the index that the arguments name.

    :raises InputError: If there is no such store, or an index without a server.
    """
    if arguments.elasticsearch is not None:
        return open_index(arguments)
    if arguments.index is not None:
        msg = "--index names an index in Elasticsearch: name the server too, --elasticsearch URL"
        raise InputError(msg)
    return open_store(arguments.store)


@dataclass(frozen=True)
class Place:
    """A store or an index, and its search.

    :param store: The document store.
    :param search: Searches it.
    :param closing: Closes what was opened over it.
    """

    store: AnyStore
    search: PassageSearch
    closing: ExitStack


@contextmanager
def searching_place(arguments: argparse.Namespace) -> Iterator[Place]:
    """The place that the arguments name; closed afterwards."""
    from dpr_haystack.backends.registry import search_over

    store = open_place(arguments)
    search = search_over(store)
    with ExitStack() as closing:
        closing.callback(search.close)
        yield Place(store, search, closing)


def hybrid_retriever(
    place: Place, arguments: argparse.Namespace, *, top_k: int, is_fusing: bool = True
) -> DPRHybridRetriever:
    """BM25 and DPR over a place, with the question tower that belongs to it; closed with the place.

    :param place: Where to search.
    :param arguments: Those of :func:`add_question_model`.
    :param top_k: How many passages are wanted.
    :param is_fusing: Whether the two lists become one; if not, it does not matter how.
    :raises InputError: If it does not say which one that is and `--question-model` does not either.
    """
    from dpr_haystack.components.retrievers.hybrid import DPRHybridRetriever
    from dpr_haystack.core.hybrid_settings import HybridSettings
    from dpr_haystack.workflows.opening import question_model_of

    model = arguments.question_model or question_model_of(place.search)
    settings = (settings_of(arguments, model) if is_fusing else HybridSettings()).parameters()
    retriever = DPRHybridRetriever(
        place.store,
        model,
        top_k=top_k,
        **{**settings, "candidates": max(settings["candidates"], top_k)},
        device=device_of(arguments.device),
        dtype=arguments.dtype,
    )
    place.closing.callback(retriever.close)
    return retriever


def device_of(name: str | None) -> ComponentDevice | None:
    """A device by its name; None for the best there is.

    :raises InputError: If there is no device of that name.
    """
    if name is None:
        return None
    from haystack.utils import ComponentDevice

    try:
        return ComponentDevice.from_str(name)
    except ValueError as error:
        msg = f"--device {name}: {error}"
        raise InputError(msg) from error


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr, or a line now and then where that is no terminal; yields what to call with the steps.

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


def _line_now_and_then(what: str, total: int | None) -> Callable[[int], None]:
    started = said = time.monotonic()
    done = 0

    def step(steps: int) -> None:
        nonlocal said, done
        done += steps
        now = time.monotonic()
        if now - said >= SECONDS_A_LINE:
            said = now
            of = f" of {total}" if total is not None else ""
            print(f"{what}: {done}{of}, {done / (now - started):.0f} a second", file=sys.stderr, flush=True)

    return step


def existing_file(text: str) -> Path:
    """An argument that names a file."""
    path = Path(text)
    if not path.is_file():
        msg = f"{text} is not a file"
        raise argparse.ArgumentTypeError(msg)
    return path


def open_output(path: str) -> TextIO:
    """A file to write results to.

    :raises InputError: If it cannot be written.
    """
    try:
        return Path(path).open("w", encoding="utf-8")
    except OSError as error:
        msg = f"{path} cannot be written: {error.strerror}"
        raise InputError(msg) from error
