# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""BM25 and dense search in one round trip, and the scores that one of them did not give."""

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
class Asked:
    """What is asked: questions as words and as vectors.

    :param index: Where.
    :param searched: The fields that words are searched in.
    :param questions: The questions.
    :param vectors: Their vectors.
    :param retries: How often to ask again while the server is busy.
    """

    index: str
    searched: SearchedFields
    questions: Sequence[str]
    vectors: Sequence[Sequence[float]]
    retries: int


def finding_both(
    asked: Asked, dense: DenseSearch, filters: Sequence[Mapping[str, Any]], top_k: int
) -> Steps[list[tuple[list[Hit], list[Hit]]]]:
    """The steps that search for each question by words and by its vector.

    :param asked: What is asked.
    :param dense: How vectors are searched.
    :param filters: Queries that all have to let a document through.
    :param top_k: Hits of each search.
    :returns: For each question the hits by words and the hits by vector, as ids and scores, best first.
    """
    keyword = yield from _by_words(asked, asked.questions, filters, top_k)
    by_vector = [dense_body(vector, dense, filters, top_k) for vector in asked.vectors]
    # side by side, so that both searches of a question travel in the same request
    bodies = [body for pair in zip(keyword, by_vector, strict=True) for body in pair]
    hits = yield from searching(asked.index, bodies, asked.retries)
    return list(zip(hits[::2], hits[1::2], strict=True))


def scoring_missing(
    asked: Asked, by_words: Sequence[Sequence[str]], by_vector: Sequence[Sequence[str]]
) -> Steps[list[tuple[list[Hit], list[Hit]]]]:
    """The steps that score given documents, as the two searches would have.

    :param by_words: For each question the ids that need a score by words; those without any of its words get no hit.
    :param by_vector: For each question the ids that need a score by its vector; those without a vector get no hit.
    """
    bodies: list[dict[str, Any]] = []
    for number, (words, vectors) in enumerate(zip(by_words, by_vector, strict=True)):
        if words:
            only = [{"ids": {"values": list(words)}}]
            bodies += yield from _by_words(asked, [asked.questions[number]], only, len(words))
        if vectors:
            bodies.append(scores_of_ids(asked.vectors[number], vectors))
    hits = iter((yield from searching(asked.index, bodies, asked.retries)))
    return [
        (next(hits) if words else [], next(hits) if vectors else [])
        for words, vectors in zip(by_words, by_vector, strict=True)
    ]


def _by_words(
    asked: Asked, questions: Sequence[str], filters: Sequence[Mapping[str, Any]], top_k: int
) -> Steps[list[dict[str, Any]]]:
    search = KeywordSearch(excludes=_IDS_ONLY)
    return (yield from keyword_bodies(asked.index, search, asked.searched, questions, filters, top_k, asked.retries))
