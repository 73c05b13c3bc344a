# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""BM25 and dense search in one request, and the scores of hits that only one of them found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dpr_haystack.engines.elasticsearch.bm25 import keyword_bodies
from dpr_haystack.engines.elasticsearch.bodies import KeywordSearch, SearchedFields
from dpr_haystack.engines.elasticsearch.searching import Hit, searching
from dpr_haystack.engines.elasticsearch.sending import Steps
from dpr_haystack.engines.elasticsearch.vectors import DenseSearch, dense_body, scores_of_ids

_IDS_ONLY = None


@dataclass(frozen=True)
class Questions:
    """Questions to an index, as words and as vectors.

    :param index: The index.
    :param searched: The fields that are searched for words.
    :param texts: The questions.
    :param vectors: Their vectors.
    :param retries: How often to retry while the server is busy.
    """

    index: str
    searched: SearchedFields
    texts: Sequence[str]
    vectors: Sequence[Sequence[float]]
    retries: int


def finding_both(
    questions: Questions, dense: DenseSearch, filters: Sequence[Mapping[str, Any]], top_k: int
) -> Steps[list[tuple[list[Hit], list[Hit]]]]:
    """Steps that search for each question by words and by its vector.

    :param questions: The questions.
    :param dense: How vectors are searched.
    :param filters: Queries that a document must all match.
    :param top_k: Hits per search.
    :returns: For each question the hits by words and the hits by vector, as ids and scores, best first.
    """
    keyword = yield from _by_words(questions, questions.texts, filters, top_k)
    by_vector = [dense_body(vector, dense, filters, top_k) for vector in questions.vectors]
    # interleaved, so that both searches of a question are in the same request
    bodies = [body for pair in zip(keyword, by_vector, strict=True) for body in pair]
    hits = yield from searching(questions.index, bodies, questions.retries)
    return list(zip(hits[::2], hits[1::2], strict=True))


def scoring_missing(
    questions: Questions, by_words: Sequence[Sequence[str]], by_vector: Sequence[Sequence[str]]
) -> Steps[list[tuple[list[Hit], list[Hit]]]]:
    """Steps that score given documents like the two searches.

    :param questions: The questions.
    :param by_words: For each question the ids to score by words; those without any of its words get no hit.
    :param by_vector: For each question the ids to score by its vector; those without a vector get no hit.
    """
    bodies: list[dict[str, Any]] = []
    for number, (words, vectors) in enumerate(zip(by_words, by_vector, strict=True)):
        if words:
            only = [{"ids": {"values": list(words)}}]
            bodies += yield from _by_words(questions, [questions.texts[number]], only, len(words))
        if vectors:
            bodies.append(scores_of_ids(questions.vectors[number], vectors))
    hits = iter((yield from searching(questions.index, bodies, questions.retries)))
    return [
        (next(hits) if words else [], next(hits) if vectors else [])
        for words, vectors in zip(by_words, by_vector, strict=True)
    ]


def _by_words(
    questions: Questions, texts: Sequence[str], filters: Sequence[Mapping[str, Any]], top_k: int
) -> Steps[list[dict[str, Any]]]:
    search, retries = KeywordSearch(excludes=_IDS_ONLY), questions.retries
    bodies = yield from keyword_bodies(questions.index, search, questions.searched, texts, filters, top_k, retries)
    return bodies
