# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Folders of the sentence-transformers library, read without that library.

Such a folder lists modules. Supported are those of a retriever's tower: Transformer, Pooling, then Dense and Normalize
in any order, and Router (formerly Asym), which has a list of modules for questions and one for passages.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dpr_haystack.core.model_directory import POOLINGS, Role
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.engines.checkpoints.kinds import encoder_class
from dpr_haystack.engines.checkpoints.source import NORMALIZE, TowerSource, read_json
from dpr_haystack.errors import InputError, ModelError

logger = logging.getLogger(__name__)

_TRANSFORMER_CONFIGS = tuple(
    f"sentence_{family}_config.json"
    for family in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
# releases before 5 wrote one boolean per pooling
_OLD_POOLING_KEYS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
# the names of prompts that sentence-transformers looks for, for each role
_PROMPTS = {"question": ("query",), "passage": ("document", "passage", "corpus")}
# the names of a router's module lists for each role
_NAMES = {"question": ("query", "question"), "passage": ("document", "passage", "corpus", "doc")}


@dataclass(frozen=True)
class _Module:
    kind: str
    folder: Path


def read_sentence_folder(folder: Path, role: Role) -> TowerSource:
    """Find a tower in a sentence-transformers folder.

    :param folder: The folder with ``modules.json``.
    :param role: Which tower; most models have one for both roles.
    :returns: The tower.
    :raises ModelError: If it has an unsupported module.
    """
    passage = _read(folder, "passage")
    return replace(passage if role == "passage" else _read(folder, role), passage_weights=passage.weights)


def _read(folder: Path, role: Role) -> TowerSource:
    modules = _modules_of(folder, role)
    kinds = [module.kind for module in modules]
    if kinds[:2] != ["Transformer", "Pooling"] or not {*kinds[2:]} <= {"Dense", "Normalize"}:
        msg = (
            f"{folder}: the modules must be a Transformer, a Pooling, and any number of Dense and Normalize: "
            f"got {' -> '.join(kinds)}."
        )
        raise ModelError(msg)
    transformer, pooling = modules[0].folder, modules[1].folder
    settings = _transformer_settings(transformer)
    model = _model_settings(folder)
    prompt = _prompt(folder, model, role)
    similarity = _similarity(folder, model.get("similarity_fn_name") or "cosine")
    dimension = _truncated(folder, model)
    # vectors of length 1 that are shortened have length 1 again only where their length does not count
    normalize = kinds[-1] == "Normalize" and (dimension is None or similarity is Similarity.COSINE)
    layers = [NORMALIZE if module.kind == "Normalize" else module.folder for module in modules[2:]]
    return TowerSource(
        folder=transformer,
        class_name=encoder_class(transformer, read_json(transformer / "config.json")),
        pooling=_pooling(pooling, prompt),
        normalize=normalize,
        similarity=similarity,
        max_length=settings.get(f"{_NAMES[role][0]}_length") or settings.get("max_seq_length"),
        dimension=dimension,
        prompt=prompt,
        lowercase=bool(settings.get("do_lower_case", False)),
        dense=tuple(layers[:-1] if normalize else layers),
    )


def _truncated(folder: Path, model: dict[str, Any]) -> int | None:
    dimension = model.get("truncate_dim")
    if dimension is not None and (not isinstance(dimension, int) or dimension < 1):
        msg = f"{folder}: truncate_dim must be an integer of at least 1: got {dimension!r}."
        raise ModelError(msg)
    return dimension


def _similarity(folder: Path, name: Any) -> Similarity:
    try:
        return Similarity.parse(name)
    except InputError as error:
        msg = f"{folder} was trained to be compared by another measure: {error}"
        raise ModelError(msg) from error


def _modules_of(folder: Path, role: Role) -> list[_Module]:
    path = folder / "modules.json"
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
        entries = [(str(entry["type"]), folder / entry["path"]) for entry in listed]
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"{path} cannot be read as a list of modules: {error}"
        raise ModelError(msg) from error
    modules: list[_Module] = []
    for type_name, module_folder in entries:
        kind = _kind(type_name, folder)
        modules += _route(module_folder, role) if kind in {"Router", "Asym"} else [_Module(kind, module_folder)]
    return [module for module in modules if module.kind != "Dropout"]  # used in training only


def _kind(type_name: str, folder: Path) -> str:
    kind = type_name.rsplit(".", 1)[-1]
    known = {"Transformer", "Pooling", "Dense", "Normalize", "Dropout", "Router", "Asym"}
    if kind not in known or not type_name.startswith("sentence_transformers."):
        msg = (
            f"{folder} has the unsupported module {type_name}. Supported modules of sentence-transformers: "
            f"{', '.join(sorted(known))}; for others use Haystack's SentenceTransformersTextEmbedder and "
            "SentenceTransformersDocumentEmbedder."
        )
        raise ModelError(msg)
    return kind


def _route(folder: Path, role: Role) -> list[_Module]:
    config_path = folder / "router_config.json"
    config = read_json(config_path if config_path.is_file() else folder / "config.json")
    structure, types = config["structure"], config["types"]
    name = _route_name(structure, config.get("parameters") or {}, role)
    if name is None:
        msg = f"{folder}: none of the routes {', '.join(map(repr, structure))} is for a {role}."
        raise ModelError(msg)
    return [_Module(_kind(types[module], folder), folder / module) for module in structure[name]]


def _route_name(structure: dict[str, Any], parameters: dict[str, Any], role: Role) -> str | None:
    mappings = parameters.get("route_mappings") or {}
    for task in (*_NAMES[role], None):
        for modality in ("text", None):
            if str((task, modality)) in mappings:
                return str(mappings[str((task, modality))])
    for name in (*_NAMES[role], "text"):
        if name in structure:
            return name
    default = parameters.get("default_route")
    return str(default) if default in structure else None


def _transformer_settings(folder: Path) -> dict[str, Any]:
    for name in _TRANSFORMER_CONFIGS:
        if (folder / name).is_file():
            settings = read_json(folder / name)
            break
    else:
        return {}
    task = settings.get("transformer_task", "feature-extraction")
    if task != "feature-extraction" or "message" in (settings.get("modality_config") or {}):
        msg = f"{folder} reads texts as {task} or through a chat template, which is not supported."
        raise ModelError(msg)
    return settings


def _pooling(folder: Path, prompt: str) -> str:
    config = read_json(folder / "config.json")
    mode = config.get("pooling_mode")
    if mode is None:
        modes = [value for key, value in _OLD_POOLING_KEYS.items() if config.get(key)] or ["mean"]
    else:
        modes = [mode] if isinstance(mode, str) else list(mode)
    if len(modes) != 1 or modes[0] not in POOLINGS:
        msg = f"{folder}: the pooling must be one of {', '.join(POOLINGS)}: got {' + '.join(map(str, modes))}."
        raise ModelError(msg)
    if prompt and not config.get("include_prompt", True):
        msg = f"{folder} excludes its prompt {prompt!r} from the pooling, which is not supported."
        raise ModelError(msg)
    return str(modes[0])


def _model_settings(folder: Path) -> dict[str, Any]:
    path = folder / "config_sentence_transformers.json"
    return read_json(path) if path.is_file() else {}


def _prompt(folder: Path, settings: dict[str, Any], role: Role) -> str:
    """The prompt of a role: the first of its names that the folder has, also if it is empty; never the default prompt,
    which sentence-transformers uses for neither questions nor passages."""
    prompts = settings.get("prompts") or {}
    found = [str(prompts[name]) for name in _PROMPTS[role] if prompts.get(name) is not None]
    default = settings.get("default_prompt_name")
    if prompts.get(default) and not any(default in names for names in _PROMPTS.values()):
        logger.warning(
            "%s has the default prompt %r, which is for neither questions nor passages: pass it as prefix to use it",
            folder,
            prompts[default],
        )
    return found[0] if found else ""
