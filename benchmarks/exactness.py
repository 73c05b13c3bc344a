# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Compare the dense search of a store with exact search in numpy, for every question of a file.

python benchmarks/exactness.py --store squad --questions dev-v1.1.json.gz
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from dpr_haystack import DPRTextEmbedder, FAISSDocumentStore
from dpr_haystack.backends.registry import search_over
from dpr_haystack.formats.questions import read_questions
from dpr_haystack.workflows.recorded_models import question_model_of

TOP_K = 100
BLOCK = 200


def main() -> None:
    """Print how many questions have the same result, and the largest difference of a score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", required=True, help="directory of the store")
    parser.add_argument("--questions", required=True, type=Path, help="SQuAD JSON, qas.csv or JSON lines")
    parser.add_argument("--index", default=None, help="type of vector index instead of the store's, e.g. HNSW32")
    arguments = parser.parse_args()
    settings = {"index_string": arguments.index} if arguments.index else {}
    store = FAISSDocumentStore.from_directory(arguments.store, **settings)
    questions = [question.question for question in read_questions(arguments.questions)]
    embeddings = DPRTextEmbedder(question_model_of(search_over(store))).embed(questions)
    documents = store.filter_documents()
    ids = np.array([document.id for document in documents])
    vectors = np.array([document.embedding for document in documents], dtype=np.float64)
    store.search(embeddings[0])  # builds the index, if needed

    started = time.perf_counter()
    hits = store.dense_hits(embeddings, TOP_K)
    seconds = time.perf_counter() - started
    same, worst, recall = 0, 0.0, 0.0
    for start in range(0, len(questions), BLOCK):
        scores = embeddings[start : start + BLOCK].astype(np.float64) @ vectors.T
        for line, found in zip(scores, hits[start : start + BLOCK], strict=True):
            best = np.argsort(-line, kind="stable")[:TOP_K]
            expected, got = line[best], np.array(found.scores)
            recall += len(np.intersect1d(ids[best], found.ids)) / len(best)
            if len(got) == len(expected) and np.allclose(got, expected, rtol=0, atol=1e-9):
                same += 1  # equal scores at every rank: the same passages except for ties
                worst = max(worst, float(np.abs(got - expected).max()))
    print(f"{len(questions)} questions, {len(documents)} passages, index {store.index_string}, top {TOP_K}")
    print(f"the same as numpy: {same} ({100 * same / len(questions):.2f}%), largest difference of a score {worst:.1e}")
    print(f"recall of numpy's top {TOP_K}: {100 * recall / len(questions):.2f}%")
    print(f"{len(questions) / seconds:.0f} questions/s")
    store.close()


if __name__ == "__main__":
    main()
