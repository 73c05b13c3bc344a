# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Finding the tower in a folder from its configuration, before any weights are loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dpr_haystack.core.model_directory import LAYOUT, Part, Role, is_model_directory, read_manifest
from dpr_haystack.engines.checkpoints.adapters import base_of, is_adapter
from dpr_haystack.engines.checkpoints.hub import locate
from dpr_haystack.engines.checkpoints.kinds import dpr_class, encoder_class, kind_of, no_model_message
from dpr_haystack.engines.checkpoints.source import DPR_CLASSES, NORMALIZE, TowerSource, read_json, weight_files
from dpr_haystack.engines.towers.sentence_folder import read_sentence_folder
from dpr_haystack.errors import DataError, InputError, ModelError

# the component that loads a tower of each role
_COMPONENTS = {"question": "DPRTextEmbedder", "passage": "DPRDocumentEmbedder"}


def inspect_folder(folder: Path, role: Role, base_model: str | None = None) -> TowerSource:
    """Find the tower for a role in a folder.

    :param folder: A model directory, a sentence-transformers folder, or a transformers folder.
    :param role: ``"question"`` or ``"passage"``.
    :param base_model: The base of adapters, by name or path; ``None`` for the one that they name.
    :returns: The tower, not loaded yet.
    :raises ModelError: If the folder is empty or broken, or does not hold an encoder.
    :raises InputError: If it holds an encoder for the other role.
    """
    if is_model_directory(folder):
        return _from_model_directory(folder, role, base_model)
    if (folder / "modules.json").is_file():
        return read_sentence_folder(folder, role)
    if (folder / "config.json").is_file():
        return _from_transformers(folder, role)
    raise ModelError(no_model_message(folder))


def _from_model_directory(folder: Path, role: Role, base_model: str | None) -> TowerSource:
    try:
        parts = read_manifest(folder).parts
    except DataError as error:
        raise ModelError(str(error)) from error
    if role not in parts:
        msg = f"{folder} has no {role} tower: its dpr.json lists {', '.join(parts) or 'nothing'}."
        raise ModelError(msg)
    passage = weights_of_part(folder, parts["passage"], base_model) if "passage" in parts else None
    return _as_source(LAYOUT.part(folder, role), parts[role], passage, base_model)


def weights_of_part(folder: Path, part: Part, base_model: str | None = None) -> tuple[Path, ...]:
    """The weight files of a part of a model directory, including those of the base if it is an adapter.

    :param folder: The model directory.
    :param part: The part.
    :param base_model: The base of adapters, by name or path; ``None`` for the one that they name.
    :returns: The files.
    """
    return _as_source(LAYOUT.part(folder, part.role), part, None, base_model).weights


def _as_source(
    part_folder: Path, part: Part, passage_weights: tuple[Path, ...] | None, base_model: str | None
) -> TowerSource:
    adapter = part_folder if is_adapter(part_folder) else None
    folder = part_folder if adapter is None else _base_folder(locate(base_model or base_of(part_folder)), part)
    config = _config(folder)
    return TowerSource(
        folder=folder,
        class_name=dpr_class(folder, config) if config.get("model_type") == "dpr" else encoder_class(folder, config),
        pooling=part.pooling,
        normalize=part.normalize,
        similarity=part.similarity,
        max_length=part.max_length,
        dimension=part.dimension,
        prompt=part.prompt,
        lowercase=part.lowercase,
        dense=tuple(NORMALIZE if name == str(NORMALIZE) else part_folder / Path(name).name for name in part.dense),
        passage_weights=passage_weights,
        adapter=adapter,
    )


def _from_transformers(folder: Path, role: Role) -> TowerSource:
    config = _config(folder)
    if config.get("model_type") == "dpr":
        name = dpr_class(folder, config)
        _check_role(folder, name, role)
        passage_weights = tuple(weight_files(folder)) if role == "passage" else None
        return TowerSource(folder, name, "cls", passage_weights=passage_weights)
    _refuse_others(folder, config)
    return TowerSource(folder, encoder_class(folder, config), "cls", passage_weights=tuple(weight_files(folder)))


def _base_folder(base: Path, part: Part) -> Path:
    """The transformers folder of an adapter's base, which may be a model directory."""
    source = inspect_folder(base, "question" if part.role == "question" else "passage")
    if source.adapter is not None:
        msg = f"{base} is an adapter, which cannot be the base of another adapter: convert it to full towers first"
        raise ModelError(msg)
    return source.folder


def _config(folder: Path) -> dict[str, Any]:
    return read_json(folder / "config.json")


def _check_role(folder: Path, name: str, role: Role) -> None:
    if name == DPR_CLASSES[role]:
        return
    for other, class_name in DPR_CLASSES.items():
        if name == class_name:
            msg = (
                f"{folder} is a {other} encoder ({name}), which {_COMPONENTS[other]} loads: {_COMPONENTS[role]} needs "
                f"a {role} encoder ({DPR_CLASSES[role]})."
            )
            raise InputError(msg)
    raise ModelError(_not_an_encoder(folder, kind_of(name) or name, name))


def _refuse_others(folder: Path, config: dict[str, Any]) -> None:
    for name in map(str, config.get("architectures") or []):
        if (kind := kind_of(name)) is not None:
            raise ModelError(_not_an_encoder(folder, kind, name))


def _not_an_encoder(folder: Path, kind: str, name: str) -> str:
    return f"{folder} is not an encoder but {kind} ({name})."
