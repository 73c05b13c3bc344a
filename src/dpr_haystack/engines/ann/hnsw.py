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

from dpr_haystack.core.exact import Floats, Rows
from dpr_haystack.core.similarity import Similarity

faiss: Any = _faiss  # its type stubs lack the methods that FAISS adds in Python


class HNSW:
    """An HNSW index of the raw vectors; see :class:`~dpr_haystack.engines.ann.ApproximateIndex`.

    :param index_string: ``"HNSW<links>"``.
    :param dimension: Length of a vector.
    :param similarity: How vectors are compared; for the cosine, normalised copies are indexed.
    :param options: ``efConstruction`` and ``efSearch``.
    """

    def __init__(self, index_string: str, dimension: int, similarity: Similarity, options: Mapping[str, int]) -> None:
        metric = faiss.METRIC_L2 if similarity == Similarity.L2 else faiss.METRIC_INNER_PRODUCT
        links = int(index_string.removeprefix("HNSW").split(",")[0])
        self._normalise = similarity == Similarity.COSINE
        self._ef_search = options["efSearch"]
        self._index = faiss.IndexHNSWFlat(dimension, links, metric)
        self._index.hnsw.efConstruction = options["efConstruction"]

    @property
    def size(self) -> int:
        """Number of rows."""
        return int(self._index.ntotal)

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
        self._index.add(self._prepared(vectors))

    def candidates(self, questions: Floats, k: int, allowed: NDArray[np.bool_] | None) -> list[Rows]:
        """At least k candidate rows for each question, if the graph leads to as many.

        :param questions: Shape (m, dim).
        :param k: Number of rows.
        :param allowed: Which rows may be returned, shape (size,); None for all.
        """
        count = min(self.size, max(k, self._ef_search))
        parameters = faiss.SearchParametersHNSW(efSearch=count)
        if allowed is not None:
            bits = np.packbits(allowed, bitorder="little")
            parameters = faiss.SearchParametersHNSW(efSearch=count, sel=faiss.IDSelectorBitmap(bits))
        _, rows = self._index.search(self._prepared(questions), count, params=parameters)
        return [line[line >= 0] for line in rows]  # FAISS pads with -1

    def save(self, path: Path) -> None:
        """Write the index to a file.

        :param path: The file.
        """
        faiss.write_index(self._index, str(path))

    def load(self, path: Path) -> None:
        """Read the index from a file that :meth:`save` wrote.

        :param path: The file.
        """
        self._index = faiss.read_index(str(path))

    def _prepared(self, vectors: Floats) -> Floats:
        copy = np.array(vectors, dtype=np.float32, order="C")
        if self._normalise:
            faiss.normalize_L2(copy)
        return copy
