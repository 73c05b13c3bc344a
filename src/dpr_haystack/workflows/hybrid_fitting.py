# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Fitting how BM25 and DPR are fused, on development questions: searched once, fused with every weight."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from dpr_haystack.backends.passage_search import PassageSearch
from dpr_haystack.components.retrievers.hybrid_search import HybridHits, HybridSearch
from dpr_haystack.core.answers import AnswerMatcher
from dpr_haystack.core.batching import batched
from dpr_haystack.core.fusion import NORMALIZATIONS
from dpr_haystack.core.hybrid_fitting import (
    SHARES,
    Curve,
    JudgedRuns,
    Ranks,
    best_point,
    check_folds,
    check_metric,
    check_normalizations,
    cross_validate,
    dpr_scale,
    metric_values,
    ranks_by_weights,
    share_interval,
    weights_at,
)
from dpr_haystack.core.hybrid_settings import HybridSettings, sample_of
from dpr_haystack.core.intervals import Interval, bootstrap_interval
from dpr_haystack.core.metrics import first_gold
from dpr_haystack.core.passages import Passage
from dpr_haystack.errors import InputError
from dpr_haystack.formats.question import Question
from dpr_haystack.workflows.evaluation.retrieval_judge import PassageReader

_AT_ONCE = 256
BASELINES = ("bm25", "dpr", "equal weights")

Progress = Callable[[int], None]


@dataclass(frozen=True)
class FitOptions:
    """What is fitted, and how.

    :param normalizations: Which are tried.
    :param metric: What is fitted for: ``"mrr"`` (mean reciprocal rank of the first right passage) or ``"top-K"``.
    :param folds: Of the cross-validation.
    :param ks: Which top-k accuracies are reported.
    :param match: How answers are found in passages: ``"string"`` or ``"regex"``.
    :param seed: Deals the folds and draws the samples.
    """

    normalizations: Sequence[str] = NORMALIZATIONS
    metric: str = "mrr"
    folds: int = 5
    ks: Sequence[int] = (1, 20)
    match: str = "string"
    seed: int = 0


@dataclass(frozen=True)
class Figures:
    """How good one way to search is.

    :param mrr: Mean reciprocal rank of the first right passage, 0 to 1.
    :param top_k: Top-k accuracy in percent, by k.
    """

    mrr: float
    top_k: dict[int, float]


@dataclass(frozen=True)
class Gain:
    """What fitting brought over one way to search, in the metric that was fitted for.

    :param fitted: On the questions that it was fitted on, which is too good to be true.
    :param cross_validated: On questions that it was not fitted on.
    :param interval: The 95% interval of the latter.
    """

    fitted: float
    cross_validated: float
    interval: Interval


@dataclass(frozen=True)
class FitReport:
    """What was fitted.

    :param settings: What to fuse with.
    :param share: DPR's share of the weight, 0 to 1.
    :param interval: Its 95% interval: how it moves over samples of the questions.
    :param curves: For each normalisation the metric over :data:`SHARES`.
    :param systems: BM25 and DPR alone, equal weights, fitted, and cross-validated.
    :param gains: For each of :data:`BASELINES` what fitting brought over it.
    :param folds: What was fitted without each fold: normalisation and share.
    :param questions: How many there were.
    :param metric: What was fitted for.
    """

    settings: HybridSettings
    share: float
    interval: Interval
    curves: dict[str, list[float]]
    systems: dict[str, Figures]
    gains: dict[str, Gain]
    folds: list[tuple[str, float]]
    questions: int
    metric: str

    def to_json(self) -> dict[str, Any]:
        """As ``fit-hybrid --json`` prints it."""
        told = asdict(self)
        told["settings"] = self.settings.parameters()
        told["curves"] = {"shares": list(SHARES), **self.curves}
        told["folds"] = [{"normalization": name, "share": share} for name, share in self.folds]
        return told


def fit_hybrid(
    search: PassageSearch,
    hybrid: HybridSearch,
    questions: Sequence[Question],
    options: FitOptions | None = None,
    progress: Progress | None = None,
) -> FitReport:
    """Find the weight of DPR beside BM25, and the normalisation, that are best for some questions.

    The convex combination of Bruch et al. 2022 (arXiv 2210.11934), for which a few hundred questions are enough.

    :param search: Where the passages are.
    :param hybrid: Searches; its ``candidates``, ``missing`` and ``exact_scores`` are what is fitted for.
    :param questions: With their gold passages' ids, or else with answers.
    :param options: What is fitted.
    :param progress: Called with the number of steps done since the last call: for each question one, and one more for
        each normalisation.
    :raises InputError: If there are no vectors, no questions or fewer than folds, a question has neither gold passages
        nor answers, no right passage was found at all, or an option cannot be.
    """
    options = options or FitOptions()
    check_fit(search, questions, options, hybrid.settings.candidates)
    step = progress or (lambda _: None)
    searched, alone = _search(search, hybrid, questions, options.match, step)
    if not any(np.isfinite(ranks).any() for ranks in alone.values()):
        msg = (
            f"for none of {len(questions)} questions a right passage was found in {search.location}: are they about it?"
        )
        raise InputError(msg)
    fuse_with = partial(_curve, searched, missing=hybrid.settings.missing)
    alone["equal weights"] = fuse_with("minmax", [0.5]).ranks[:, 0]
    curves = []
    for name in options.normalizations:
        curves.append(fuse_with(name, SHARES))
        step(len(questions))
    return _report(questions, curves, alone, options, hybrid)


