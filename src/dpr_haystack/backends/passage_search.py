# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Searching passages, wherever they are: in our store or in Elasticsearch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from haystack.dataclasses import Document
from numpy.typing import NDArray

from dpr_haystack.core.hits import Both, Hits, Ids

Filters = dict[str, Any]


class PassageSearch(Protocol):
    """What can be asked of the place where passages are."""

    @property
    def place(self) -> str:
        """Where it is, for messages."""

    @property
    def directory(self) -> Path | None:
        """The store's directory, if it has one."""

    @property
    def recorded_encoder(self) -> Mapping[str, Any] | None:
        """Which passage tower made the vectors; None if that is not recorded."""

    def count(self) -> int:
        """How many passages there are."""

    def has_vectors(self) -> bool:
        """Whether any passage has a vector."""

    def keyword_hits(self, queries: Sequence[str], top_k: int, filters: Filters | None) -> list[Hits]:
        """The passages with the highest BM25 scores for each question."""

    def dense_hits(self, embeddings: NDArray[np.float32], top_k: int, filters: Filters | None) -> list[Hits]:
        """The passages most similar to each vector.

        :param embeddings: Shape (questions, dim).
        """

    def both_hits(
        self, queries: Sequence[str], embeddings: NDArray[np.float32], top_k: int, filters: Filters | None
    ) -> list[Both]:
        """For each question the passages with the highest BM25 scores and those most similar to its vector.

        :param embeddings: Shape (questions, dim).
        """

    def scores(
        self, queries: Sequence[str], embeddings: NDArray[np.float32], wanted: Sequence[Ids]
    ) -> list[tuple[dict[str, float], dict[str, float]]]:
        """For each question the BM25 scores and the similarities of given passages.

        A passage without a word of the question has the BM25 score 0; one without a vector has no similarity.
        """

    def documents(self, ids: Sequence[str]) -> dict[str, Document]:
        """Documents by their ids, without vectors; those that are gone are missing."""

    def refuse_to_write_secrets(self) -> None:
        """Before the store is serialized: refuse if a password would be written in clear."""

    def close(self) -> None:
        """Let go of files and connections; the next use opens them again."""


def in_order(documents: Mapping[str, Document], hits: Mapping[str, float]) -> list[Document]:
    """The documents of hits with their scores, in the order of the hits; those that are gone are left out."""
    return [replace(documents[name], score=score) for name, score in hits.items() if name in documents]
