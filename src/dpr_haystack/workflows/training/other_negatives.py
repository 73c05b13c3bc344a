# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Random negatives: passages of the corpus, or the positives of other questions.

The first two of the paper's three kinds (section 3.2). In training batches the second kind is implicit; in a validation
pool neither is.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from dpr_haystack.core.answers import AnswerMatcher
from dpr_haystack.core.known_positives import Known, KnownPositives
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
    known: KnownPositives | None = None,
) -> Iterator[TrainingExample]:
    """Append ``negatives`` drawn from a pool to those of the examples.

    :param examples: Questions with their positives, read as needed.
    :param pool: The corpus, or the positives of other questions.
    :param count: How many per question; fewer if the pool has no more suitable passages.
    :param source: Name of the pool, stored in the metadata of the drawn passages.
    :param match: ``"string"``, or ``"regex"`` if answers are patterns.
    :param filter_answers: Exclude passages that contain an answer.
    :param seed: Random seed; the passages drawn depend only on seed and question.
    :param known: The positives and answers of each question over all rows; None for those of each example alone.
    :raises InputError: If ``count`` is below 0, or the pool is empty.
    """
    if count < 0:
        msg = f"count must be 0 or more: got {count}"
        raise InputError(msg)
    if count and not pool:
        msg = "negatives are drawn from a pool of passages: got an empty one"
        raise InputError(msg)
    matcher = AnswerMatcher(match) if filter_answers else None
    known = known or KnownPositives()
    return (
        _with_negatives(example, known.of(example.question), pool, count, source, matcher, seed) for example in examples
    )


def _with_negatives(
    example: TrainingExample,
    known: Known,
    pool: Sequence[Passage],
    count: int,
    source: str,
    matcher: AnswerMatcher | None,
    seed: int,
) -> TrainingExample:
    rng = random.Random(f"{seed}/{example.id}/{example.question}")  # noqa: S311 -- not for security
    used = [*example.positives, *example.hard_negatives, *example.negatives]
    taken = {passage.id for passage in used} | {passage.text for passage in used}
    answers = dict.fromkeys([*example.answers, *known.answers])
    drawn: list[Passage] = []
    for position in _positions(len(pool), rng):
        if len(drawn) >= count:
            break
        passage = pool[position]
        if taken & {passage.id, passage.text} or known.includes(passage):
            continue
        if matcher is not None and answers and matcher.has_answer(answers, passage.text):
            continue
        taken.add(passage.id)
        drawn.append(replace(passage, meta={"source": source}))
    return replace(example, negatives=(*example.negatives, *drawn))


def _positions(count: int, rng: random.Random) -> Iterator[int]:
    """All positions of a pool in random order: a lazy Fisher-Yates shuffle."""
    swapped: dict[int, int] = {}
    for position in range(count):
        other = rng.randrange(position, count)
        yield swapped.get(other, other)
        swapped[other] = swapped.get(position, position)