def check_fit(search: PassageSearch, questions: Sequence[Question], options: FitOptions, depth: int) -> None:
    """Refuse what :func:`fit_hybrid` cannot fit, before a model is loaded.

    :param search: Where the passages are.
    :param questions: The questions.
    :param options: What is fitted.
    :param depth: How many passages each list has.
    :raises InputError: Saying what is wrong.
    """
    check_normalizations(options.normalizations)
    check_metric(options.metric, depth)
    if not options.ks or min(options.ks) < 1 or max(options.ks) > depth:
        msg = f"k must be from 1 to the depth, {depth}, got {list(options.ks)}"
        raise InputError(msg)
    if not questions:
        msg = "there are no questions to fit on"
        raise InputError(msg)
    check_folds(len(questions), options.folds)
    for number, question in enumerate(questions, 1):
        if not question.passage_ids and not question.answers:
            msg = f"question {number}, {question.question!r}, has neither passage_ids nor answers"
            raise InputError(msg)
    if not search.has_vectors():
        msg = f"{search.location} has no vectors: there is nothing to weigh BM25 against"
        raise InputError(msg)


def _search(
    search: PassageSearch, hybrid: HybridSearch, questions: Sequence[Question], match: str, step: Progress
) -> tuple[list[JudgedRuns], dict[str, Ranks]]:
    """What was found for each question, and the ranks by BM25 and by DPR alone."""
    reader, matcher = PassageReader(search), AnswerMatcher(match)
    searched: list[JudgedRuns] = []
    ranks: dict[str, list[float]] = {"bm25": [], "dpr": []}
    for batch in batched(questions, _AT_ONCE):
        found = hybrid.hits([question.question for question in batch], hybrid.settings.candidates)
        unread = (each for question, each in zip(batch, found, strict=True) if not question.passage_ids)
        passages = reader.read(hit.id for each in unread for hit in each.fused)
        for question, each in zip(batch, found, strict=True):
            right = _right(question, each, passages, matcher)
            for name, ids in (("bm25", each.both.bm25.ids), ("dpr", each.both.dpr.ids)):
                ranks[name].append(first_gold(ids, right) or np.inf)
            searched.append(JudgedRuns({name: _run(each, name) for name in ranks}, right))
        step(len(batch))
    return searched, {name: np.array(of_system, dtype=np.float64) for name, of_system in ranks.items()}


def _run(found: HybridHits, name: str) -> dict[str, float]:
    """The list that was fused: with exact scores, what the search itself did not find is in it too."""
    given = ((hit.id, hit.contributions[name].score) for hit in found.fused)
    return {id_: score for id_, score in given if score is not None}


def _right(
    question: Question, found: HybridHits, passages: Mapping[str, Passage], matcher: AnswerMatcher
) -> frozenset[str]:
    """Which of the passages found are right: the gold ones, or else those with an answer."""
    if question.passage_ids:
        return frozenset(question.passage_ids)
    ids = [hit.id for hit in found.fused]
    has_answer = matcher.find(question.answers, [passages[id_].text for id_ in ids])
    return frozenset(id_ for id_, is_right in zip(ids, has_answer, strict=True) if is_right)


def _curve(searched: Sequence[JudgedRuns], normalization: str, shares: Sequence[float], *, missing: str) -> Curve:
    missing = _missing(normalization, missing)
    scale = dpr_scale(searched, normalization)
    weights = [weights_at(share, scale) for share in shares]
    ranks = [ranks_by_weights(each, weights, normalization=normalization, missing=missing) for each in searched]
    return Curve(normalization, weights, np.array(ranks))


def _report(
    questions: Sequence[Question],
    curves: Sequence[Curve],
    ranks: Mapping[str, Ranks],
    options: FitOptions,
    hybrid: HybridSearch,
) -> FitReport:
    depth, count = hybrid.settings.candidates, len(curves[0].ranks)
    value = partial(metric_values, metric=options.metric, depth=depth)
    means = [value(curve.ranks).mean(axis=0) for curve in curves]
    choice = best_point(means)
    chosen = curves[choice.curve]
    held_out = cross_validate(curves, options.metric, depth, folds=options.folds, seed=options.seed)
    ranks = {**ranks, "fitted": chosen.ranks[:, choice.position], "cross-validated": held_out.ranks}
    interval = share_interval(value(chosen.ranks), seed=options.seed)
    gains = {}
    for name in BASELINES:
        gain = value(held_out.ranks) - value(ranks[name])
        fitted = float((value(ranks["fitted"]) - value(ranks[name])).mean())
        gains[name] = Gain(fitted, float(gain.mean()), bootstrap_interval(gain.tolist(), seed=options.seed))
    systems = {name: _figures(each, options.ks, depth) for name, each in ranks.items()}
    settings = HybridSettings(
        weights=chosen.weights[choice.position],
        normalization=chosen.normalization,
        missing=_missing(chosen.normalization, hybrid.settings.missing),
        exact_scores=hybrid.settings.exact_scores,
        candidates=depth,
        fitted={
            "questions": count,
            "metric": options.metric,
            "share": SHARES[choice.position],
            "interval": interval,
            "sample": sample_of(question.question for question in questions),
        },
    )
    return FitReport(
        settings=settings,
        share=SHARES[choice.position],
        interval=interval,
        curves={curve.normalization: mean.tolist() for curve, mean in zip(curves, means, strict=True)},
        systems=systems,
        gains=gains,
        folds=[(curves[each.curve].normalization, SHARES[each.position]) for each in held_out.points],
        questions=count,
        metric=options.metric,
    )


def _missing(normalization: str, missing: str) -> str:
    return "min" if normalization == "zscore" else missing  # where zero would be the mean


def _figures(ranks: Ranks, ks: Sequence[int], depth: int) -> Figures:
    return Figures(
        float(metric_values(ranks, "mrr", depth).mean()),
        {k: float(metric_values(ranks, f"top-{k}", depth).mean()) for k in ks},
    )
