# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The options of components that fuse BM25 and DPR: given, or fitted for the model and read from its directory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from haystack import logging

from dpr_haystack.core.hybrid_settings import HybridSettings, completed, fitted_for, hybrid_file_of

logger = logging.getLogger(__name__)


class FusionOptions:
    """Completes the options of one component; reads ``hybrid.json`` at the first use and logs once what is used.

    :param component: The component's name, for the log.
    """

    def __init__(self, component: str) -> None:
        self._component = component
        self._fitted: dict[str, HybridSettings] = {}
        self._logged: HybridSettings | None = None

    def settings(self, model: str, given: Mapping[str, Any]) -> HybridSettings:
        """The settings to use.

        :param model: The question tower.
        :param given: The component's options; None for those that are not given.
        :returns: See :func:`~dpr_haystack.core.hybrid_settings.completed`.
        :raises InputError: If an option cannot be used.
        :raises DataError: If ``hybrid.json`` is broken.
        """
        settings = completed(given, lambda: self._fitted_for(model))
        if settings != self._logged:
            self._logged = settings
            self._log(model, settings)
        return settings

    def forget(self) -> None:
        """Read the file again at the next use."""
        self._fitted.clear()

    def _fitted_for(self, model: str) -> HybridSettings:
        if model not in self._fitted:
            self._fitted[model] = fitted_for(model)
        return self._fitted[model]

    def _log(self, model: str, settings: HybridSettings) -> None:
        origin = "as given, or the default"
        if settings.fitted:
            origin = f"fitted, from {hybrid_file_of(model)}"
        logger.info(
            "{component} fuses with {summary} ({origin})",
            component=self._component,
            summary=settings.summary,
            origin=origin,
        )
