# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Filtered search by the index of metadata, beside unfiltered search and beside scanning the documents.

Every search has a filter that was not used before. The three sides take turns; medians are printed, and what writing
and opening a store with the index costs.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from haystack import Document

from dpr_haystack import FAISSDocumentStore

TOP_K = 10
GROUPS = 1_000  # a filter for one of them selects 0.1%
BATCH = 5_000
Filter = dict[str, Any]


def main() -> None:
    """Fill a store and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--scans", type=int, default=3, help="how many of the rounds also scan the documents")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "store")
        plain = fill(path, arguments.passages, arguments.dim)
        store = FAISSDocumentStore(path)
        question = np.random.default_rng(1).standard_normal(arguments.dim).astype(np.float32)
        store.search(question)
        print(f"{arguments.passages} passages, vectors of {arguments.dim} numbers\n")
        first = [(name, milliseconds(partial(select, store, make(-1)))) for name, make in FILTERS.items()]
        print("| filter | share | first | selecting | filtered search | unfiltered | scanning the documents |")
        print("|---|---|---|---|---|---|---|")
        for (name, once), make in zip(first, FILTERS.values(), strict=True):
            print(row(store, question, arguments, name, once, make))
        written = fill(path, BATCH, arguments.dim, first=arguments.passages)
        caught_up = milliseconds(lambda: select(store, FILTERS["group == x"](300)))
        store.close()
        again = FAISSDocumentStore(path)
        opened = milliseconds(lambda: select(again, FILTERS["group == x"](500)))
        print(f"\nwriting: {plain * 1e6:.0f} µs a passage before, {written * 1e6:.0f} µs with the index")
        print(f"first filter after {BATCH} new passages: {caught_up:.0f} ms")
        print(f"first filter after opening the store again: {opened:.0f} ms")
        again.close()


def compare(field: str, operator: str, value: Any) -> Filter:
    """A filter of one comparison."""
    return {"field": f"meta.{field}", "operator": operator, "value": value}


def below(share: float) -> Callable[[int], Filter]:
    """Filters by number that let a share of the documents through, slightly different for every round."""
    return lambda turn: compare("share", "<", share + turn * 1e-7)


def groups(turn: int) -> list[str]:
    """Two of the groups."""
    return [f"g{turn % GROUPS}", f"g{(turn + 1) % GROUPS}"]


FILTERS: dict[str, Callable[[int], Filter]] = {
    "group == x": lambda turn: compare("group", "==", groups(turn)[0]),
    "group in [x, y]": lambda turn: compare("group", "in", groups(turn)),
    "group == x and share < 0.5": lambda turn: {
        "operator": "AND",
        "conditions": [compare("group", "==", groups(turn)[0]), below(0.5)(turn)],
    },
    "day < date": lambda turn: compare("day", "<", f"2001-01-01T00:00:00.{turn + 2:06}"),
    "share < 0.001": below(0.001),
    "share < 0.01": below(0.01),
    "share < 0.1": below(0.1),
    "share < 0.5": below(0.5),
    "share < 0.9": below(0.9),
    "group != x": lambda turn: compare("group", "!=", groups(turn)[0]),
}


def fill(path: str, count: int, dim: int, *, first: int = 0) -> float:
    """Write documents; returns seconds for each."""
    random = np.random.default_rng(first)
    store = FAISSDocumentStore(path)
    seconds = 0.0
    for start in range(first, first + count, BATCH):
        size = min(BATCH, first + count - start)
        vectors, shares = random.standard_normal((size, dim)).astype(np.float32), random.random(size)
        documents = [
            Document(id=str(start + n), content="some words " * 20, meta=meta(start + n, shares[n]), embedding=vector)
            for n, vector in enumerate(vectors.tolist())
        ]
        started = time.perf_counter()
        store.write_documents(documents)
        seconds += time.perf_counter() - started
    store.close()
    return seconds / count


def meta(number: int, share: float) -> dict[str, Any]:
    """Metadata as the `index` command writes it, and three fields to filter by."""
    year, month = 2001 + number % 1000, number // 1000 % 12 + 1
    facts = {"title": f"Title {number}", "file": f"folder/file{number // 50}.txt", "offset": number}
    return {**facts, "group": f"g{number % GROUPS}", "share": float(share), "day": f"{year}-{month:02}-01"}


def select(store: FAISSDocumentStore, filters: Filter) -> int:
    """How many documents match."""
    return store.count_documents_by_filter(filters)


def row(
    store: FAISSDocumentStore,
    question: Any,
    arguments: argparse.Namespace,
    name: str,
    first: float,
    make: Callable[[int], Filter],
) -> str:
    """One line of the table."""
    index = store.opened().filter_index
    selecting, filtered, unfiltered, scanning = [], [], [], []
    for turn in range(arguments.rounds):
        selecting.append(milliseconds(partial(select, store, make(10 + turn))))
        filtered.append(milliseconds(partial(store.search, question, TOP_K, make(100 + turn))))
        unfiltered.append(milliseconds(partial(store.search, question, TOP_K)))
        if turn < arguments.scans:
            fewest, index.fewest = index.fewest, 10**9
            scanning.append(milliseconds(partial(store.search, question, TOP_K, make(200 + turn))))
            index.fewest = fewest
    share = 100 * select(store, make(0)) / arguments.passages
    medians = " | ".join(f"{statistics.median(side):.2f} ms" for side in (selecting, filtered, unfiltered, scanning))
    return f"| {name} | {share:.2f}% | {first:.0f} ms | {medians} |"


def milliseconds(work: Callable[[], object]) -> float:
    """How long something takes."""
    started = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - started)


if __name__ == "__main__":
    main()
