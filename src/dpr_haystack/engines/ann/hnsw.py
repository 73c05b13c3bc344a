# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""HNSW, a graph of near neighbours (Malkov and Yashunin 2016, arXiv 1603.09320), with FAISS."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import faiss as _faiss
import numpy as np
from numpy.typing import NDArray

from dpr_haystack.core.exact import Doubles, Floats, Rows
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.engines.ann.near_duplicates import Found, NearDuplicates, leaders

faiss: Any = _faiss  # its type stubs lack the methods that FAISS adds in Python

# Vectors are added in pieces, within which all pairs are compared.
_PIECE = 1_024
# How a node near a new vector is searched. The neighbours by inner product need not be the nearest, hence several.
_NEAREST, _EF_NEAREST = 8, 32


class HNSW:
    """An HNSW index of the raw vectors, with one node for each group of nearly equal ones.

    See :class:`~dpr_haystack.engines.ann.ApproximateIndex`.

    :param index_string: ``"HNSW<links>"``.
    :param dimension: Length of a vector.
    :param similarity: How vectors are compared; for the cosine, normalised copies are indexed.
    :param options: ``efConstruction`` and ``efSearch``.
    """

    def __init__(self, index_string: str, dimension: int, similarity: Similarity, options: Mapping[str, int]) -> None:
        self._is_distance = similarity == Similarity.L2
        metric = faiss.METRIC_L2 if self._is_distance else faiss.METRIC_INNER_PRODUCT
        links = int(index_string.removeprefix("HNSW").split(",")[0])
        self._normalise = similarity == Similarity.COSINE
        self._ef_search = options["efSearch"]
        self._index = faiss.IndexHNSWFlat(dimension, links, metric)
        self._index.hnsw.efConstruction = options["efConstruction"]
        self._groups = NearDuplicates(dimension)

    @property
    def size(self) -> int:
        """Number of rows."""
        return self._groups.rows

    @property
    def minimum_rows(self) -> int:
        """0: a graph needs no training."""
        return 0

    def train(self, vectors: Floats) -> None:
        """Does nothing: a graph needs no training.

        :param vectors: Not used.
        """

    def add(self, vectors: Floats) -> None:
        """Add rows after the existing ones.

        :param vectors: Shape (n, dim).
        """
        for start in range(0, len(vectors), _PIECE):
            self._add_piece(self._prepared(vectors[start : start + _PIECE]))

    def _add_piece(self, vectors: Floats) -> None:
        self._groups.observe(vectors)
        near = self._groups.near(self.size + len(vectors))
        nodes, distances = self._nearest_nodes(vectors, near)
        (rest,) = np.nonzero(nodes < 0)
        leader, gaps = leaders(vectors[rest], near)
        first = np.unique(leader)
        new = vectors[rest[first]]
        nodes[rest] = self._groups.nodes + np.searchsorted(first, leader)
        distances[rest] = gaps
        if len(new):
            self._index.add(new)
        self._groups.add(nodes, distances, new)

    def _nearest_nodes(self, vectors: Floats, near: float) -> tuple[Rows, Doubles]:
        """A node within a distance of each vector, -1 if none is found, and the distance."""
        if not self._groups.nodes:
            return np.full(len(vectors), -1), np.zeros(len(vectors))
        scores, nodes = self._index.search(vectors, _NEAREST, params=faiss.SearchParametersHNSW(efSearch=_EF_NEAREST))
        squares = scores if self._is_distance else self._groups.squared_distances(vectors, scores, nodes)
        nearest = np.where(nodes >= 0, squares, np.inf).argmin(axis=1)
        found = np.take_along_axis(nodes, nearest[:, None], axis=1)[:, 0]
        representatives = self._index.reconstruct_batch(np.maximum(found, 0))
        distances = np.linalg.norm(representatives.astype(np.float64) - vectors, axis=1)
        outside = (found < 0) | (distances > near)
        return np.where(outside, -1, found), np.where(outside, 0.0, distances)

    def candidates(self, questions: Floats, k: int, allowed: NDArray[np.bool_] | None) -> list[Rows]:
        """At least k candidate rows for each question, if the graph leads to as many.

        :param questions: Shape (m, dim).
        :param k: Number of rows.
        :param allowed: Which rows may be returned, shape (size,); None for all.
        """
        wanted = max(k, self._ef_search)
        count = min(self._groups.nodes, wanted)
        parameters = faiss.SearchParametersHNSW(efSearch=count)
        if allowed is not None:
            bits = np.packbits(self._groups.nodes_with(allowed), bitorder="little")
            parameters = faiss.SearchParametersHNSW(efSearch=count, sel=faiss.IDSelectorBitmap(bits))
        questions = self._prepared(questions)
        scores, nodes = self._index.search(questions, count, params=parameters)
        if self._groups.nodes == self._groups.rows:
            return [line[line >= 0] for line in nodes]  # FAISS pads with -1
        return [
            self._groups.rows_of(self._found(question, line, row), k, wanted, allowed)
            for question, line, row in zip(questions, scores, nodes, strict=True)
        ]

    def _found(self, question: Floats, scores: Floats, nodes: Rows) -> Found:
        known = nodes >= 0
        values = scores[known].astype(np.float64)
        if self._is_distance:  # FAISS returns squared distances, and a distance changes at most as much as a vector
            return Found(nodes[known], -np.sqrt(np.maximum(values, 0.0)), 1.0)
        return Found(nodes[known], values, float(np.linalg.norm(question.astype(np.float64))))

    def save(self, path: Path) -> None:
        """Write the index to a file.

        :param path: The file.
        """
        with path.open("wb") as file:
            self._groups.save(file)
            faiss.write_index(self._index, faiss.PyCallbackIOWriter(file.write))

    def load(self, path: Path) -> None:
        """Read the index from a file that :meth:`save` wrote.

        :param path: The file.
        :raises RuntimeError: If the file contains something else.
        """
        with path.open("rb") as file:
            try:
                self._groups.load(file)
            except (ValueError, EOFError) as error:
                msg = f"it has no groups of vectors: {error}"
                raise RuntimeError(msg) from error
            self._index = faiss.read_index(faiss.PyCallbackIOReader(file.read))

    def _prepared(self, vectors: Floats) -> Floats:
        copy = np.array(vectors, dtype=np.float32, order="C")
        if self._normalise:
            faiss.normalize_L2(copy)
        return copy
