# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Which of the passages that were found for a question are good hard negatives, and why the others are not.

A hard negative looks like an answer and is none. Of what a search finds, passages that hold the answer are positives
that nobody marked, and so, more often than not, are those that score almost as high as the positive itself (the
positive-aware margin of NV-Retriever, arXiv 2407.15831): a model that learns to push these away gets worse.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

from dpr_haystack.errors import InputError

Sampling = Literal["top", "random"]

REASONS = ("rank", "gold", "answer", "margin", "check")
"""Why a candidate is none, in the order in which that is looked at: outside the ranks that count; a gold passage of the
question; it has an answer; it scores too close to the positive; another model says that it is relevant."""


class Candidate(NamedTuple):
    """A passage that was found for a question.

    :param id: Its id.
    :param score: Its score, higher for better.
    """

    id: str
    score: float


@dataclass(frozen=True)
class NegativeRules:
    """Which candidates become hard negatives.

    :param count: How many for a question at most.
    :param first_rank: The first rank that counts, from 1.
    :param last_rank: The last one.
    :param margin: A negative scores at most this share of the positive's score, above 0 and at most 1; None for no such
        rule. For a positive score below 0 it lies as far below it as it would below the same score above 0.
    :param sampling: ``"top"``: the hardest that are left; ``"random"``: any of those.
    :param seed: Of the sampling.
    :raises InputError: If one of them cannot be.
    """

    count: int = 1
    first_rank: int = 1
    last_rank: int = 100
    margin: float | None = 0.95
    sampling: Sampling = "top"
    seed: int = 0

    def __post_init__(self) -> None:
        for problem in self._problems():
            raise InputError(problem)

    def _problems(self) -> Iterable[str]:
        if self.count < 0:
            yield f"count must be 0 or more, got {self.count}"
        if not 1 <= self.first_rank <= self.last_rank:
            yield f"ranks go from 1 up, the first before the last, got {self.first_rank} to {self.last_rank}"
        if self.margin is not None and not 0 < self.margin <= 1:
            yield f"margin must be above 0 and at most 1, e.g. 0.95 for 95%, or None, got {self.margin}"
        if self.sampling not in get_args(Sampling):
            yield f"sampling must be one of {', '.join(get_args(Sampling))}, got {self.sampling!r}"

    def ceiling(self, positive: float) -> float:
        """The highest score that a negative may have.

        :param positive: The score of the positive.
        """
        return math.inf if self.margin is None else positive - (1.0 - self.margin) * abs(positive)


@dataclass
class Tally:
    """How many candidates there were and what became of them.

    :param questions: How many questions were looked at.
    :param candidates: How many passages were found for them.
    :param removed: How many each of :data:`REASONS` removed.
    :param kept: How many became hard negatives.
    :param without: How many questions have none.
    """

    questions: int = 0
    candidates: int = 0
    removed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(REASONS, 0))
    kept: int = 0
    without: int = 0


def choose_negatives(
    candidates: Sequence[Candidate],
    rules: NegativeRules,
    tally: Tally,
    *,
    question: str,
    gold: Iterable[str] = (),
    positive: float | None = None,
    has_answer: Callable[[str], bool] | None = None,
    is_relevant: Callable[[Sequence[str]], Sequence[bool]] | None = None,
) -> list[Candidate]:
    """The hard negatives of one question.

    :param candidates: What was found, best first.
    :param rules: Which of them count.
    :param tally: Counts what became of them.
    :param question: The question; sampling depends on it and the seed alone, not on the order of questions.
    :param gold: Ids of its positives.
    :param positive: The score of its best positive; None if that is not known: then there is no margin.
    :param has_answer: Whether a passage, by its id, has an answer; None if there are no answers to look for.
    :param is_relevant: For some ids, whether another model finds each relevant; asked until there are enough that it
        does not. None not to ask.
    :returns: At most ``rules.count`` of them, the hardest first.
    """
    golds, ceiling = set(gold), math.inf if positive is None else rules.ceiling(positive)
    left: list[Candidate] = []
    for rank, candidate in enumerate(candidates, 1):
        if not rules.first_rank <= rank <= rules.last_rank:
            tally.removed["rank"] += 1
        elif candidate.id in golds:
            tally.removed["gold"] += 1
        elif has_answer is not None and has_answer(candidate.id):
            tally.removed["answer"] += 1
        elif candidate.score > ceiling:
            tally.removed["margin"] += 1
        else:
            left.append(candidate)
    if is_relevant is None:
        chosen = _sampled(left, rules, question)
    else:
        chosen = _checked(left, rules, question, is_relevant, tally)
    tally.questions += 1
    tally.candidates += len(candidates)
    tally.kept += len(chosen)
    tally.without += not chosen
    return chosen


def _checked(
    left: list[Candidate],
    rules: NegativeRules,
    question: str,
    is_relevant: Callable[[Sequence[str]], Sequence[bool]],
    tally: Tally,
) -> list[Candidate]:
    """As many as are wanted of those that pass the check; it is slow, so no more are checked than needed."""
    places = list(range(len(left)))
    if rules.sampling == "random":
        random.Random(f"{rules.seed}:{question}").shuffle(places)  # noqa: S311 -- no secret
    passed: list[int] = []
    while places and len(passed) < rules.count:
        block, places = places[: rules.count - len(passed)], places[rules.count - len(passed) :]
        flags = is_relevant([left[place].id for place in block])
        tally.removed["check"] += sum(map(bool, flags))
        passed += [place for place, flag in zip(block, flags, strict=True) if not flag]
    return [left[place] for place in sorted(passed)]


def _sampled(left: list[Candidate], rules: NegativeRules, question: str) -> list[Candidate]:
    if rules.sampling == "top" or len(left) <= rules.count:
        return left[: rules.count]
    places = random.Random(f"{rules.seed}:{question}").sample(range(len(left)), rules.count)  # noqa: S311
    return [left[place] for place in sorted(places)]
