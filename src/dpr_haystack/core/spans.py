# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The answer spans of a passage: which there are, which are the best, and how much all of them weigh together.

A span's score is the sum of the logits of its first and its last token (Karpukhin et al. 2020, section 6.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dpr_haystack.core.characters import Ints
from dpr_haystack.core.windows import Window

Floats = np.ndarray[Any, np.dtype[np.float64]]

# Candidates of a window. Else a long document with answers of any length would need gigabytes.
_MOST = 10_000


@dataclass(frozen=True)
class Span:
    """A part of a passage.

    :param start: Its first character.
    :param end: The character behind its last one.
    :param logit: Its score: start logit plus end logit.
    :param mass: Logarithm of the sum of exp(``calibration`` * score) over all token spans that are these characters
        (a word of several pieces has several); ``None`` where it is the only one.
    """

    start: int
    end: int
    logit: float
    mass: float | None = field(default=None, compare=False)


@dataclass(frozen=True)
class PassageReading:
    """What a reader made of one passage, apart from all others.

    :param relevance: The logit that the passage holds the answer; ``None`` for a model that does not say.
    :param null: The score of "no answer here": start logit plus end logit of the first token.
    :param total: Logarithm of the sum over all valid spans of exp(``calibration`` * score); -inf if there are none.
    :param spans: The best spans, best first.
    :param calibration: What logits are multiplied by before they become probabilities.
    """

    relevance: float | None
    null: float
    total: float
    spans: tuple[Span, ...]
    calibration: float = 1.0


@dataclass(frozen=True)
class SpanChoice:
    """Which spans of a passage are wanted.

    :param count: At most this many.
    :param longest: Of at most this many tokens; ``None`` for any length.
    :param overlap: Of two spans that share more than this part of one of them, the better is kept. ``None`` keeps
        all that are not the same characters.
    :param per_window: Only so many of the best spans of each window are candidates; ``None`` for all, or the best
        10,000 where there are more, which takes answers of dozens of tokens.
    :param calibration: See :class:`PassageReading`.
    """

    count: int
    longest: int | None = None
    overlap: float | None = 0.01
    per_window: int | None = None
    calibration: float = 1.0


@dataclass(frozen=True)
class WindowLogits:
    """What a model said about one window of a passage.

    :param window: Which tokens of the passage these are.
    :param start: A logit for every token of the window: the answer begins here.
    :param end: The same: the answer ends here.
    :param null: Start plus end logit of the first token of the input.
    :param relevance: The logit that the answer is in the passage, if the model has one.
    """

    window: Window
    start: Floats
    end: Floats
    null: float
    relevance: float | None = None


def read_passage(starts: Ints, ends: Ints, windows: Sequence[WindowLogits], choice: SpanChoice) -> PassageReading:
    """Put the windows of a passage together.

    Every span counts once, with the logits of the window that owns it. Relevance is the largest of all windows; the
    score of "no answer" the smallest, as is usual for SQuAD 2.

    :param starts: First character of every token of the passage.
    :param ends: The character behind the last of every token.
    :param windows: At least one.
    :param choice: Which spans are wanted.
    """
    parts = [_candidates(starts, ends, window, choice) for window in windows]
    total = np.logaddexp.reduce([part[3] for part in parts])
    first, last, logits = (np.concatenate([part[column] for part in parts]) for column in range(3))
    kept = choose(first, last, logits, choice.count, choice.overlap)
    relevances = [window.relevance for window in windows if window.relevance is not None]
    return PassageReading(
        relevance=max(relevances, default=None),
        null=min(window.null for window in windows),
        total=float(total),
        spans=tuple(
            Span(int(first[place]), int(last[place]), float(logits[place]), _mass(place, first, last, logits, choice))
            for place in kept
        ),
        calibration=choice.calibration,
    )


def _candidates(starts: Ints, ends: Ints, logits: WindowLogits, choice: SpanChoice) -> tuple[Ints, Ints, Floats, float]:
    """Characters and scores of the valid spans that a window owns, and the logarithm of their weight."""
    window = logits.window
    width = len(window) if choice.longest is None else min(choice.longest, len(window))
    heads = np.arange(window.owned_from, window.owned_to)[:, None]
    tails = heads + np.arange(width)
    inside = np.minimum(tails, window.stop - 1)
    first, last = np.broadcast_to(starts[heads], tails.shape), ends[inside]
    # a span of nothing but space is none
    valid = (tails < window.stop) & (last > first)
    scores = (logits.start[heads - window.start] + logits.end[inside - window.start])[valid]
    first, last = first[valid], last[valid]
    total = _log_sum(choice.calibration * scores)
    most = _MOST if choice.per_window is None else choice.per_window
    if most < len(scores):
        best = np.sort(np.argpartition(-scores, most - 1)[:most])
        first, last, scores = first[best], last[best], scores[best]
    return first, last, scores, total


def clash(first: Span, second: Span, overlap: float | None) -> bool:
    """Whether two spans of one text are the same characters or overlap more than they may.

    :param first: A span.
    :param second: Another one.
    :param overlap: See :class:`SpanChoice`.
    """
    if (first.start, first.end) == (second.start, second.end):
        return True
    shared = min(first.end, second.end) - max(first.start, second.start)
    # with the shorter of the two the shared part is the larger
    shorter = min(first.end - first.start, second.end - second.start)
    return overlap is not None and shared > 0 and shared > overlap * shorter


def choose(starts: Ints, ends: Ints, scores: Floats, count: int, overlap: float | None) -> list[int]:
    """The best spans that do not :func:`clash`: the best one, the best of those that go with it, and so on.

    :param starts: First characters.
    :param ends: The characters behind the last ones; each larger than its start.
    :param scores: What to go by. Of equal scores the earlier place comes first.
    :param count: At most this many.
    :param overlap: See :class:`SpanChoice`.
    :returns: Places in the arrays, best first.
    """
    kept: list[int] = []
    left = np.array(scores, dtype=np.float64)
    lengths = ends - starts
    while len(kept) < count and len(left):
        best = int(left.argmax())
        if left[best] == -np.inf:
            break
        kept.append(best)
        shared = np.minimum(ends, ends[best]) - np.maximum(starts, starts[best])
        clashing = (starts == starts[best]) & (ends == ends[best])
        if overlap is not None:
            clashing |= (shared > 0) & (shared > overlap * np.minimum(lengths, lengths[best]))
        left[clashing] = -np.inf
    return kept


def _mass(place: int, starts: Ints, ends: Ints, logits: Floats, choice: SpanChoice) -> float:
    same = (starts == starts[place]) & (ends == ends[place])
    return _log_sum(choice.calibration * logits[same])


def _log_sum(values: Floats) -> float:
    if not len(values):
        return -np.inf
    largest = float(values.max())
    return largest + float(np.log(np.exp(values - largest).sum()))
