# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Writing a model directory from any supported checkpoints."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dpr_haystack.core.files import atomic_directory
from dpr_haystack.core.model_directory import (
    LAYOUT,
    ROLES,
    ModelManifest,
    Part,
    check_dimensions,
    is_model_directory,
    read_manifest,
    write_manifest,
)
from dpr_haystack.engines.checkpoints.folders import check_target, copy_transformers_folder, share_equal_weights
from dpr_haystack.engines.towers.dpr_export import as_dpr
from dpr_haystack.engines.towers.loading import load_tower
from dpr_haystack.engines.towers.tower import LoadedTower, TowerUse, as_part, used_with


@dataclass(frozen=True)
class ConversionOptions:
    """What a conversion changes.

    :param base_model: For ``.cp`` files: the source of configuration and vocabulary; for adapters: their base.
        ``None`` for the one that they name.
    :param max_length: Longest input in tokens; ``None`` for each checkpoint's own.
    :param dimension: Keep only the first components of every vector, which loses little accuracy after training with
        ``matryoshka``; ``None`` for all. Normalised vectors are scaled to length 1 again.
    :param dpr_classes: Write towers that use the vector of ``[CLS]`` unchanged as ``DPRQuestionEncoder`` and
        ``DPRContextEncoder``, which other programs load from the folders ``question`` and ``passage``.
    """

    base_model: str | None = None
    max_length: int | None = None
    dimension: int | None = None
    dpr_classes: bool = False


def convert(
    question_model: str,
    passage_model: str | None,
    output_dir: str | Path,
    options: ConversionOptions | None = None,
    *,
    token: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a model directory.

    The directory is written under a temporary name and then renamed, so it is never incomplete.

    :param question_model: The checkpoint of the question tower: any that ``DPRTextEmbedder`` loads.
    :param passage_model: The checkpoint of the passage tower; ``None`` if the first one holds both. Equal weights of
        the two towers are stored once, as hard links, if the file system supports these.
    :param output_dir: The directory to write. If both towers come unchanged from one model directory, their fitted
        hybrid settings (``hybrid.json``) are copied too.
    :param options: What is changed; ``None`` for nothing.
    :param token: A hub token.
    :param overwrite: Whether an existing model directory is replaced.
    :returns: The path of the directory.
    :raises InputError: If the path is taken, or the two towers do not match.
    :raises ModelError: If a checkpoint cannot be loaded.
    """
    options = options or ConversionOptions()
    target = Path(output_dir).expanduser().absolute()
    check_target(target, overwrite=overwrite)
    models = {"question": question_model, "passage": passage_model or question_model}
    with atomic_directory(target) as temporary:
        parts: dict[str, Part] = {}
        for role in ROLES:
            tower = load_tower(models[role], role, token=token, base_model=options.base_model)
            tower = used_with(tower, TowerUse(dimension=options.dimension))
            tower = as_dpr(tower, role) if options.dpr_classes else tower
            parts[role] = as_part(tower, role, max_length=options.max_length)
            _write_part(tower, LAYOUT.part(temporary, role))
        check_dimensions(models, {role: part.dimension for role, part in parts.items()})
        share_equal_weights(LAYOUT.part(temporary, "question"), LAYOUT.part(temporary, "passage"))
        write_manifest(temporary, ModelManifest(parts, made_from=models, training=_training_of(models)))
        if options.max_length is None and options.dimension is None:
            _copy_hybrid_settings(Path(models["question"]), Path(models["passage"]), temporary)
    return target


def _copy_hybrid_settings(question: Path, passage: Path, target: Path) -> None:
    """Copy the fitted settings if both towers come from one model directory: they are valid for that pair only."""
    source = question.expanduser()
    if source.resolve() != passage.expanduser().resolve() or not is_model_directory(source):
        return
    if (source / LAYOUT.hybrid).is_file():
        shutil.copyfile(source / LAYOUT.hybrid, target / LAYOUT.hybrid)


def _write_part(tower: LoadedTower, folder: Path) -> None:
    folder.mkdir(parents=True)
    source = tower.source
    if tower.verbatim:
        copy_transformers_folder(source.folder, folder)
    else:
        tower.model.save_pretrained(folder)
        tower.tokenizer.save_pretrained(folder)
    for dense in source.dense_folders:
        shutil.copytree(dense, folder / dense.name)


def _training_of(models: dict[str, str]) -> Mapping[str, Any]:
    """The training record, if both towers come from one model directory."""
    folder = Path(models["question"]).expanduser()
    is_pair = models["question"] == models["passage"] and is_model_directory(folder)
    return read_manifest(folder).training if is_pair else {}
