# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What fit-hybrid reports: the fitted settings, the curves and what fitting gains."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from dpr_haystack.core.hybrid_fitting import SHARES
from dpr_haystack.core.hybrid_settings import HybridSettings
from dpr_haystack.core.intervals import Interval


@dataclass(frozen=True)
class Figures:
    """The accuracy of one system.

    :param mrr: Mean reciprocal rank of the first right passage, 0 to 1.
    :param top_k: Top-k accuracy in percent, by k.
    """

    mrr: float
    top_k: dict[int, float]


@dataclass(frozen=True)
class Gain:
    """The gain of the fitted fusion over one baseline, in the fitted metric.

    :param fitted: On the questions used for fitting, which is optimistic.
    :param cross_validated: On questions not used for fitting.
    :param interval: The 95% interval of the cross-validated gain.
    """

    fitted: float
    cross_validated: float
    interval: Interval


@dataclass(frozen=True)
class FitReport:
    """The result of fitting.

    :param settings: The fitted fusion settings.
    :param share: DPR's share of the weight, 0 to 1.
    :param interval: Its 95% bootstrap interval over samples of the questions.
    :param curves: For each normalisation the metric over :data:`SHARES`.
    :param systems: The figures of BM25, DPR, equal weights, the fitted fusion, and cross-validation.
    :param gains: The gain over each baseline.
    :param folds: Normalisation and share fitted without each fold.
    :param questions: Number of questions.
    :param metric: The fitted metric.
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
        """The JSON that ``fit-hybrid --json`` prints."""
        fields = asdict(self)
        fields["settings"] = self.settings.parameters()
        fields["curves"] = {"shares": list(SHARES), **self.curves}
        fields["folds"] = [{"normalization": name, "share": share} for name, share in self.folds]
        return fields
