# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Answer spans of a passage: enumerate valid spans, select the best and sum the weights of all.

A span's score is the start logit of its first token plus the end logit of its last (Karpukhin et al. 2020, section
6.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dpr_haystack.core.characters import Ints
from dpr_haystack.core.windows import Window

Floats = np.ndarray[Any, np.dtype[np.float64]]

# Candidates per window. Without a limit, long documents with answers of any length would need gigabytes.
_MAX_CANDIDATES = 10_000


@dataclass(frozen=True)
class Span:
    """An answer span.

    :param start: The first character.
    :param end: The character after the last one.
    :param logit: The score: start logit plus end logit.
    :param mass: Logarithm of the sum of exp(``calibration`` * score) over all token spans with these characters
        (several, if a word has several tokens); ``None`` if there is only one.
    """

    start: int
    end: int
    logit: float
    mass: float | None = field(default=None, compare=False)


@dataclass(frozen=True)
class PassageReading:
    """A reader's result for one passage, independent of other passages.

    :param relevance: The logit that the passage contains the answer; ``None`` if the model does not score passages.
    :param null: The score of "no answer": start logit plus end logit of the first token.
    :param total: Logarithm of the sum of exp(``calibration`` * score) over all valid spans; -inf if there are none.
    :param spans: The best spans, best first.
    :param calibration: The factor for logits before they are converted to probabilities.
    """

    relevance: float | None
    null: float
    total: float
    spans: tuple[Span, ...]
    calibration: float = 1.0


@dataclass(frozen=True)
class SpanChoice:
    """Which spans of a passage to select.

    :param count: The maximum number of spans.
    :param longest: The maximum length in tokens; ``None`` for any length.
    :param overlap: If two spans share more than this fraction of the shorter one, only the better is kept. ``None``
        keeps all spans with different characters.
    :param per_window: How many of the best spans of each window are candidates; ``None`` for all, up to 10,000 (only
        reached if answers may be dozens of tokens long).
    :param calibration: See :class:`PassageReading`.
    """

    count: int
    longest: int | None = None
    overlap: float | None = 0.01
    per_window: int | None = None
    calibration: float = 1.0


@dataclass(frozen=True)
class WindowLogits:
    """The model's output for one window of a passage.

    :param window: The window.
    :param start: For every token of the window, the logit that the answer starts there.
    :param end: For every token of the window, the logit that the answer ends there.
    :param null: Start logit plus end logit of the first token of the input.
    :param relevance: The logit that the passage contains the answer, if the model scores passages.
    """

    window: Window
    start: Floats
    end: Floats
    null: float
    relevance: float | None = None


def read_passage(starts: Ints, ends: Ints, windows: Sequence[WindowLogits], choice: SpanChoice) -> PassageReading:
    """Combine the windows of a passage.

    Every span counts once, with the logits of the window that owns it. The relevance is the highest of all windows, the
    score of "no answer" the lowest, as is usual for SQuAD 2.

    :param starts: The first character of every token of the passage.
    :param ends: The character after the last one of every token.
    :param windows: The windows; at least one.
    :param choice: Which spans to select.
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
            Span(int(first[index]), int(last[index]), float(logits[index]), _mass(index, first, last, logits, choice))
            for index in kept
        ),
        calibration=choice.calibration,
    )


def _candidates(starts: Ints, ends: Ints, logits: WindowLogits, choice: SpanChoice) -> tuple[Ints, Ints, Floats, float]:
    """Characters and scores of the valid spans that a window owns, and the logarithm of their total weight."""
    window = logits.window
    width = len(window) if choice.longest is None else min(choice.longest, len(window))
    heads = np.arange(window.owned_from, window.owned_to)[:, None]
    tails = heads + np.arange(width)
    inside = np.minimum(tails, window.stop - 1)
    first, last = np.broadcast_to(starts[heads], tails.shape), ends[inside]
    # Spans of whitespace only are not valid.
    valid = (tails < window.stop) & (last > first)
    scores = (logits.start[heads - window.start] + logits.end[inside - window.start])[valid]
    first, last = first[valid], last[valid]
    total = _log_sum(choice.calibration * scores)
    limit = _MAX_CANDIDATES if choice.per_window is None else choice.per_window
    if limit < len(scores):
        best = np.sort(np.argpartition(-scores, limit - 1)[:limit])
        first, last, scores = first[best], last[best], scores[best]
    return first, last, scores, total


def clash(first: Span, second: Span, overlap: float | None) -> bool:
    """Whether two spans of a text have the same characters or overlap too much.

    :param first: A span.
    :param second: Another span.
    :param overlap: See :class:`SpanChoice`.
    """
    if (first.start, first.end) == (second.start, second.end):
        return True
    shared = min(first.end, second.end) - max(first.start, second.start)
    # The shared fraction is largest for the shorter span.
    shorter = min(first.end - first.start, second.end - second.start)
    return overlap is not None and shared > 0 and shared > overlap * shorter


def choose(starts: Ints, ends: Ints, scores: Floats, count: int, overlap: float | None) -> list[int]:
    """Greedily choose the best spans that do not :func:`clash`.

    :param starts: The first character of each span.
    :param ends: The character after the last one; greater than the start.
    :param scores: The scores; of equal scores the first is chosen.
    :param count: The maximum number of spans.
    :param overlap: See :class:`SpanChoice`.
    :returns: Indices of the chosen spans, best first.
    """
    kept: list[int] = []
    remaining = np.array(scores, dtype=np.float64)
    lengths = ends - starts
    while len(kept) < count and len(remaining):
        best = int(remaining.argmax())
        if remaining[best] == -np.inf:
            break
        kept.append(best)
        shared = np.minimum(ends, ends[best]) - np.maximum(starts, starts[best])
        clashing = (starts == starts[best]) & (ends == ends[best])
        if overlap is not None:
            clashing |= (shared > 0) & (shared > overlap * np.minimum(lengths, lengths[best]))
        remaining[clashing] = -np.inf
    return kept


def _mass(index: int, starts: Ints, ends: Ints, logits: Floats, choice: SpanChoice) -> float:
    same = (starts == starts[index]) & (ends == ends[index])
    return _log_sum(choice.calibration * logits[same])


def _log_sum(values: Floats) -> float:
    if not len(values):
        return -np.inf
    largest = float(values.max())
    return largest + float(np.log(np.exp(values - largest).sum()))
