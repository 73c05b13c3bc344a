# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""In which order an epoch takes the questions: at random, or neighbours together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from dpr_haystack.core.training_set import TrainingRow

Rows = np.ndarray[tuple[int], np.dtype[np.int64]]

QuestionOrder = Callable[[int], Rows]
"""For an epoch, from 0: the numbers of all questions, each once. The same for the same epoch, whatever came before."""


def at_random(count: int, seed: int) -> QuestionOrder:
    """Every epoch in another random order.

    :param count: How many questions.
    :param seed: The seed.
    """
    return lambda epoch: np.random.default_rng([seed, epoch]).permutation(count)


def neighbours_together(rows: Sequence[TrainingRow], neighbourhood: int, seed: int) -> QuestionOrder:
    """Questions whose positives are hard negatives of one another come one after the other.

    In a batch of them the other positives are hard negatives, and questions with the same positive share it: a passage
    is encoded once for all of them (after arXiv 2210.12874, which orders the whole set by similarity). A neighbourhood
    begins at a random passage and takes in its neighbours, those that are named most often first, then theirs.

    :param rows: The questions.
    :param neighbourhood: How many passages with all their questions come together; at least 1.
    :param seed: The seed.
    """
    questions: dict[int, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        questions[row.positives[0]].append(number)
    neighbours = _neighbours(rows, set(questions))
    passages = np.array(list(questions), dtype=np.int64)

    def order(epoch: int) -> Rows:
        chance = np.random.default_rng([seed, epoch])
        found = _neighbourhoods(chance.permutation(passages).tolist(), neighbours, neighbourhood)
        # the last to be found are the smallest: they are spread over the epoch
        shuffled = [found[place] for place in chance.permutation(len(found))]
        groups = ([number for passage in group for number in questions[passage]] for group in shuffled)
        return np.concatenate([chance.permutation(np.array(group, dtype=np.int64)) for group in groups])

    return order


def _neighbours(rows: Sequence[TrainingRow], positives: set[int]) -> dict[int, list[int]]:
    """Of every positive, the other positives that are hard negatives of its questions, or whose questions have it."""
    counts: dict[int, Counter[int]] = defaultdict(Counter)
    for row in rows:
        for negative in row.hard_negatives:
            if negative in positives:
                counts[row.positives[0]][negative] += 1
                counts[negative][row.positives[0]] += 1
    return {passage: [each for each, _ in count.most_common()] for passage, count in counts.items()}


def _neighbourhoods(starts: Sequence[int], neighbours: Mapping[int, Sequence[int]], size: int) -> list[list[int]]:
    taken: set[int] = set()
    found = []
    for start in starts:
        if start not in taken:
            found.append(_around(start, neighbours, taken, size))
    return found


def _around(start: int, neighbours: Mapping[int, Sequence[int]], taken: set[int], size: int) -> list[int]:
    """A passage with those around it that are still free; they are taken then."""
    taken.add(start)
    group = [start]
    for passage in group:
        for each in neighbours.get(passage, ()):
            if len(group) == size:
                return group
            if each not in taken:
                taken.add(each)
                group.append(each)
    return group
