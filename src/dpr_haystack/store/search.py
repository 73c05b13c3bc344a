# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Dense and keyword search of a store. Hits and documents of one search are from one consistent view."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
from haystack import logging
from haystack.dataclasses import Document

from dpr_haystack.core.exact import Floats, similarity_scores
from dpr_haystack.core.hits import Hits, Kept
from dpr_haystack.store.batch import question_vectors
from dpr_haystack.store.dense import ApproximateSearcher, ExactSearcher, Scored
from dpr_haystack.store.engine import StoreEngine
from dpr_haystack.store.errors import BadDocument
from dpr_haystack.store.view import Filters, View

logger = logging.getLogger(__name__)

Hit = TypeVar("Hit")

_MOST_TRIES = 5


def check_top_k(top_k: int) -> None:
    """Refuse an invalid number of results.

    :param top_k: The number.
    :raises BadDocument: If it is negative or not a whole number.
    """
    if not isinstance(top_k, int) or isinstance(top_k, bool) or top_k < 0:
        msg = f"top_k must be a whole number of at least 0: got {top_k!r}"
        raise BadDocument(msg)


class StoreSearch:
    """Dense and keyword search of a store.

    :param engine: The store.
    :param index_string: The dense index, as a FAISS factory string.
    :param options: Its settings; None for the defaults.
    """

    def __init__(self, engine: StoreEngine, index_string: str, options: Mapping[str, int] | None) -> None:
        self._engine = engine
        self._searcher: ExactSearcher | ApproximateSearcher = engine.searcher(index_string, options)

    def dense_documents(
        self, questions: Any, top_k: int, filters: Filters | None, *, with_vectors: bool
    ) -> list[list[Document]]:
        """The documents most similar to each question.

        :param questions: Shape (m, dim).
        :param top_k: Number of documents per question.
        :param filters: A Haystack filter; None for all documents.
        :param with_vectors: Whether the documents get their embeddings.
        :returns: For each question at most ``top_k`` documents with their scores, best first.
        """
        with self._engine.view() as view:
            results = self._dense(view, questions, top_k, filters)
            return [
                _in_order(view, rows.tolist(), scores.tolist(), column="row", with_vectors=with_vectors)
                for rows, scores in results
            ]

    def dense_hits(self, questions: Any, top_k: int, filters: Filters | None) -> list[Hits]:
        """Ids and scores of the documents most similar to each question.

        :param questions: Shape (m, dim).
        :param top_k: Number of documents per question.
        :param filters: A Haystack filter; None for all documents.
        """
        with self._engine.view() as view:
            results = self._dense(view, questions, top_k, filters)
            all_rows = np.unique(np.concatenate([rows for rows, _ in results])).tolist() if results else []
            ids = view.lookup("id", "row", all_rows)
            return [Hits([ids[row] for row in rows.tolist()], scores.tolist()) for rows, scores in results]

    def dense_scores(self, question: Any, ids: Sequence[str]) -> dict[str, float]:
        """Similarity of a question to given documents; those without a vector are left out.

        :param question: Shape (dim,).
        :param ids: The documents.
        """
        with self._engine.view() as view:
            query = self._questions(view, [question])[0]
            rows = {name: row for name, row in view.lookup("row", "id", ids).items() if row is not None}
            if not rows:
                return {}
            vectors: Floats = view.vectors[list(rows.values())]
            scores = similarity_scores(vectors, query, self._engine.similarity)
            return dict(zip(rows, scores.tolist(), strict=True))

    def keyword_documents(
        self, query: str, top_k: int, filters: Filters | None, *, with_vectors: bool = False
    ) -> list[Document]:
        """The documents with the highest BM25 scores, best first.

        :param query: Plain words.
        :param top_k: Number of documents.
        :param filters: A Haystack filter; None for all documents.
        :param with_vectors: Whether the documents get their embeddings.
        """
        return self._keyword(query, top_k, filters, partial(_in_order, column="key", with_vectors=with_vectors))

    def keyword_hits(self, query: str, top_k: int, filters: Filters | None) -> Hits:
        """Ids and scores of the documents with the highest BM25 scores.

        :param query: Plain words.
        :param top_k: Number of documents.
        :param filters: A Haystack filter; None for all documents.
        """
        pairs = self._keyword(query, top_k, filters, _ids_in_order)
        return Hits([name for name, _ in pairs], [score for _, score in pairs])

    def keyword_scores(self, query: str, ids: Sequence[str]) -> dict[str, float]:
        """BM25 scores of given documents; 0 for those without a word of the query.

        :param query: Plain words.
        :param ids: The documents.
        """
        index = self._engine.keyword.current()
        with self._engine.view() as view:
            keys = view.lookup("key", "id", ids)
        scores = index.scores(query, list(keys.values()))
        return {name: scores[key] for name, key in keys.items()}

    def documents(self, ids: Sequence[str], scores: dict[str, float], *, with_vectors: bool = False) -> list[Document]:
        """Documents by id, in the order of the ids; missing ones are left out.

        :param ids: The ids.
        :param scores: Scores of the documents, by id.
        :param with_vectors: Whether the documents get their embeddings.
        """
        with self._engine.view() as view:
            by_id = view.documents_by("id", ids, with_vectors=with_vectors, scores=scores)
        return [by_id[name] for name in ids if name in by_id]

    def kept(self, ids: Sequence[str]) -> dict[str, Kept]:
        """Text and metadata by id; unknown ids are left out.

        :param ids: The ids.
        """
        with self._engine.view() as view:
            documents = view.documents_by("id", ids, with_vectors=False)
            rows = view.lookup("row", "id", ids)
        return {
            name: Kept(document.content, document.meta, rows[name] is not None) for name, document in documents.items()
        }

    def metas(self) -> list[tuple[str, dict[str, Any]]]:
        """Id and metadata of every document."""
        with self._engine.view() as view:
            return list(view.ids_and_metas())

    def _keyword(
        self,
        query: str,
        top_k: int,
        filters: Filters | None,
        read: Callable[[View, list[int], list[float]], list[Hit]],
    ) -> list[Hit]:
        """The result of ``read`` for the keys and scores of the best documents."""
        check_top_k(top_k)
        for _ in range(_MOST_TRIES):
            index = self._engine.keyword.current()
            with self._engine.view() as view:
                allowed = view.select(filters).keys if filters else None
                keys, scores = index.search(query, top_k, allowed)
                hits = read(view, keys.tolist(), scores.tolist())
            if len(hits) == len(keys):
                break  # otherwise a document was deleted after the index was searched: search again
        return hits

    def _dense(self, view: View, questions: Any, top_k: int, filters: Filters | None) -> list[Scored]:
        check_top_k(top_k)
        vectors = self._questions(view, questions)
        rows = view.select(filters).rows if filters else None
        if view.state.count and not len(view.vectors):
            logger.warning(
                "{store} has {count} documents but no vectors: embed documents, e.g. with DPRDocumentEmbedder, before "
                "writing them",
                store=str(self._engine.layout.root),
                count=view.state.count,
            )
        if not len(view.vectors) or not top_k:
            return [(np.empty(0, np.int64), np.empty(0))] * len(vectors)
        return self._searcher.search(view, vectors, top_k, rows)

    def _questions(self, view: View, questions: Any) -> Floats:
        return question_vectors(questions, self._engine.dimension_at(view.state))


def _in_order(view: View, values: list[int], scores: list[float], *, column: str, with_vectors: bool) -> list[Document]:
    """Documents in the order of their hits; deleted ones are left out."""
    documents = view.documents_by(
        column, values, with_vectors=with_vectors, scores=dict(zip(values, scores, strict=True))
    )
    return [documents[value] for value in values if value in documents]


def _ids_in_order(view: View, keys: list[int], scores: list[float]) -> list[tuple[str, float]]:
    """Ids and scores in the order of the hits; deleted documents are left out."""
    ids = view.lookup("id", "key", keys)
    return [(ids[key], score) for key, score in zip(keys, scores, strict=True) if key in ids]
