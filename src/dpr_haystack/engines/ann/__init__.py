# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Approximate nearest-neighbour indexes, one kind per file, selected by FAISS factory strings.

To add a kind, write a module with an :class:`ApproximateIndex` and describe it in ``_KINDS``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dpr_haystack.core.checks import check_integer
from dpr_haystack.core.exact import Floats, Rows
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.errors import InputError


@dataclass(frozen=True)
class Kind:
    """A kind of index.

    :param pattern: Regular expression of its factory strings.
    :param form: The factory strings as error messages show them.
    :param module: Module of its class; imported when an index is made, because it imports FAISS.
    :param name: Name of the class, which is called with (factory string, dimension, similarity, options).
    :param options: Its settings and their defaults.
    """

    pattern: str
    form: str
    module: str
    name: str
    options: Mapping[str, int]


# With FAISS's own defaults for HNSW (40 and 16), one passage in ten is not found by inner product.
_KINDS = (
    Kind(
        r"HNSW\d+(,Flat)?",
        "HNSW<links>, e.g. HNSW32",
        f"{__name__}.hnsw",
        "HNSW",
        {"efConstruction": 200, "efSearch": 128},
    ),
)

EXACT = "Flat"


class ApproximateIndex(Protocol):
    """Finds candidates, which the store scores with the raw vectors."""

    @property
    def size(self) -> int:
        """Number of rows: row i is the i-th vector that was added."""

    @property
    def minimum_rows(self) -> int:
        """Number of rows needed for training; with fewer, the store searches exactly. 0 if no training is needed."""

    def train(self, vectors: Floats) -> None:
        """Prepare an empty index for vectors of this distribution; called once, before :meth:`add`.

        :param vectors: At least :attr:`minimum_rows` vectors, shape (n, dim).
        """

    def add(self, vectors: Floats) -> None:
        """Add rows after the existing ones.

        :param vectors: Shape (n, dim).
        """

    def candidates(self, questions: Floats, k: int, allowed: NDArray[np.bool_] | None) -> list[Rows]:
        """At least k candidate rows for each question, if the index finds as many.

        :param questions: Shape (m, dim).
        :param k: Number of rows.
        :param allowed: Which rows may be returned, shape (size,); None for all.
        """

    def save(self, path: Path) -> None:
        """Write the index to a file.

        :param path: The file.
        """

    def load(self, path: Path) -> None:
        """Read the index from a file that :meth:`save` wrote.

        :param path: The file.
        """


def is_exact(index_string: str) -> bool:
    """Whether an index string stands for exact search, which needs no index.

    :param index_string: The index string.
    """
    return index_string == EXACT


def check_index_string(index_string: str, options: Mapping[str, int] | None) -> None:
    """Refuse unknown index strings and options.

    :param index_string: The index string.
    :param options: Settings of the index; None for the defaults.
    :raises InputError: With the known ones.
    """
    if is_exact(index_string):
        if options:
            msg = f"an exact index has no options: got {sorted(options)}"
            raise InputError(msg)
        return
    kind = _kind(index_string)
    unknown = sorted(set(options or {}) - set(kind.options))
    if unknown:
        msg = f"unknown index options {unknown} for {index_string!r}; known: {', '.join(sorted(kind.options))}"
        raise InputError(msg)
    for name, value in (options or {}).items():
        check_integer(f"the index option {name!r}", value)


def make_index(
    index_string: str, dimension: int, similarity: Similarity, options: Mapping[str, int] | None
) -> ApproximateIndex:
    """A new, empty index of the kind that the index string names.

    :param index_string: The index string, e.g. ``"HNSW32"``.
    :param dimension: Length of its vectors.
    :param similarity: How vectors are compared.
    :param options: Settings of the kind; None for the defaults.
    :raises InputError: If the index string is unknown.
    """
    kind = _kind(index_string)
    make = getattr(import_module(kind.module), kind.name)
    index: ApproximateIndex = make(index_string, dimension, similarity, {**kind.options, **(options or {})})
    return index


def _kind(index_string: str) -> Kind:
    for kind in _KINDS:
        if re.fullmatch(kind.pattern, index_string):
            return kind
    known = "; ".join([f"{EXACT} (exact search)", *(kind.form for kind in _KINDS)])
    msg = f"unknown index_string {index_string!r}; known: {known}"
    raise InputError(msg)
