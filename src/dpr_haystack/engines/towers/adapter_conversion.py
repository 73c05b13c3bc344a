# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Writing a model directory whose towers are adapters of one base: megabytes instead of hundreds of megabytes."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from dpr_haystack.core.files import atomic_directory
from dpr_haystack.core.model_directory import (
    LAYOUT,
    ROLES,
    ModelManifest,
    Part,
    is_model_directory,
    read_manifest,
    write_manifest,
)
from dpr_haystack.engines.checkpoints.adapters import write_adapter
from dpr_haystack.engines.checkpoints.folders import check_target
from dpr_haystack.engines.checkpoints.hub import locate, looks_like_a_path
from dpr_haystack.engines.towers.loading import load_tower
from dpr_haystack.engines.towers.tower import as_part
from dpr_haystack.errors import InputError


def convert_to_adapters(
    model: str,
    base_model: str,
    output_dir: str | Path,
    *,
    rank: int,
    base_name: str | None = None,
    token: str | None = None,
    overwrite: bool = False,
) -> Mapping[str, float]:
    """Write both towers of a model as adapters of the checkpoint that they were trained from.

    The directory is written under a temporary name and then renamed, so it is never incomplete.

    :param model: The trained pair.
    :param base_model: The checkpoint that it was trained from, by name or path.
    :param output_dir: The directory to write.
    :param rank: Rank of the adapters: a higher one is closer to the trained towers and takes more space.
    :param base_name: The base's name in the adapters; None for the name given or the absolute path.
    :param token: A hub token.
    :param overwrite: Whether an existing model directory is replaced.
    :returns: For each role the share of the changes made by training that its adapter keeps, 0 to 1.
    :raises InputError: If the path is taken, the rank is below 1, or the model was not trained from this base.
    :raises ModelError: If a checkpoint cannot be loaded.
    """
    if rank < 1:
        msg = f"the rank of an adapter must be at least 1: got {rank}"
        raise InputError(msg)
    target = Path(output_dir).expanduser().absolute()
    check_target(target, overwrite=overwrite)
    is_path = Path(base_model).expanduser().exists() or looks_like_a_path(base_model)
    name = base_name or (str(locate(base_model, token)) if is_path else base_model)
    parts: dict[str, Part] = {}
    shares: dict[str, float] = {}
    with atomic_directory(target) as temporary:
        for role in ROLES:
            tower, base = load_tower(model, role, token=token), load_tower(base_model, role, token=token)
            folder = LAYOUT.part(temporary, role)
            folder.mkdir()
            parts[role] = as_part(tower, role)
            shares[role] = write_adapter(tower.model, base.model, folder, rank=rank, base_name=name)
            for dense in tower.source.dense_folders:
                shutil.copytree(dense, folder / dense.name)
        write_manifest(temporary, _manifest(model, name, parts))
    return shares


def _manifest(model: str, base_name: str, parts: Mapping[str, Part]) -> ModelManifest:
    """The manifest, with the training record of the model if it has one."""
    folder = Path(model).expanduser()
    training = read_manifest(folder).training if is_model_directory(folder) else {}
    return ModelManifest(parts, made_from=dict.fromkeys(ROLES, base_name), training=training)
