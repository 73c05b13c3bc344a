# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Fits the fusion of BM25 and DPR on development questions: one search, then fusion with every weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

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
from dpr_haystack.core.intervals import bootstrap_interval
from dpr_haystack.core.metrics import first_gold
from dpr_haystack.core.passages import Passage
from dpr_haystack.core.progress import Progress
from dpr_haystack.errors import InputError
from dpr_haystack.formats.question import Question
from dpr_haystack.workflows.evaluation.coverage import judgeable
from dpr_haystack.workflows.evaluation.retrieval_judge import PassageCache
from dpr_haystack.workflows.hybrid_fit_report import Figures, FitReport, Gain

_AT_ONCE = 256
BASELINES = ("bm25", "dpr", "equal weights")
"""What the fitted fusion is compared with."""


@dataclass(frozen=True)
class FitOptions:
    """Settings of the fit.

    :param normalizations: The score normalisations to try.
    :param metric: The metric to maximise: ``"mrr"`` (mean reciprocal rank of the first right passage) or ``"top-K"``.
    :param folds: Number of cross-validation folds.
    :param ks: The k of the reported top-k accuracies.
    :param match: How answers are matched in passages: ``"string"`` or ``"regex"``.
    :param seed: Random seed of folds and bootstrap samples.
    """

    normalizations: Sequence[str] = NORMALIZATIONS
    metric: str = "mrr"
    folds: int = 5
    ks: Sequence[int] = (1, 20)
    match: str = "string"
    seed: int = 0


