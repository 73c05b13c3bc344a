# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What a configuration means to the loss where it leaves something out."""

from __future__ import annotations

from typing import Any

import pytest

from dpr_haystack import TrainingConfig
from dpr_haystack.core.model_directory import Part
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.engines.training.towers.options import loss_options


@pytest.mark.parametrize(
    ("settings", "normalize", "scale"),
    [
        ({}, False, 1.0),
        ({}, True, 20.0),
        ({"similarity": "cosine"}, True, 20.0),
        ({"loss": "kl", "teacher": "t"}, True, 20.0),
        ({"loss": "margin_mse", "teacher": "t"}, True, 20.0),
        ({"loss": "margin_mse", "teacher": "t"}, False, 1.0),
        ({"loss": "triplet"}, True, 1.0),
        ({"loss": "kl", "teacher": "t", "scale": 3.0}, True, 3.0),
    ],
)
def test_similarities_of_unit_vectors_are_stretched(settings: dict[str, Any], normalize: bool, scale: float) -> None:
    config = TrainingConfig(model="m", train_file="t", output_dir="o", **settings)
    part = Part("passage", "cls", normalize, Similarity.parse(config.similarity), 64, 8)
    assert loss_options(config, part, "cpu").scale == scale
