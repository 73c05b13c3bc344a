# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Negatives that are not hard: passages drawn from the corpus, or the positives of other questions.

The paper's first two kinds of three (section 3.2). In a batch the second kind comes by itself; in a validation pool
neither does.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from dpr_haystack.core.answers import AnswerMatcher
from dpr_haystack.core.passages import Passage
from dpr_haystack.errors import InputError
from dpr_haystack.formats.training import TrainingExample


def add_random_negatives(
    examples: Iterable[TrainingExample],
    pool: Sequence[Passage],
    count: int,
    *,
    source: str = "random",
    match: str = "string",
    filter_answers: bool = True,
    seed: int = 0,
) -> Iterator[TrainingExample]:
    """Give examples ``negatives`` out of a pool, behind those that they have.

    :param examples: Questions with their positives, read as they are needed.
    :param pool: The corpus, or the positives of other questions.
    :param count: How many a question; fewer where the pool has no more that will do.
    :param source: What the pool is: noted in the metadata of what is drawn.
    :param match: ``"string"``, or ``"regex"`` where answers are patterns.
    :param filter_answers: Whether passages that hold an answer are left out.
    :param seed: What is drawn depends on it and the question alone.
    :raises InputError: If ``count`` is below 0, or the pool is empty.
    """
    if count < 0:
        msg = f"count must be 0 or more, got {count}"
        raise InputError(msg)
    if count and not pool:
        msg = "there are no passages to draw negatives from"
        raise InputError(msg)
    matcher = AnswerMatcher(match) if filter_answers else None
    return (_with_negatives(example, pool, count, source, matcher, seed) for example in examples)


def _with_negatives(
    example: TrainingExample, pool: Sequence[Passage], count: int, source: str, matcher: AnswerMatcher | None, seed: int
) -> TrainingExample:
    chance = random.Random(f"{seed}/{example.id}/{example.question}")  # noqa: S311 -- no secret
    named = [*example.positives, *example.hard_negatives, *example.negatives]
    known = {passage.id for passage in named} | {passage.text for passage in named}
    drawn: list[Passage] = []
    for place in _places(len(pool), chance):
        if len(drawn) >= count:
            break
        passage = pool[place]
        if known & {passage.id, passage.text}:
            continue
        if matcher is not None and example.answers and matcher.has_answer(example.answers, passage.text):
            continue
        known.add(passage.id)
        drawn.append(replace(passage, meta={"source": source}))
    return replace(example, negatives=(*example.negatives, *drawn))


def _places(count: int, chance: random.Random) -> Iterator[int]:
    """All places of a pool in a random order, without making a list of them before it is needed."""
    swapped: dict[int, int] = {}
    for place in range(count):
        other = chance.randrange(place, count)
        yield swapped.get(other, other)
        swapped[other] = swapped.get(place, place)
