# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Compare the store's HNSW index with plain FAISS on vectors that repeat, exactly or nearly.

    python benchmarks/repeated_vectors.py

Both sides get the same vectors, questions and settings, and run in turns; the best passages are those that exact search
finds. The table shows how many of the questions miss the best passage, recall of the best 10, and medians over the
rounds of building and searching one question.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import faiss
import numpy as np

from dpr_haystack.core.exact import exact_search, rescore
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.engines.ann import make_index

DIM, TOP_K, LINKS, EF_CONSTRUCTION, EF_SEARCH = 384, 10, 32, 200, 128
# name, copies of each vector, relative noise of a copy
COLLECTIONS = [
    ("distinct", 1, 0.0),
    ("5 copies", 5, 0.0),
    ("20 copies", 20, 0.0),
    ("100 copies", 100, 0.0),
    ("20 near copies, 1% noise", 20, 0.01),
    ("20 near copies, 5% noise", 20, 0.05),
    ("20 near copies, 10% noise", 20, 0.1),
    ("20 near copies, 20% noise", 20, 0.2),
]
# How far questions are from the passages that they are near to, relative to the length of both.
FAR = 0.7
Search = Callable[[Any], Any]


def main() -> None:
    """Run both sides in turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, default=20_000)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    print(f"{arguments.passages} passages, {arguments.questions} questions, faiss {faiss.__version__}")
    print("| | best missed | plain FAISS | recall@10 | plain FAISS | build | plain FAISS | search | plain FAISS |")
    print("|---" * 9 + "|")
    for name, copies, noise in COLLECTIONS:
        vectors, questions = make_data(arguments.passages, copies, noise, arguments.questions)
        truth = [scores for _, scores in exact_search(vectors, questions, TOP_K, Similarity.DOT_PRODUCT)]
        rounds: dict[str, list[list[float]]] = {"ours": [], "plain": []}
        for number in range(arguments.rounds):
            for side, build in (("ours", build_ours), ("plain", build_plain)):
                print(f"{name}, round {number + 1}: {side}", file=sys.stderr)
                rounds[side].append(measure(build, vectors, questions, truth))
        ours, plain = ([statistics.median(column) for column in zip(*rounds[side], strict=True)] for side in rounds)
        cells = [
            f"{form.format(value)}"
            for form, pair in zip(
                ("{:.0f}", "{:.3f}", "{:.1f} s", "{:.2f} ms"), zip(ours, plain, strict=True), strict=True
            )
            for value in pair
        ]
        print("| " + " | ".join([name, *cells]) + " |", flush=True)


def make_data(passages: int, copies: int, noise: float, questions: int) -> tuple[Any, Any]:
    """Vectors of varying norm whose spectrum falls like that of text, and questions near some of them."""
    generator = np.random.default_rng(copies)
    spectrum = np.arange(1, DIM + 1) ** -0.5
    distinct = passages // copies
    vectors = generator.standard_normal((distinct, DIM)) * spectrum
    vectors *= generator.lognormal(2, 0.1, (distinct, 1)) / np.linalg.norm(vectors, axis=1, keepdims=True)
    near = vectors[generator.integers(0, distinct, questions)]
    other = generator.standard_normal((questions, DIM)) * spectrum
    asked = near / np.linalg.norm(near, axis=1, keepdims=True)
    asked += FAR * other / np.linalg.norm(other, axis=1, keepdims=True)
    vectors = np.repeat(vectors, copies, axis=0)
    away = generator.standard_normal(vectors.shape)
    away *= noise * np.linalg.norm(vectors, axis=1, keepdims=True) / np.linalg.norm(away, axis=1, keepdims=True)
    return generator.permutation(vectors + away).astype(np.float32), asked.astype(np.float32)


def build_ours(vectors: Any) -> Search:
    """The store's index."""
    index = make_index(
        f"HNSW{LINKS}",
        DIM,
        Similarity.DOT_PRODUCT,
        {"efConstruction": EF_CONSTRUCTION, "efSearch": EF_SEARCH},
    )
    index.add(vectors)
    return lambda question: index.candidates(question[None], TOP_K, None)[0]


def build_plain(vectors: Any) -> Search:
    """FAISS with the same settings."""
    index: Any = faiss.IndexHNSWFlat(DIM, LINKS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = EF_CONSTRUCTION
    index.add(vectors)
    kinds: Any = faiss
    parameters = kinds.SearchParametersHNSW(efSearch=EF_SEARCH)
    return lambda question: index.search(question[None], EF_SEARCH, params=parameters)[1][0]


def measure(build: Callable[[Any], Search], vectors: Any, questions: Any, truth: list[Any]) -> list[float]:
    """Questions whose best passage is missed, recall, seconds to build, milliseconds for a question."""
    start = time.perf_counter()
    search = build(vectors)
    built = time.perf_counter() - start
    missed, found, times = 0, 0, []
    for question, best in zip(questions, truth, strict=True):
        start = time.perf_counter()
        rows = search(question)
        scores = rescore(vectors, question, rows[rows >= 0], TOP_K, Similarity.DOT_PRODUCT)[1]
        times.append(1000 * (time.perf_counter() - start))
        missed += int(not len(scores) or scores[0] < best[0] - 1e-9)
        found += int((scores >= best[-1] - 1e-9).sum())
    return [missed, found / (len(questions) * TOP_K), built, statistics.median(times)]


if __name__ == "__main__":
    main()
