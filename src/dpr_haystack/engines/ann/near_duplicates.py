# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Groups of equal and nearly equal vectors, of which an index keeps one.

A graph of near neighbours fails on repeated vectors: all links of a vector lead to its copies, and a search ends among
them. With one node for each group, and the list of its rows, the graph is one of distinct vectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from dpr_haystack.core.exact import Doubles, Floats, Rows, squared_norms

# A vector joins a group if it is nearer to the group's node than this share of the vectors' spread, which is the root
# of the mean squared distance from their mean. Larger groups cost time, never results: see `rows_of`.
_NEAR = 0.15
# The scores of nodes are float32.
_ROUNDING = 1e-5


@dataclass(frozen=True)
class Found:
    """What a graph found for one question, best first.

    :param nodes: Nodes, shape (n,).
    :param scores: Their scores, higher is better, shape (n,).
    :param slack: By how much a score changes per unit of distance between a node and a row of its group.
    """

    nodes: Rows
    scores: Doubles
    slack: float


class NearDuplicates:
    """Which rows belong to which node, and how far from it they are.

    :param dimension: Length of a vector.
    """

    def __init__(self, dimension: int) -> None:
        self._node_of_row: Rows = np.empty(0, dtype=np.int64)
        self._first_rows: Rows = np.empty(0, dtype=np.int64)
        self._radii: Doubles = np.empty(0)
        self._norms: Doubles = np.empty(0)
        self._sum: Doubles = np.zeros(dimension)
        self._sum_of_squares = 0.0
        # the other rows of each group, sorted by node and row, and their nodes
        self._others: Rows = np.empty(0, dtype=np.int64)
        self._nodes_of_others: Rows = np.empty(0, dtype=np.int64)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self._node_of_row)

    @property
    def nodes(self) -> int:
        """Number of groups."""
        return len(self._first_rows)

    def observe(self, vectors: Floats) -> None:
        """Take vectors into account for the spread, before they are added.

        :param vectors: Shape (n, dim).
        """
        self._sum = self._sum + vectors.sum(axis=0, dtype=np.float64)
        self._sum_of_squares += float(squared_norms(vectors).sum())

    def near(self, count: int) -> float:
        """The largest distance between a row and the node of its group.

        :param count: Number of vectors observed.
        """
        spread = self._sum_of_squares / count - float(np.square(self._sum / count).sum())
        return _NEAR * float(np.sqrt(max(spread, 0.0)))

    def squared_distances(self, vectors: Floats, products: Floats, nodes: Rows) -> Doubles:
        """Squared distances from nodes, by inner products.

        :param vectors: Shape (n, dim).
        :param products: Inner products with k nodes each, shape (n, k).
        :param nodes: The nodes, shape (n, k); -1 stands for none.
        :returns: Shape (n, k); infinity where there is no node.
        """
        distances: Doubles = squared_norms(vectors)[:, None] + self._norms[nodes] - 2.0 * products
        distances[nodes < 0] = np.inf
        return distances

    def add(self, nodes: Rows, distances: Doubles, new: Floats) -> None:
        """Add rows.

        :param nodes: The node of each row, shape (n,); new nodes are numbered in the order of their first rows.
        :param distances: Distances between rows and their nodes, shape (n,).
        :param new: The vectors of new nodes, shape (new nodes, dim).
        """
        rows = np.arange(self.rows, self.rows + len(nodes))
        _, first = np.unique(nodes, return_index=True)
        first = first[nodes[first] >= self.nodes]
        is_other = np.ones(len(nodes), dtype=np.bool_)
        is_other[first] = False
        self._first_rows = np.concatenate([self._first_rows, rows[first]])
        self._norms = np.concatenate([self._norms, squared_norms(new)])
        self._radii = np.concatenate([self._radii, np.zeros(len(first))])
        np.maximum.at(self._radii, nodes, distances)
        self._node_of_row = np.concatenate([self._node_of_row, nodes])
        self._add_others(rows[is_other], nodes[is_other])

    def _add_others(self, rows: Rows, nodes: Rows) -> None:
        if not rows.size:
            return
        self._others = np.concatenate([self._others, rows])
        self._nodes_of_others = np.concatenate([self._nodes_of_others, nodes])
        order = np.argsort(self._nodes_of_others, kind="stable")  # rows are added in ascending order
        self._others, self._nodes_of_others = self._others[order], self._nodes_of_others[order]

    def nodes_with(self, allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which nodes have a row that may be returned.

        :param allowed: Which rows may be returned, shape (rows,).
        :returns: Shape (nodes,).
        """
        mask = np.zeros(self.nodes, dtype=np.bool_)
        mask[self._node_of_row[allowed]] = True
        return mask

    def rows_of(self, found: Found, k: int, wanted: int, allowed: NDArray[np.bool_] | None) -> Rows:
        """The rows of the nodes that a search found, as far as one of the k best rows can be among them.

        :param found: Nodes and their scores, best first.
        :param k: How many rows will be kept, after all have been scored.
        :param wanted: How many rows to return at least, if the nodes have as many.
        :param allowed: Which rows may be returned, shape (rows,); None for all.
        """
        starts = np.searchsorted(self._nodes_of_others, found.nodes)
        ends = np.searchsorted(self._nodes_of_others, found.nodes, side="right")
        radii = self._radii[found.nodes]
        sizes = self._sizes(found.nodes, starts, ends, allowed)
        sizes = np.where(radii == 0, np.minimum(sizes, k), sizes)
        slack = found.slack * radii + _ROUNDING * np.abs(found.scores)
        kept = _kept(found.scores, slack, sizes, k, wanted)
        groups = [self._group(found.nodes[one], starts[one], ends[one], k, allowed) for one in kept]
        return np.concatenate(groups) if groups else self._first_rows[:0]

    def _sizes(self, nodes: Rows, starts: Rows, ends: Rows, allowed: NDArray[np.bool_] | None) -> Rows:
        if allowed is None:
            return 1 + ends - starts
        before = np.concatenate([[0], np.cumsum(allowed[self._others])])
        sizes: Rows = before[ends] - before[starts] + allowed[self._first_rows[nodes]]
        return sizes

    def _group(self, node: int, start: int, end: int, k: int, allowed: NDArray[np.bool_] | None) -> Rows:
        rows = np.concatenate([self._first_rows[node : node + 1], self._others[start:end]])
        if allowed is not None:
            rows = rows[allowed[rows]]
        # Equal vectors have equal scores, and ties are broken by row.
        return rows[:k] if self._radii[node] == 0 else rows

    def save(self, file: BinaryIO) -> None:
        """Write the groups.

        :param file: A file that is open for writing.
        """
        for array in (self._node_of_row, self._first_rows, self._radii, self._norms, self._sum):
            np.save(file, array)
        np.save(file, np.array(self._sum_of_squares))

    def load(self, file: BinaryIO) -> None:
        """Read what :meth:`save` wrote.

        :param file: A file that is open for reading.
        :raises ValueError: If the file contains something else.
        """
        arrays = [np.load(file, allow_pickle=False) for _ in range(6)]
        self._node_of_row, self._first_rows, self._radii, self._norms, self._sum = arrays[:5]
        self._sum_of_squares = float(arrays[5])
        rows = np.setdiff1d(np.arange(self.rows), self._first_rows, assume_unique=True)
        self._others, self._nodes_of_others = rows[:0], rows[:0]
        self._add_others(rows, self._node_of_row[rows])


def _kept(scores: Doubles, slack: Doubles, sizes: Rows, k: int, wanted: int) -> Rows:
    """Which groups may have one of the k best rows, and those before the wanted number of rows."""
    lowest = scores - slack
    order = np.argsort(-lowest, kind="stable")
    enough = np.flatnonzero(np.cumsum(sizes[order]) >= k)
    border = lowest[order[enough[0]]] if enough.size else -np.inf
    before = np.cumsum(sizes) - sizes
    return np.flatnonzero((before < wanted) | (scores + slack >= border))


def leaders(vectors: Floats, near: float) -> tuple[Rows, Doubles]:
    """Group vectors: each joins the first earlier vector that leads a group and is near, or leads a group of its own.

    :param vectors: Shape (n, dim); all pairs are compared.
    :param near: The largest distance within a group.
    :returns: The leader of each vector, shape (n,), and the distance from it.
    """
    count = len(vectors)
    norms = squared_norms(vectors)
    # A pair is near if its product is at least the sum of these; a little less, because products have rounding errors.
    with np.errstate(over="ignore", invalid="ignore"):
        halves = ((1 - _ROUNDING) * norms / 2 - near**2 / 4).astype(np.float32)
        close = np.tril(vectors @ vectors.T >= halves[:, None] + halves[None, :], -1)
    leader = np.arange(count)
    gaps = np.zeros(count)
    for number in np.flatnonzero(close.any(axis=1)):
        earlier = np.flatnonzero(close[number])
        earlier = earlier[leader[earlier] == earlier]
        if not earlier.size:
            continue
        exact = np.linalg.norm(vectors[earlier].astype(np.float64) - vectors[number], axis=1)
        best = int(exact.argmin())
        if exact[best] <= near:
            leader[number], gaps[number] = earlier[best], exact[best]
    return leader, gaps
