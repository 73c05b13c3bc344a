# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A graph of near neighbours (Malkov and Yashunin 2016, arXiv 1603.09320), by FAISS."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import faiss as _faiss
import numpy as np
from numpy.typing import NDArray

from dpr_haystack.core.exact import Floats, Rows
from dpr_haystack.core.similarity import Similarity

faiss: Any = _faiss  # its type stubs miss the Python side of its classes


class HNSW:
    """HNSW over the raw vectors.

    :param index_string: ``"HNSW<links>"``.
    :param dimension: Length of a vector.
    :param similarity: The cosine is the inner product of normalised copies.
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
        """Number of rows added."""
        return int(self._index.ntotal)

    def add(self, vectors: Floats) -> None:
        """Add rows behind the ones that are there; shape (n, dim)."""
        self._index.add(self._prepared(vectors))

    def candidates(self, questions: Floats, k: int, allowed: NDArray[np.bool_] | None) -> list[Rows]:
        """At least k candidate rows for each question, as far as the graph leads to them."""
        wanted = min(self.size, max(k, self._ef_search))
        parameters = faiss.SearchParametersHNSW(efSearch=wanted)
        if allowed is not None:
            bits = np.packbits(allowed, bitorder="little")
            parameters = faiss.SearchParametersHNSW(efSearch=wanted, sel=faiss.IDSelectorBitmap(bits))
        _, found = self._index.search(self._prepared(questions), wanted, params=parameters)
        return [line[line >= 0] for line in found]  # FAISS fills up with -1

    def save(self, path: Path) -> None:
        """Write to a file."""
        faiss.write_index(self._index, str(path))

    def load(self, path: Path) -> None:
        """Read from a file that :meth:`save` wrote."""
        self._index = faiss.read_index(str(path))

    def _prepared(self, vectors: Floats) -> Floats:
        copy = np.array(vectors, dtype=np.float32, order="C")
        if self._normalise:
            faiss.normalize_L2(copy)
        return copy
