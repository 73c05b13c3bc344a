# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What can be asked of a place that holds passages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from haystack.dataclasses import Document
from numpy.typing import NDArray

from dpr_haystack.core.hits import Both, Hits, Ids
from dpr_haystack.core.vector_origin import VectorOrigin

Filters = dict[str, Any]


class PassageSearch(Protocol):
    """What can be asked of a place that holds passages."""

    @property
    def location(self) -> str:
        """Where the passages are, for messages."""

    @property
    def directory(self) -> Path | None:
        """The store's directory; None if it has none."""

    @property
    def recorded_encoder(self) -> Mapping[str, Any] | None:
        """The passage tower that made the vectors; None if it is not recorded."""

    def origin(self) -> VectorOrigin:
        """What is known about which encoder made the vectors, with their numbers."""

    def count(self) -> int:
        """How many passages there are."""

    def has_vectors(self) -> bool:
        """Whether any passage has a vector."""

    def at_one_moment(self) -> AbstractContextManager[PassageSearch]:
        """Searches that all see the same passages, where the place can do that.

        Inside the block nothing that is written or deleted by others is seen.
        """

    def keyword_hits(self, queries: Sequence[str], top_k: int, filters: Filters | None) -> list[Hits]:
        """The passages with the highest BM25 scores.

        :param queries: The questions.
        :param top_k: How many passages for each.
        :param filters: A Haystack filter; None for all passages.
        :returns: Hits for each question.
        """

    def dense_hits(self, embeddings: NDArray[np.float32], top_k: int, filters: Filters | None) -> list[Hits]:
        """The passages most similar to each vector.

        :param embeddings: Vectors of the questions, shape (questions, dim).
        :param top_k: How many passages for each.
        :param filters: A Haystack filter; None for all passages.
        :returns: Hits for each question.
        """

    def both_hits(
        self, queries: Sequence[str], embeddings: NDArray[np.float32], top_k: int, filters: Filters | None
    ) -> list[Both]:
        """The passages with the highest BM25 scores, and those most similar to the question's vector.

        :param queries: The questions.
        :param embeddings: Their vectors, shape (questions, dim).
        :param top_k: How many passages each search finds.
        :param filters: A Haystack filter; None for all passages.
        :returns: Hits of both searches for each question.
        """

    def scores(self, queries: Sequence[str], embeddings: NDArray[np.float32], wanted: Sequence[Ids]) -> list[Both]:
        """BM25 scores and similarities of given passages.

        :param queries: The questions.
        :param embeddings: Their vectors, shape (questions, dim).
        :param wanted: For each question the passages to score.
        :returns: Their scores in no order. A passage without any word of the question has the BM25 score 0; one
            without a vector is missing.
        """

    def documents(self, ids: Sequence[str]) -> dict[str, Document]:
        """Documents by id, without vectors; deleted ones are missing.

        :param ids: Ids of passages.
        """

    def close(self) -> None:
        """Close files and connections; the next use opens them again."""


def in_order(documents: Mapping[str, Document], scores: Mapping[str, float]) -> list[Document]:
    """The documents of hits with their scores, in the order of the hits; deleted ones are left out.

    :param documents: Documents by id.
    :param scores: Scores by id, best first.
    """
    return [replace(documents[name], score=score) for name, score in scores.items() if name in documents]