def fit_hybrid(
    search: PassageSearch,
    hybrid: HybridSearch,
    questions: Sequence[Question],
    options: FitOptions | None = None,
    progress: Progress | None = None,
) -> FitReport:
    """Find the weight of DPR relative to BM25, and the normalisation, that maximise a metric.

    The convex combination of Bruch et al. 2022 (arXiv 2210.11934), for which a few hundred questions are enough.

    :param search: Searches the passages.
    :param hybrid: Searches by BM25 and DPR; its ``candidates``, ``missing`` and ``exact_scores`` become part of the
        fitted settings.
    :param questions: Questions with gold passage ids, or else with answers.
    :param options: Settings of the fit.
    :param progress: Called with the number of steps done since the last call: one step per question for the search,
        and one per question and normalisation.
    :raises InputError: If there are no vectors, no questions or fewer questions than folds, a question has neither gold
        passages nor answers, none can be judged, no right passage was found for any question, or an option is invalid.
    """
    options = options or FitOptions()
    check_fit(search, questions, options, hybrid.settings.candidates)
    questions, _ = judgeable(search, questions)
    step = progress or (lambda _: None)
    searched, alone = _search(search, hybrid, questions, options.match, step)
    if not any(np.isfinite(ranks).any() for ranks in alone.values()):
        msg = (
            f"no right passage was found in {search.location} for any of {len(questions)} questions: are they about it?"
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
    """Check the input of :func:`fit_hybrid` before a model is loaded.

    :param search: Searches the passages.
    :param questions: The questions.
    :param options: Settings of the fit.
    :param depth: Number of passages retrieved by each search.
    :raises InputError: If questions or options are invalid, or there are no vectors.
    """
    check_normalizations(options.normalizations)
    check_metric(options.metric, depth)
    if not options.ks or min(options.ks) < 1 or max(options.ks) > depth:
        msg = f"k must be from 1 to the depth, {depth}: got {list(options.ks)}"
        raise InputError(msg)
    if not questions:
        msg = "fitting needs questions: got none"
        raise InputError(msg)
    check_folds(len(questions), options.folds)
    for number, question in enumerate(questions, 1):
        if not question.passage_ids and not question.answers:
            msg = f"question {number}, {question.question!r}, has neither passage_ids nor answers"
            raise InputError(msg)
    if not search.has_vectors():
        msg = f"{search.location} has no vectors: there is no DPR to combine with BM25"
        raise InputError(msg)


def _search(
    search: PassageSearch, hybrid: HybridSearch, questions: Sequence[Question], match: str, step: Progress
) -> tuple[list[JudgedRuns], dict[str, Ranks]]:
    """The scores of each question's passages, and the ranks of the first right passage in BM25 and in DPR."""
    cache, matcher = PassageCache(search), AnswerMatcher(match)
    searched: list[JudgedRuns] = []
    ranks: dict[str, list[float]] = {"bm25": [], "dpr": []}
    for batch in batched(questions, _AT_ONCE):
        results = hybrid.hits([question.question for question in batch])
        without_gold = (hits for question, hits in zip(batch, results, strict=True) if not question.passage_ids)
        passages = cache.read(hit.id for hits in without_gold for hit in hits.fused)
        for question, hits in zip(batch, results, strict=True):
            right = _right(question, hits, passages, matcher)
            for name, ids in (("bm25", hits.both.bm25.ids), ("dpr", hits.both.dpr.ids)):
                ranks[name].append(first_gold(ids, right) or np.inf)
            searched.append(JudgedRuns({name: _run(hits, name) for name in ranks}, right))
        step(len(batch))
    return searched, {name: np.array(of_system, dtype=np.float64) for name, of_system in ranks.items()}


def _run(hits: HybridHits, name: str) -> dict[str, float]:
    """The scores of one search that were fused; with exact scores also those of passages it did not find."""
    scores = ((hit.id, hit.contributions[name].score) for hit in hits.fused)
    return {id_: score for id_, score in scores if score is not None}


def _right(
    question: Question, hits: HybridHits, passages: Mapping[str, Passage], matcher: AnswerMatcher
) -> frozenset[str]:
    """Ids of the right passages: the gold passages, or else those retrieved that contain an answer."""
    if question.passage_ids:
        return frozenset(question.passage_ids)
    ids = [hit.id for hit in hits.fused]
    has_answer = matcher.find(question.answers, [passages[id_].text for id_ in ids])
    return frozenset(id_ for id_, is_right in zip(ids, has_answer, strict=True) if is_right)


def _curve(searched: Sequence[JudgedRuns], normalization: str, shares: Sequence[float], *, missing: str) -> Curve:
    missing = _missing(normalization, missing)
    scale = dpr_scale(searched, normalization)
    weights = [weights_at(share, scale) for share in shares]
    ranks = [ranks_by_weights(question, weights, normalization=normalization, missing=missing) for question in searched]
    return Curve(normalization, weights, np.array(ranks))


def _report(
    questions: Sequence[Question],
    curves: Sequence[Curve],
    ranks: Mapping[str, Ranks],
    options: FitOptions,
    hybrid: HybridSearch,
) -> FitReport:
    depth = hybrid.settings.candidates
    value = partial(metric_values, metric=options.metric, depth=depth)
    means = [value(curve.ranks).mean(axis=0) for curve in curves]
    choice = best_point(means)
    chosen = curves[choice.curve]
    held_out = cross_validate(curves, options.metric, depth, folds=options.folds, seed=options.seed)
    ranks = {**ranks, "fitted": chosen.ranks[:, choice.position], "cross-validated": held_out.ranks}
    interval = share_interval(value(chosen.ranks), seed=options.seed)
    settings = HybridSettings(
        weights=chosen.weights[choice.position],
        normalization=chosen.normalization,
        missing=_missing(chosen.normalization, hybrid.settings.missing),
        exact_scores=hybrid.settings.exact_scores,
        candidates=depth,
        fitted={
            "questions": len(questions),
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
        systems={name: _figures(of_system, options.ks, depth) for name, of_system in ranks.items()},
        gains=_gains({name: value(of_system) for name, of_system in ranks.items()}, options.seed),
        folds=[(curves[fold.curve].normalization, SHARES[fold.position]) for fold in held_out.points],
        questions=len(questions),
        metric=options.metric,
    )


def _gains(values: Mapping[str, Ranks], seed: int) -> dict[str, Gain]:
    """What fitting gains over each baseline, from the metric of every question."""
    gains = {}
    for name in BASELINES:
        gain = values["cross-validated"] - values[name]
        fitted = float((values["fitted"] - values[name]).mean())
        gains[name] = Gain(fitted, float(gain.mean()), bootstrap_interval(gain.tolist(), seed=seed))
    return gains


def _missing(normalization: str, missing: str) -> str:
    return "min" if normalization == "zscore" else missing  # zero would be the mean


def _figures(ranks: Ranks, ks: Sequence[int], depth: int) -> Figures:
    return Figures(
        float(metric_values(ranks, "mrr", depth).mean()),
        {k: float(metric_values(ranks, f"top-{k}", depth).mean()) for k in ks},
    )
