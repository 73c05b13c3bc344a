# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Approximate nearest-neighbour indexes, one kind a file.

A kind is found by the FAISS factory string that it answers to. To add one, write a module with an
:class:`ApproximateIndex`, and describe it in ``_KINDS``.
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

from dpr_haystack.core.exact import Floats, Rows
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.errors import InputError


@dataclass(frozen=True)
class Kind:
    """One kind of index.

    :param pattern: The factory strings that it answers to.
    :param module: Where its class is; loaded when an index is made, because it loads FAISS.
    :param name: The class, built with (factory string, dimension, similarity, options).
    :param options: Its settings and what they are if nothing is said.
    """

    pattern: str
    module: str
    name: str
    options: Mapping[str, int]


# FAISS's own settings of HNSW (40 and 16) lose one passage in ten by inner product.
_KINDS = (Kind(r"HNSW\d+(,Flat)?", "hnsw", "HNSW", {"efConstruction": 200, "efSearch": 128}),)

EXACT = "Flat"


class ApproximateIndex(Protocol):
    """Finds candidates; the store rescores them with the raw vectors."""

    @property
    def size(self) -> int:
        """Number of rows added: row i is the i-th vector that was added."""

    def add(self, vectors: Floats) -> None:
        """Add rows behind the ones that are there; shape (n, dim)."""

    def candidates(self, questions: Floats, k: int, allowed: NDArray[np.bool_] | None) -> list[Rows]:
        """At least k candidate rows for each question, as far as they are found.

        :param questions: Shape (m, dim).
        :param allowed: Rows that may be returned, shape (size,); all if None.
        """

    def save(self, path: Path) -> None:
        """Write to a file."""

    def load(self, path: Path) -> None:
        """Read from a file that :meth:`save` wrote."""


def is_exact(index_string: str) -> bool:
    """Whether an index string asks for exact search, which needs no index."""
    return index_string == EXACT


def check_index_string(index_string: str, options: Mapping[str, int] | None) -> None:
    """Refuse an index string or option that nothing here answers to.

    :raises InputError: With the ones that are known.
    """
    if is_exact(index_string):
        if options:
            msg = f"an exact index has no options, got {sorted(options)}"
            raise InputError(msg)
        return
    kind = _kind(index_string)
    unknown = sorted(set(options or {}) - set(kind.options))
    if unknown:
        msg = f"unknown index options {unknown} for {index_string!r}; {kind.name} knows {sorted(kind.options)}"
        raise InputError(msg)
    for name, value in (options or {}).items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            msg = f"the index option {name!r} must be a whole number of at least 1, got {value!r}"
            raise InputError(msg)


def make_index(
    index_string: str, dimension: int, similarity: Similarity, options: Mapping[str, int] | None
) -> ApproximateIndex:
    """A new, empty index of the kind that the index string names.

    :param index_string: E.g. ``"HNSW32"``.
    :param dimension: Length of its vectors.
    :param similarity: What its candidates are to be near by.
    :param options: Settings of the kind.
    :raises InputError: If no kind answers to the index string.
    """
    kind = _kind(index_string)
    make = getattr(import_module(f"{__name__}.{kind.module}"), kind.name)
    index: ApproximateIndex = make(index_string, dimension, similarity, {**kind.options, **(options or {})})
    return index


def _kind(index_string: str) -> Kind:
    for kind in _KINDS:
        if re.fullmatch(kind.pattern, index_string):
            return kind
    msg = f"unknown index_string {index_string!r}; known are 'Flat' (exact) and 'HNSW<links>', e.g. 'HNSW32'"
    raise InputError(msg)
