# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Arguments that control the fusion of BM25 and DPR."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dpr_haystack.core.fusion import NORMALIZATIONS
from dpr_haystack.errors import InputError

if TYPE_CHECKING:
    from dpr_haystack.components.retrievers.hybrid_search import HybridSearch
    from dpr_haystack.core.hybrid_settings import HybridSettings


def add_exact_scores(parser: argparse.ArgumentParser) -> None:
    """Add `--exact-scores`.

    :param parser: The parser.
    """
    parser.add_argument(
        "--exact-scores",
        action=argparse.BooleanOptionalAction,
        help="hybrid: compute the other score of passages found by only one search, instead of using the lowest one",
    )


def add_fusion(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the fusion.

    :param parser: The parser.
    """
    add_exact_scores(parser)
    parser.add_argument(
        "--hybrid",
        metavar="FILE",
        help="hybrid: settings written by fit-hybrid (default: hybrid.json in the model directory of the question "
        "tower, or else equal weights)",
    )
    parser.add_argument(
        "--dpr-weight", type=_share, metavar="W", help="hybrid: weight of DPR from 0 to 1; BM25 has the rest"
    )
    parser.add_argument(
        "--normalization",
        choices=NORMALIZATIONS,
        help="hybrid: normalisation of the scores before fusion",
    )


def settings_of(arguments: argparse.Namespace, model: str) -> HybridSettings:
    """The fusion settings: those of the arguments, otherwise those fitted for the question tower.

    :param arguments: The parsed arguments of :func:`add_fusion`.
    :param model: The question tower.
    :raises DataError: If the file of settings is broken.
    :raises InputError: If the arguments contradict each other.
    """
    settings = _named(arguments) or _fitted(arguments.hybrid, model)
    return settings if arguments.exact_scores is None else replace(settings, exact_scores=arguments.exact_scores)


def fusion_of(hybrid: HybridSearch | None, depth: int) -> dict[str, Any]:
    """The fusion settings as JSON under ``"fusion"``; empty for the default, equal weights.

    :param hybrid: Both searches; None for BM25 only.
    :param depth: How many passages were evaluated: each search found at least as many.
    """
    from dpr_haystack.core.hybrid_settings import HybridSettings

    if hybrid is None:
        return {}
    settings = replace(hybrid.settings, candidates=max(hybrid.settings.candidates, depth))
    default = HybridSettings(exact_scores=settings.exact_scores, candidates=settings.candidates)
    return {} if settings == default else {"fusion": settings.parameters()}


def _named(arguments: argparse.Namespace) -> HybridSettings | None:
    from dpr_haystack.core.hybrid_settings import HybridSettings

    if arguments.dpr_weight is None and arguments.normalization is None:
        return None
    if arguments.hybrid is not None:
        msg = "--hybrid FILE cannot be combined with --dpr-weight or --normalization"
        raise InputError(msg)
    share = 0.5 if arguments.dpr_weight is None else arguments.dpr_weight
    weights = {"bm25": round(1.0 - share, 6), "dpr": share}
    return HybridSettings(weights=weights, normalization=arguments.normalization or "minmax")


def _fitted(file: str | None, model: str) -> HybridSettings:
    from pathlib import Path

    from dpr_haystack.core.hybrid_settings import fitted_for, read_hybrid

    return fitted_for(model) if file is None else read_hybrid(Path(file))


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0.0 <= share <= 1.0:
        msg = f"must be a number from 0 to 1: got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return share
