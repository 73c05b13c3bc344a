# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Answers from many passages: in which order they come and how probable each of them is."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from dpr_haystack.core.spans import Floats, PassageReading, Span, clash
from dpr_haystack.errors import InputError

RankBy = Literal["passage", "span"]
RANKINGS: tuple[RankBy, RankBy] = ("passage", "span")


@dataclass(frozen=True)
class RankedSpan:
    """An answer.

    :param passage: Which passage it is in: a place in the list of readings.
    :param span: Where in the passage.
    :param probability: That it is the answer.
    :param passage_probability: That the passage holds the answer; ``None`` for a model that does not say.
    """

    passage: int
    span: Span
    probability: float
    passage_probability: float | None


@dataclass(frozen=True)
class Ranking:
    """The best answers.

    :param spans: Best first.
    :param no_answer: The probability that no passage has the answer. With the probabilities of all valid spans of
        all passages it makes 1.
    """

    spans: tuple[RankedSpan, ...]
    no_answer: float


def rank(
    readings: Sequence[PassageReading | None],
    *,
    rank_by: RankBy,
    top_k: int,
    boosts: Sequence[float] | None = None,
    sources: Sequence[Hashable] | None = None,
    overlap: float | None = 0.01,
) -> Ranking:
    """Rank the spans of several passages.

    By ``"passage"`` (Karpukhin et al. 2020, section 6.1), passages come in the order of their relevance, and all
    spans of a better passage before those of a worse one. A span's probability is that of its passage times its own
    among the spans and the "no answer" of its passage. By ``"span"``, spans of all passages are compared, and their
    probabilities are a softmax over all of them and one "no answer", the least of all passages'.

    :param readings: One for each passage; ``None`` for one that was not read.
    :param rank_by: ``"passage"``, which needs relevances, or ``"span"``.
    :param top_k: At most this many spans.
    :param boosts: Added to the relevance of each passage, or to the scores of its spans.
    :param sources: What each passage is part of; spans are compared for overlap where these are equal. ``None`` for
        passages that have nothing in common.
    :param overlap: See :class:`~dpr_haystack.core.spans.SpanChoice`.
    :raises InputError: If ``rank_by`` is unknown, or needs relevances that are not there.
    """
    if rank_by not in RANKINGS:
        msg = f"rank_by must be one of {', '.join(RANKINGS)}: got {rank_by!r}"
        raise InputError(msg)
    given = boosts or [0.0] * len(readings)
    read = [(place, reading, given[place]) for place, reading in enumerate(readings) if reading is not None]
    if not read:
        return Ranking((), 1.0)
    relevance = _relevance([(reading, boost if rank_by == "passage" else 0.0) for _, reading, boost in read])
    if rank_by == "passage":
        if relevance is None:
            msg = "rank_by='passage' needs a model that scores passages; this one does not: use rank_by='span'"
            raise InputError(msg)
        ranking = _by_passage(read, relevance)
    else:
        ranking = _by_span(read, relevance)
    return replace(ranking, spans=_distinct(ranking.spans, sources, overlap, top_k))


_Read = Sequence[tuple[int, PassageReading, float]]


def _relevance(read: Sequence[tuple[PassageReading, float]]) -> Floats | None:
    """The logarithm of the probability that each passage holds the answer."""
    logits = [
        reading.calibration * (reading.relevance + boost) for reading, boost in read if reading.relevance is not None
    ]
    return np.array(logits) - np.logaddexp.reduce(logits) if len(logits) == len(read) else None


def _by_passage(read: _Read, relevance: Floats) -> Ranking:
    spans: list[RankedSpan] = []
    nothing = 0.0
    for index in sorted(range(len(read)), key=lambda index: -((read[index][1].relevance or 0.0) + read[index][2])):
        place, reading, _ = read[index]
        null = reading.calibration * reading.null
        whole = np.logaddexp(reading.total, null)
        probability = float(np.exp(relevance[index]))
        nothing += probability * float(np.exp(null - whole))
        for span in reading.spans:
            own = float(np.exp(relevance[index] + _mass(span, reading.calibration) - whole))
            spans.append(RankedSpan(place, span, own, probability))
    return Ranking(tuple(spans), nothing)


def _by_span(read: _Read, relevance: Floats | None) -> Ranking:
    calibration = read[0][1].calibration
    null = calibration * min(reading.null for _, reading, _ in read)
    whole = np.logaddexp.reduce([null, *(reading.total + calibration * boost for _, reading, boost in read)])
    found = [
        RankedSpan(
            place,
            span,
            float(np.exp(_mass(span, calibration) + calibration * boost - whole)),
            None if relevance is None else float(np.exp(relevance[index])),
        )
        for index, (place, reading, boost) in enumerate(read)
        for span in reading.spans
    ]
    added = {place: boost for place, _, boost in read}
    found.sort(key=lambda answer: -(answer.span.logit + added[answer.passage]))
    return Ranking(tuple(found), float(np.exp(null - whole)))


def _mass(span: Span, calibration: float) -> float:
    return calibration * span.logit if span.mass is None else span.mass


def _distinct(
    spans: Sequence[RankedSpan], sources: Sequence[Hashable] | None, overlap: float | None, top_k: int
) -> tuple[RankedSpan, ...]:
    """The first ``top_k`` that do not clash with an earlier one of the same source."""
    kept: list[RankedSpan] = []
    of_source: dict[Hashable, list[Span]] = {}
    for answer in spans:
        if len(kept) == top_k:
            break
        source = (answer.passage,) if sources is None else sources[answer.passage]
        before = of_source.setdefault(source, [])
        if not any(clash(answer.span, other, overlap) for other in before):
            before.append(answer.span)
            kept.append(answer)
    return tuple(kept)


def min_max(scores: Sequence[float | None]) -> list[float]:
    """Scores of a retriever brought to 0 (the lowest) .. 1 (the highest).

    :param scores: One for each passage; a missing one, or one that is no number, becomes 0.
    :returns: One for each; where all that are there are equal, 1.
    """
    values = np.array([np.nan if score is None else float(score) for score in scores], dtype=np.float64)
    known = np.isfinite(values)
    if not known.any():
        return [0.0] * len(values)
    low, high = values[known].min(), values[known].max()
    scaled = np.ones(len(values)) if high == low else (values - low) / (high - low)
    return [float(value) for value in np.where(known, scaled, 0.0)]
