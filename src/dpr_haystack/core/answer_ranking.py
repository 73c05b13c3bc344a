# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Rank the answer spans of several passages and compute their probabilities."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from dpr_haystack.core.spans import Floats, PassageReading, Span, clash
from dpr_haystack.errors import InputError

RankBy = Literal["passage", "span"]
RANKINGS: tuple[RankBy, RankBy] = ("passage", "span")
Probabilities = Literal["softmax", "sigmoid"]
PROBABILITIES: tuple[Probabilities, Probabilities] = ("softmax", "sigmoid")


@dataclass(frozen=True)
class RankedSpan:
    """A ranked answer.

    :param passage: The index of its passage in the list of readings.
    :param span: Its position in the passage.
    :param probability: The probability that it is the answer.
    :param passage_probability: The probability that the passage holds the answer; ``None`` if the model does not score
        passages.
    """

    passage: int
    span: Span
    probability: float
    passage_probability: float | None


@dataclass(frozen=True)
class RankedAnswers:
    """The best answers.

    :param spans: The spans, best first.
    :param no_answer: The probability that no passage has the answer. It and the probabilities of all valid spans of
        all passages sum to 1.
    """

    spans: tuple[RankedSpan, ...]
    no_answer: float


def rank_answers(
    readings: Sequence[PassageReading | None],
    *,
    rank_by: RankBy,
    top_k: int,
    boosts: Sequence[float] | None = None,
    sources: Sequence[Hashable] | None = None,
    overlap: float | None = 0.01,
) -> RankedAnswers:
    """Rank the spans of several passages.

    By ``"passage"`` (Karpukhin et al. 2020, section 6.1), passages are ordered by relevance, and all spans of a better
    passage come before those of a worse one. A span's probability is that of its passage times its own among the
    spans and the "no answer" of its passage. By ``"span"``, the spans of all passages are compared, and their
    probabilities are a softmax over all of them and one "no answer", the lowest of all passages.

    :param readings: One for each passage; ``None`` for a passage that was not read.
    :param rank_by: ``"passage"``, which needs relevances, or ``"span"``.
    :param top_k: The maximum number of spans.
    :param boosts: Values to add to the relevance of each passage, or to the scores of its spans.
    :param sources: The document that each passage belongs to; only spans of the same document are compared for
        overlap. ``None`` if every passage is a document of its own.
    :param overlap: See :class:`~dpr_haystack.core.spans.SpanChoice`.
    :raises InputError: If ``rank_by`` is unknown, or needs relevances that the model does not give.
    """
    if rank_by not in RANKINGS:
        msg = f"rank_by must be one of {', '.join(RANKINGS)}: got {rank_by!r}"
        raise InputError(msg)
    added = boosts or [0.0] * len(readings)
    read = [(index, reading, added[index]) for index, reading in enumerate(readings) if reading is not None]
    if not read:
        return RankedAnswers((), 1.0)
    relevance = _relevance([(reading, boost if rank_by == "passage" else 0.0) for _, reading, boost in read])
    if rank_by == "passage":
        if relevance is None:
            msg = "rank_by='passage' needs a model that scores passages, which this one does not: use rank_by='span'"
            raise InputError(msg)
        ranking = _by_passage(read, relevance)
    else:
        ranking = _by_span(read, relevance)
    return replace(ranking, spans=_distinct(ranking.spans, sources, overlap, top_k))


_Read = Sequence[tuple[int, PassageReading, float]]
"""The index of a passage, its reading and its boost."""


def _relevance(read: Sequence[tuple[PassageReading, float]]) -> Floats | None:
    """The logarithm of the probability that each passage holds the answer."""
    logits = [
        reading.calibration * (reading.relevance + boost) for reading, boost in read if reading.relevance is not None
    ]
    return np.array(logits) - np.logaddexp.reduce(logits) if len(logits) == len(read) else None


def _by_passage(read: _Read, relevance: Floats) -> RankedAnswers:
    spans: list[RankedSpan] = []
    no_answer = 0.0
    for index in sorted(range(len(read)), key=lambda index: -((read[index][1].relevance or 0.0) + read[index][2])):
        passage, reading, _ = read[index]
        null = reading.calibration * reading.null
        normalizer = np.logaddexp(reading.total, null)
        passage_probability = float(np.exp(relevance[index]))
        no_answer += passage_probability * float(np.exp(null - normalizer))
        for span in reading.spans:
            probability = float(np.exp(relevance[index] + _mass(span, reading.calibration) - normalizer))
            spans.append(RankedSpan(passage, span, probability, passage_probability))
    return RankedAnswers(tuple(spans), no_answer)


def _by_span(read: _Read, relevance: Floats | None) -> RankedAnswers:
    calibration = read[0][1].calibration
    null = calibration * min(reading.null for _, reading, _ in read)
    normalizer = np.logaddexp.reduce([null, *(reading.total + calibration * boost for _, reading, boost in read)])
    spans = [
        RankedSpan(
            passage,
            span,
            float(np.exp(_mass(span, calibration) + calibration * boost - normalizer)),
            None if relevance is None else float(np.exp(relevance[index])),
        )
        for index, (passage, reading, boost) in enumerate(read)
        for span in reading.spans
    ]
    boosts = {passage: boost for passage, _, boost in read}
    spans.sort(key=lambda answer: -(answer.span.logit + boosts[answer.passage]))
    return RankedAnswers(tuple(spans), float(np.exp(null - normalizer)))


def independent(ranking: RankedAnswers, calibration: float, boosts: Sequence[float] | None = None) -> RankedAnswers:
    """The same answers, each with the probability that it has by itself: the sigmoid of its score.

    These are the probabilities of Haystack's extractive reader. They do not depend on other spans and do not sum to 1;
    that of "no answer" is the product of the probabilities that each of these answers is wrong.

    :param ranking: Answers ranked by span.
    :param calibration: Scores are multiplied by it.
    :param boosts: The values that were added to the scores of each passage's spans.
    """
    added = [0.0 if boosts is None else boosts[answer.passage] for answer in ranking.spans]
    spans = tuple(
        replace(answer, probability=_sigmoid(calibration * (answer.span.logit + boost)))
        for answer, boost in zip(ranking.spans, added, strict=True)
    )
    return RankedAnswers(spans, math.prod(1.0 - answer.probability for answer in spans))


def _sigmoid(value: float) -> float:
    return float(np.exp(-np.logaddexp(0.0, -value)))


def _mass(span: Span, calibration: float) -> float:
    return calibration * span.logit if span.mass is None else span.mass


def _distinct(
    spans: Sequence[RankedSpan], sources: Sequence[Hashable] | None, overlap: float | None, top_k: int
) -> tuple[RankedSpan, ...]:
    """The first ``top_k`` spans that do not clash with an earlier one of the same source."""
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


def min_max_scale(scores: Sequence[float | None]) -> list[float]:
    """Scale a retriever's scores to 0 (the lowest) .. 1 (the highest).

    :param scores: One for each passage; a missing or non-finite score becomes 0.
    :returns: The scaled scores; 1 for all finite scores if these are equal.
    """
    values = np.array([np.nan if score is None else float(score) for score in scores], dtype=np.float64)
    known = np.isfinite(values)
    if not known.any():
        return [0.0] * len(values)
    low, high = values[known].min(), values[known].max()
    scaled = np.ones(len(values)) if high == low else (values - low) / (high - low)
    return [float(value) for value in np.where(known, scaled, 0.0)]
