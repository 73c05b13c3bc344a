# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Measure the first keyword search after each of many small writes.

    python benchmarks/keyword_updates.py --documents 1000 10000 100000

Each write adds or replaces one document; the search after it has to find it. Prints the median, the 95th percentile
and the slowest of these searches, and the median of a search without a write before it, in milliseconds.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path

from haystack import Document
from haystack.document_stores.types import DuplicatePolicy

from dpr_haystack import FAISSDocumentStore

VOCABULARY = 20_000
WORDS = 80
BATCH = 10_000


def main() -> None:
    """Measure stores of several sizes and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--writes", type=int, default=500)
    arguments = parser.parse_args()
    print(f"{'documents':>10} {'median':>8} {'95%':>8} {'slowest':>8} {'no write':>9}")
    for count in arguments.documents:
        with tempfile.TemporaryDirectory() as folder:
            after, without = measure(Path(folder) / "store", count, arguments.writes)
        high = statistics.quantiles(after, n=20)[-1]
        print(
            f"{count:>10} {statistics.median(after):>8.1f} {high:>8.1f} {max(after):>8.1f} "
            f"{statistics.median(without):>9.1f}"
        )


def measure(path: Path, count: int, writes: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each search after a write, and of the same search once more."""
    chance = random.Random(1)
    words = [f"w{number}" for number in range(VOCABULARY)]
    weights = [1 / (number + 1) for number in range(VOCABULARY)]

    def document(name: str) -> Document:
        return Document(
            id=name, content=" ".join([name, *chance.choices(words, weights, k=WORDS)]), embedding=[1.0, 0.0]
        )

    store = FAISSDocumentStore(str(path), embedding_dim=2)
    for start in range(0, count, BATCH):
        store.write_documents([document(f"d{number}") for number in range(start, min(start + BATCH, count))])
    store.bm25_retrieval("w5")
    after, without = [], []
    for number in range(writes):
        name = f"new{number}" if number % 2 else f"d{number}"
        store.write_documents([document(name)], DuplicatePolicy.OVERWRITE)
        after.append(timed(store, name))
        without.append(timed(store, name))
    store.close()
    return after, without


def timed(store: FAISSDocumentStore, name: str) -> float:
    """Milliseconds of a search, which must find a document."""
    started = time.perf_counter()
    found = store.bm25_retrieval(f"{name} {name} {name} w7 w900", 10)
    assert name in {document.id for document in found}
    return 1000 * (time.perf_counter() - started)


if __name__ == "__main__":
    main()
