# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Writing a trained pair of towers as a model directory."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import nn

from dpr_haystack.core.files import atomic_directory
from dpr_haystack.core.model_directory import LAYOUT, ROLES, ModelManifest, Part, Role, write_manifest
from dpr_haystack.engines.checkpoints.folders import check_target, share_equal_weights
from dpr_haystack.engines.checkpoints.runtime import quiet
from dpr_haystack.engines.checkpoints.source import NORMALIZE
from dpr_haystack.engines.training.towers.trainable import TrainableTower


def save_pair(
    towers: Mapping[Role, TrainableTower],
    target: Path,
    *,
    made_from: Mapping[str, str],
    training: Mapping[str, Any],
) -> Path:
    """Write two towers as a model directory, atomically; an existing one is replaced.

    :param towers: The towers by role; the same object twice if they are tied.
    :param target: The directory.
    :param made_from: The model that each was trained from.
    :param training: The training record.
    :returns: The directory.
    """
    check_target(target, overwrite=True)
    with atomic_directory(target) as temporary:
        for role in ROLES:
            _write_tower(towers[role], LAYOUT.part(temporary, role))
        share_equal_weights(*(LAYOUT.part(temporary, role) for role in ROLES))
        parts: dict[str, Part] = {role: towers[role].part_for(role) for role in ROLES}
        write_manifest(temporary, ModelManifest(parts, made_from=made_from, training=training))
    return target


def _write_tower(tower: TrainableTower, folder: Path) -> None:
    loaded = tower.loaded[0]
    with quiet():
        loaded.model.save_pretrained(folder)
        loaded.tokenizer.save_pretrained(folder)
    for layer, source in zip(loaded.dense, loaded.source.dense, strict=True):
        if source == NORMALIZE:
            continue
        (folder / source.name).mkdir()
        shutil.copyfile(source / "config.json", folder / source.name / "config.json")
        linear = next(module for module in layer.modules() if isinstance(module, nn.Linear))
        weights = {f"linear.{name}": tensor.contiguous() for name, tensor in linear.state_dict().items()}
        save_file(weights, folder / source.name / "model.safetensors")
