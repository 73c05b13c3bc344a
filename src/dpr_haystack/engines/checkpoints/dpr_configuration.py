# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The configuration of a BERT model for transformers' DPR classes, which contain one."""

from __future__ import annotations

from typing import Any

from transformers import DPRConfig

_NOT_SHARED = {"model_type", "architectures", "projection_dim"}


def as_dpr_configuration(config: Any) -> DPRConfig:
    """The configuration of a DPR model around a BERT model, without a projection.

    :param config: The configuration of the BERT model, which may be part of a DPR model itself.
    :returns: The configuration of the DPR model.
    """
    settings = {name: value for name, value in config.to_dict().items() if name not in _NOT_SHARED}
    return DPRConfig(**settings, projection_dim=0)
