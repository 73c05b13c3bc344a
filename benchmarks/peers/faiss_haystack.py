# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""faiss-haystack's part of benchmarks/store.py, run in an environment of its own because it pins numpy.

python benchmarks/peers/faiss_haystack.py DATA.npz FOLDER: prints seconds and counts as JSON.
"""

import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from haystack import Document
from haystack_integrations.document_stores.faiss import FAISSDocumentStore

TOP_K = 10


def main(data: Path, folder: Path) -> None:
    """Write and save, open, search, search with a filter."""
    arrays = np.load(data)
    vectors, questions, groups = arrays["vectors"], arrays["questions"], arrays["groups"]
    documents = [
        Document(id=str(number), content=f"passage {number}", meta={"group": int(group)}, embedding=vector.tolist())
        for number, (vector, group) in enumerate(zip(vectors, groups, strict=True))
    ]
    path = folder / "peer"
    started = time.perf_counter()
    store = FAISSDocumentStore(str(path), embedding_dim=vectors.shape[1])
    store.write_documents(documents)
    store.save(path)
    write = time.perf_counter() - started
    started = time.perf_counter()
    store = FAISSDocumentStore(str(path), embedding_dim=vectors.shape[1])
    opened = time.perf_counter() - started
    plain, filtered, found = [], [], []
    for number, question in enumerate(questions.tolist()):
        condition = {"field": "meta.group", "operator": "==", "value": number % (int(groups.max()) + 1)}
        started = time.perf_counter()
        store.search(question, TOP_K)
        plain.append(time.perf_counter() - started)
        started = time.perf_counter()
        found.append(len(store.search(question, TOP_K, condition)))
        filtered.append(time.perf_counter() - started)
    result = {
        "write": write,
        "open": opened,
        "search": statistics.median(plain),
        "filtered": statistics.median(filtered),
        "full": sum(count == TOP_K for count in found) / len(found),
        "bytes": sum(path.with_suffix(suffix).stat().st_size for suffix in (".faiss", ".json")),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
