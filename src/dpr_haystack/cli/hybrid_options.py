# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""How BM25 and DPR are fused: what the arguments say, or else what was fitted for the model."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dpr_haystack.errors import InputError

if TYPE_CHECKING:
    from dpr_haystack.components.retrievers.hybrid_search import HybridSearch
    from dpr_haystack.core.hybrid_settings import HybridSettings

#: As in core/fusion, which is not imported before a command runs.
NORMALIZATIONS = ("minmax", "zscore", "none")


def add_exact_scores(parser: argparse.ArgumentParser) -> None:
    """`--exact-scores`."""
    parser.add_argument(
        "--exact-scores",
        action=argparse.BooleanOptionalAction,
        help="hybrid: compute the score of a passage that only one search found, instead of taking that list's lowest",
    )


def add_fusion(parser: argparse.ArgumentParser) -> None:
    """How BM25 and DPR are fused."""
    add_exact_scores(parser)
    parser.add_argument(
        "--hybrid",
        metavar="FILE",
        help="hybrid: fuse as this file of fit-hybrid says (default: hybrid.json of the question tower's model "
        "directory, or else equal weights)",
    )
    parser.add_argument(
        "--dpr-weight", type=_share, metavar="W", help="hybrid: the weight of DPR, 0 to 1; BM25 gets the rest"
    )
    parser.add_argument("--normalization", choices=NORMALIZATIONS, help="hybrid: what is done to the scores first")


def settings_of(arguments: argparse.Namespace, model: str) -> HybridSettings:
    """How to fuse: as the arguments say, or else as was fitted for the question tower.

    :param arguments: Those of :func:`add_fusion`.
    :param model: The question tower.
    :raises DataError: If the file of settings is broken.
    :raises InputError: If the arguments contradict each other.
    """
    settings = _named(arguments) or _fitted(arguments.hybrid, model)
    return settings if arguments.exact_scores is None else replace(settings, exact_scores=arguments.exact_scores)


def told(hybrid: HybridSearch | None) -> dict[str, Any]:
    """What JSON says of how was fused, under ``"fusion"``: nothing where it was equal weights."""
    from dpr_haystack.core.hybrid_settings import HybridSettings

    if hybrid is None:
        return {}
    settings = hybrid.settings
    usual = HybridSettings(exact_scores=settings.exact_scores, candidates=settings.candidates)
    return {} if settings == usual else {"fusion": settings.parameters()}


def _named(arguments: argparse.Namespace) -> HybridSettings | None:
    from dpr_haystack.core.hybrid_settings import HybridSettings

    if arguments.dpr_weight is None and arguments.normalization is None:
        return None
    if arguments.hybrid is not None:
        msg = "--hybrid FILE says all of it: leave out --dpr-weight and --normalization, or the file"
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
        msg = f"{text!r} is not a number from 0 to 1"
        raise argparse.ArgumentTypeError(msg)
    return share
