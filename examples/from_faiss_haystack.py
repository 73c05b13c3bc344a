# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Open a store saved by faiss-haystack by changing one import.

Run:     python examples/from_faiss_haystack.py PATH DIMENSION
         PATH is the path that was passed to faiss-haystack's `save`. Without arguments, the script writes two such
         files itself; faiss-haystack need not be installed.
Prints:  3 documents taken over
         l2           the same ranking and scores as before: b 1.000, a 0.444, c 0.167
         dot_product  what DPR is trained for: c 3.000, a 2.000, b 1.000
         the first store, opened again, holds 3 documents
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import faiss
import numpy as np

# was: from haystack_integrations.document_stores.faiss import FAISSDocumentStore
from dpr_haystack import FAISSDocumentStore

VECTORS = {"a": [2.0, 0.5], "b": [1.0, 0.0], "c": [3.0, 1.0]}


def write_files(path: Path) -> None:
    """Write the two files of a faiss-haystack store with three documents.

    :param path: The path of the files without suffix.
    """
    index = faiss.IndexIDMap(faiss.index_factory(2, "Flat"))
    index.add_with_ids(np.array(list(VECTORS.values()), dtype="float32"), np.arange(3))
    faiss.write_index(index, str(path.with_suffix(".faiss")))
    documents = [{"id": name, "content": name, "embedding": vector} for name, vector in VECTORS.items()]
    ids = dict(enumerate(VECTORS))
    data = {"documents": documents, "id_map": ids, "inverse_id_map": {v: k for k, v in ids.items()}, "next_id": 3}
    path.with_suffix(".json").write_text(json.dumps(data), encoding="utf-8")


def main(path: Path, dimension: int) -> None:
    """Open the files with the old similarity and with that of DPR.

    :param path: The path of the files without suffix.
    :param dimension: The dimension of the vectors.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        for suffix in (".faiss", ".json"):
            shutil.copy(path.with_suffix(suffix), copy.with_suffix(suffix))
        compare(path, copy, dimension)


def compare(path: Path, copy: Path, dimension: int) -> None:
    """Search with both similarities, then open the files once more.

    :param path: The path of the files without suffix.
    :param copy: The same of their copy.
    :param dimension: The dimension of the vectors.
    """
    as_before = FAISSDocumentStore(str(path), embedding_dim=dimension, similarity="l2")
    print(f"{as_before.count_documents()} documents taken over")
    by_dot = FAISSDocumentStore(str(copy), embedding_dim=dimension)
    question = [1.0] + [0.0] * (dimension - 1)
    for name, store, what in (
        ("l2", as_before, "the same ranking and scores as before"),
        ("dot_product", by_dot, "what DPR is trained for"),
    ):
        hits = ", ".join(f"{hit.id} {hit.score:.3f}" for hit in store.search(question, top_k=3))
        print(f"{name:<12} {what}: {hits}")
        store.close()
    again = FAISSDocumentStore(str(path), embedding_dim=dimension, similarity="l2")
    print(f"the first store, opened again, holds {again.count_documents()} documents")
    again.close()


if __name__ == "__main__":
    if sys.argv[1:]:
        main(Path(sys.argv[1]), int(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as directory:
            write_files(Path(directory) / "wiki")
            main(Path(directory) / "wiki", 2)
