# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The order of the questions in an epoch: random, or similar questions next to each other."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from dpr_haystack.core.training_set import TrainingRow

Rows = np.ndarray[tuple[int], np.dtype[np.int64]]

QuestionOrder = Callable[[int], Rows]
"""Maps an epoch, from 0, to a permutation of the question numbers. Does not depend on earlier calls."""


def random_order(count: int, seed: int) -> QuestionOrder:
    """A new random order in every epoch.

    :param count: The number of questions.
    :param seed: The random seed.
    """
    return lambda epoch: np.random.default_rng([seed, epoch]).permutation(count)


def neighbourhood_order(rows: Sequence[TrainingRow], neighbourhood: int, seed: int) -> QuestionOrder:
    """Put questions next to each other if their positives are hard negatives of one another.

    In a batch of such questions the other positives act as hard negatives, and a positive shared by several questions
    is encoded once (after arXiv 2210.12874, which orders the whole set by similarity). A neighbourhood starts at a
    random passage and grows breadth-first over its neighbours, most frequent hard negatives first.

    :param rows: The questions.
    :param neighbourhood: The maximum number of passages, with all their questions, in a neighbourhood; at least 1.
    :param seed: The random seed.
    """
    questions: dict[int, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        questions[row.positives[0]].append(number)
    neighbours = _neighbours(rows, set(questions))
    passages = np.array(list(questions), dtype=np.int64)

    def order(epoch: int) -> Rows:
        generator = np.random.default_rng([seed, epoch])
        groups = _neighbourhoods(generator.permutation(passages).tolist(), neighbours, neighbourhood)
        # The last groups tend to be the smallest: shuffling spreads them over the epoch.
        shuffled = [groups[index] for index in generator.permutation(len(groups))]
        numbers = ([number for passage in group for number in questions[passage]] for group in shuffled)
        return np.concatenate([generator.permutation(np.array(group, dtype=np.int64)) for group in numbers])

    return order


def _neighbours(rows: Sequence[TrainingRow], positives: set[int]) -> dict[int, list[int]]:
    """For every positive, the positives that are hard negatives of its questions or the other way round."""
    counts: dict[int, Counter[int]] = defaultdict(Counter)
    for row in rows:
        for negative in row.hard_negatives:
            if negative in positives:
                counts[row.positives[0]][negative] += 1
                counts[negative][row.positives[0]] += 1
    return {passage: [neighbour for neighbour, _ in count.most_common()] for passage, count in counts.items()}


def _neighbourhoods(starts: Sequence[int], neighbours: Mapping[int, Sequence[int]], size: int) -> list[list[int]]:
    visited: set[int] = set()
    groups = []
    for start in starts:
        if start not in visited:
            groups.append(_grow(start, neighbours, visited, size))
    return groups


def _grow(start: int, neighbours: Mapping[int, Sequence[int]], visited: set[int], size: int) -> list[int]:
    """A passage and the passages around it that are not yet visited; marks them as visited."""
    visited.add(start)
    group = [start]
    for passage in group:
        for neighbour in neighbours.get(passage, ()):
            if len(group) == size:
                return group
            if neighbour not in visited:
                visited.add(neighbour)
                group.append(neighbour)
    return group
