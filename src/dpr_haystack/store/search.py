# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Dense and keyword search of a store. Hits and documents of one search are from one consistent view."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from copy import copy
from functools import partial
from typing import Any, NamedTuple, TypeVar

import numpy as np
from haystack import logging
from haystack.dataclasses import Document
from numpy.typing import NDArray

from dpr_haystack.core.checks import check_integer
from dpr_haystack.core.exact import Floats, Rows, similarity_scores
from dpr_haystack.core.hits import Hits, Kept
from dpr_haystack.engines.recent_words import KeywordSearch
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
    :raises BadDocument: If it is negative or not an integer.
    """
    check_integer("top_k", top_k, minimum=0, error=BadDocument)


class _Moment(NamedTuple):
    """One moment of a store.

    :param view: The documents and vectors.
    :param words: Keyword search of the same moment.
    """

    view: View
    words: KeywordSearch


class StoreSearch:
    """Dense and keyword search of a store.

    :param engine: The store.
    :param index_string: The dense index, as a FAISS factory string.
    :param options: Its settings; None for the defaults.
    """

    def __init__(self, engine: StoreEngine, index_string: str, options: Mapping[str, int] | None) -> None:
        self._engine = engine
        self._searcher: ExactSearcher | ApproximateSearcher = engine.searcher(index_string, options)
        self._moment: _Moment | None = None

    @contextmanager
    def at_one_moment(self) -> Iterator[StoreSearch]:
        """Searches that all see the same documents, whatever is written or deleted while the block runs."""
        if self._moment is not None:
            yield self
            return
        with ExitStack() as stack:
            search = copy(self)
            search._moment = self._enter_moment(stack)
            yield search

    def _enter_moment(self, stack: ExitStack) -> _Moment:
        """A view and the keyword index that has seen exactly what the view has."""
        keyword = self._engine.keyword
        for attempt in range(_MOST_TRIES):
            if attempt > 1:
                keyword.current()  # also rebuilds an index that is newer than a restored database
            view = stack.enter_context(self._engine.view())
            index = keyword.at(view.connection, view.state)
            if index is not None:
                return _Moment(view, index)
            stack.close()  # another reader has updated the index after this view was opened: look again
        # Somebody writes all the time. The index is newer than the view; keys above the view's last one are ignored.
        view = stack.enter_context(self._engine.view())
        return _Moment(view, keyword.current())

    @contextmanager
    def _viewing(self) -> Iterator[View]:
        if self._moment is not None:
            yield self._moment.view
            return
        with self._engine.view() as view:
            yield view

    @contextmanager
    def _keyword_moment(self) -> Iterator[_Moment]:
        if self._moment is not None:
            yield self._moment
            return
        with ExitStack() as stack:
            yield self._enter_moment(stack)

    def count(self) -> int:
        """How many documents there are."""
        with self._viewing() as view:
            return view.state.count

    def has_vectors(self) -> bool:
        """Whether any document has a vector."""
        with self._viewing() as view:
            return len(view.vectors) > len(view.dead_rows())

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
        with self._viewing() as view:
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
        with self._viewing() as view:
            results = self._dense(view, questions, top_k, filters)
            all_rows = np.unique(np.concatenate([rows for rows, _ in results])).tolist() if results else []
            ids = view.lookup("id", "row", all_rows)
            return [Hits([ids[row] for row in rows.tolist()], scores.tolist()) for rows, scores in results]

    def dense_scores(self, question: Any, ids: Sequence[str]) -> dict[str, float]:
        """Similarity of a question to given documents; those without a vector are left out.

        :param question: Shape (dim,).
        :param ids: The documents.
        """
        with self._viewing() as view:
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
        with self._keyword_moment() as (view, index):
            keys = view.lookup("key", "id", ids)
            scores = index.scores(query, list(keys.values()))
        return {name: scores[key] for name, key in keys.items()}

    def documents(self, ids: Sequence[str], *, with_vectors: bool = False) -> dict[str, Document]:
        """Documents by id; unknown ids are missing.

        :param ids: Ids of documents.
        :param with_vectors: Whether the documents get their embeddings.
        """
        with self._viewing() as view:
            return view.documents_by("id", ids, with_vectors=with_vectors)

    def kept(self, ids: Sequence[str]) -> dict[str, Kept]:
        """Text and metadata by id, without vectors; unknown ids are missing.

        :param ids: Ids of documents.
        """
        with self._viewing() as view:
            documents = view.documents_by("id", ids, with_vectors=False)
            rows = view.lookup("row", "id", ids)
        return {
            name: Kept(document.content, document.meta, rows[name] is not None) for name, document in documents.items()
        }

    def metas(self) -> list[tuple[str, dict[str, Any]]]:
        """Id and metadata of every document."""
        with self._viewing() as view:
            return list(view.ids_and_metas())

    def metas_from_files(self, files: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
        """Id and metadata of the documents that come from any of these files, and of those that come from several.

        :param files: The files, as metadata names them.
        """
        with self._viewing() as view:
            return list(view.ids_and_metas_from(files))

    def _keyword(
        self,
        query: str,
        top_k: int,
        filters: Filters | None,
        read: Callable[[View, list[int], list[float]], list[Hit]],
    ) -> list[Hit]:
        """The result of ``read`` for the keys and scores of the best documents."""
        check_top_k(top_k)
        with self._keyword_moment() as (view, index):
            allowed = view.select(filters).keys if filters else None
            keys, scores = _known_keys(index, query, top_k, allowed, view.state.last_key)
            return read(view, keys.tolist(), scores.tolist())

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


def _known_keys(
    index: KeywordSearch, query: str, top_k: int, allowed: Rows | None, last_key: int
) -> tuple[Rows, NDArray[np.float64]]:
    """The best keys of an index up to the last key of a view: keys grow, and none is used again."""
    depth = top_k
    while True:
        keys, scores = index.search(query, depth, allowed)
        known = keys <= last_key
        if known.all() or known.sum() >= top_k or len(keys) < depth:
            return keys[known][:top_k], scores[known][:top_k]
        depth *= 2


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
