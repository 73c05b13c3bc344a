# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Select hard negatives from the passages retrieved for a question, and count why others are rejected.

Retrieved passages that contain the answer are unlabelled positives, and passages that score almost as high as the
positive often are too (the positive-aware margin of NV-Retriever, arXiv 2407.15831). Training with these as negatives
makes a model worse.
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
"""Why a candidate is rejected, in the order of the checks: outside of the allowed ranks; a gold passage of the
question; contains an answer; scores too close to the positive; relevant according to another model."""


class Candidate(NamedTuple):
    """A passage retrieved for a question.

    :param id: The id of the passage.
    :param score: Its score; higher is better.
    """

    id: str
    score: float


@dataclass(frozen=True)
class NegativeRules:
    """Which candidates become hard negatives.

    :param count: The maximum number for each question.
    :param first_rank: The first allowed rank, from 1.
    :param last_rank: The last allowed rank.
    :param margin: The maximum score of a negative as a share of the positive's score, above 0 and at most 1; None for
        no limit. For a negative positive score, the limit is as far below it as for the same score above 0.
    :param sampling: ``"top"``: take the hardest remaining candidates; ``"random"``: sample from them.
    :param seed: The seed of the sampling.
    :raises InputError: If a value is not allowed.
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
            yield f"count must be 0 or more: got {self.count}"
        if not 1 <= self.first_rank <= self.last_rank:
            yield f"ranks must be 1 or more, the first not above the last: got {self.first_rank} to {self.last_rank}"
        if self.margin is not None and not 0 < self.margin <= 1:
            yield f"margin must be above 0 and at most 1 (e.g. 0.95 for 95%), or None: got {self.margin}"
        if self.sampling not in get_args(Sampling):
            yield f"sampling must be one of {', '.join(get_args(Sampling))}: got {self.sampling!r}"

    def ceiling(self, positive: float) -> float:
        """The highest allowed score of a negative.

        :param positive: The score of the positive.
        """
        return math.inf if self.margin is None else positive - (1.0 - self.margin) * abs(positive)


@dataclass
class Tally:
    """Counts of candidates and of how they were used.

    :param questions: The number of questions.
    :param candidates: The number of passages retrieved for them.
    :param removed: The number of candidates rejected for each of :data:`REASONS`.
    :param kept: The number of hard negatives.
    :param without: The number of questions without a hard negative.
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
    """Choose the hard negatives of one question.

    :param candidates: The retrieved passages, best first.
    :param rules: Which of them are allowed.
    :param tally: The counts to update.
    :param question: The question; sampling depends only on it and the seed, not on the order of questions.
    :param gold: The ids of its positives.
    :param positive: The score of its best positive; None if unknown, which disables the margin.
    :param has_answer: Whether the passage with an id contains an answer; None if there are no answers.
    :param is_relevant: For several ids, whether another model considers each relevant; called until enough candidates
        are not. None for no such check.
    :returns: At most ``rules.count`` candidates, hardest first.
    """
    golds, ceiling = set(gold), math.inf if positive is None else rules.ceiling(positive)
    allowed: list[Candidate] = []
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
            allowed.append(candidate)
    if is_relevant is None:
        chosen = _sampled(allowed, rules, question)
    else:
        chosen = _checked(allowed, rules, question, is_relevant, tally)
    tally.questions += 1
    tally.candidates += len(candidates)
    tally.kept += len(chosen)
    tally.without += not chosen
    return chosen


def _checked(
    allowed: list[Candidate],
    rules: NegativeRules,
    question: str,
    is_relevant: Callable[[Sequence[str]], Sequence[bool]],
    tally: Tally,
) -> list[Candidate]:
    """Up to ``rules.count`` candidates that pass the check, which is slow: no more are checked than needed."""
    indices = list(range(len(allowed)))
    if rules.sampling == "random":
        random.Random(f"{rules.seed}:{question}").shuffle(indices)  # noqa: S311 -- not for cryptography
    passed: list[int] = []
    while indices and len(passed) < rules.count:
        block, indices = indices[: rules.count - len(passed)], indices[rules.count - len(passed) :]
        flags = is_relevant([allowed[index].id for index in block])
        tally.removed["check"] += sum(map(bool, flags))
        passed += [index for index, flag in zip(block, flags, strict=True) if not flag]
    return [allowed[index] for index in sorted(passed)]


def _sampled(allowed: list[Candidate], rules: NegativeRules, question: str) -> list[Candidate]:
    if rules.sampling == "top" or len(allowed) <= rules.count:
        return allowed[: rules.count]
    indices = random.Random(f"{rules.seed}:{question}").sample(range(len(allowed)), rules.count)  # noqa: S311
    return [allowed[index] for index in sorted(indices)]
