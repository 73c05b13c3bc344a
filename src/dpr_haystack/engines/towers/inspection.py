# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What a folder holds, told from its configuration before any weights are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dpr_haystack.core.model_directory import LAYOUT, Part, Role, is_model_directory, read_manifest
from dpr_haystack.engines.checkpoints.fingerprints import read_tensors
from dpr_haystack.engines.checkpoints.hub import locate
from dpr_haystack.engines.checkpoints.source import DPR_CLASSES, TowerSource, read_json, weight_files
from dpr_haystack.engines.towers.adapters import base_of, is_adapter
from dpr_haystack.engines.towers.sentence_folder import read_sentence_folder
from dpr_haystack.errors import DataError, InputError, ModelError

# Which component a tower of each role is for.
COMPONENTS = {"question": "DPRTextEmbedder", "passage": "DPRDocumentEmbedder"}
_PREFIXES = {
    "question_encoder.": "DPRQuestionEncoder",
    "ctx_encoder.": "DPRContextEncoder",
    "span_predictor.": "DPRReader",
}
_NO_ENCODER = {
    "DPRReader": "a DPR reader, which finds answers in passages",
    "ForQuestionAnswering": "a reader, which finds answers in passages",
    "ForSequenceClassification": "a classifier or a cross-encoder, which scores texts",
    "ForTokenClassification": "a tagger, which labels words",
    "ForMultipleChoice": "a classifier",
    "ForConditionalGeneration": "a generator, which writes text",
    "ForCausalLM": "a language model, which writes text",
    "LMHeadModel": "a language model, which writes text",
}


def kind_of(class_name: str) -> str | None:
    """What a model that is no encoder is, e.g. "a tagger, which labels words"; ``None`` if that is not known.

    :param class_name: The class that its configuration names.
    """
    return next((what for ending, what in _NO_ENCODER.items() if class_name.endswith(ending)), None)


def inspect_folder(folder: Path, role: Role, base_model: str | None = None) -> TowerSource:
    """Find the tower for a role in a folder.

    :param folder: A model directory, a sentence-transformers folder, or a transformers folder.
    :param role: ``"question"`` or ``"passage"``.
    :param base_model: The base of adapters, by name or path; ``None`` for what they name.
    :returns: The tower, not loaded yet.
    :raises ModelError: If the folder is empty or broken, or holds something else than an encoder.
    :raises InputError: If it holds an encoder for the other role.
    """
    if is_model_directory(folder):
        return _from_model_directory(folder, role, base_model)
    if (folder / "modules.json").is_file():
        return read_sentence_folder(folder, role)
    if (folder / "config.json").is_file():
        return _from_transformers(folder, role)
    raise ModelError(nothing_there(folder))


def nothing_there(folder: Path) -> str:
    """What to say of a folder without a model.

    :param folder: The folder.
    """
    found = sorted(path.name for path in folder.iterdir())
    return (
        f"{folder} holds no model: none of dpr.json (a model directory), modules.json (sentence-transformers) and "
        f"config.json (transformers) is there{f', only {_some(found)}' if found else '; it is empty'}."
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


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
    """The weight files of a part of a model directory, those of its base included where it is an adapter."""
    return _as_source(LAYOUT.part(folder, part.role), part, None, base_model).weights


def _as_source(own: Path, part: Part, passage_weights: tuple[Path, ...] | None, base_model: str | None) -> TowerSource:
    adapter = own if is_adapter(own) else None
    folder = own if adapter is None else _base_folder(locate(base_model or base_of(own)), part)
    config = _config(folder)
    return TowerSource(
        folder=folder,
        class_name=dpr_class(folder, config) if config.get("model_type") == "dpr" else "AutoModel",
        pooling=part.pooling,
        normalize=part.normalize,
        similarity=part.similarity,
        max_length=part.max_length,
        dimension=part.dimension,
        prompt=part.prompt,
        lowercase=part.lowercase,
        dense=tuple(own / Path(name).name for name in part.dense),
        passage_weights=passage_weights,
        adapter=adapter,
    )


def _from_transformers(folder: Path, role: Role) -> TowerSource:
    config = _config(folder)
    if config.get("model_type") == "dpr":
        name = dpr_class(folder, config)
        _check_role(folder, name, role)
        own = tuple(weight_files(folder)) if role == "passage" else None
        return TowerSource(folder, name, "cls", passage_weights=own)
    _refuse_others(folder, config)
    return TowerSource(folder, "AutoModel", "cls", passage_weights=tuple(weight_files(folder)))


def _base_folder(base: Path, part: Part) -> Path:
    """The transformers folder of an adapter's base, which may be a pair of towers itself."""
    source = inspect_folder(base, "question" if part.role == "question" else "passage")
    if source.adapter is not None:
        msg = f"{base} is the base of an adapter and an adapter itself: convert it to whole towers first"
        raise ModelError(msg)
    return source.folder


def _config(folder: Path) -> dict[str, Any]:
    return read_json(folder / "config.json")


def dpr_class(folder: Path, config: dict[str, Any]) -> str:
    """Which of DPR's classes a folder holds: by its configuration, or where that is silent by its weights.

    :param folder: A transformers folder.
    :param config: Its configuration, of the DPR family.
    :raises ModelError: If neither says it.
    """
    named = [str(name) for name in config.get("architectures") or []]
    if named:
        return named[0]
    for name, _ in read_tensors(weight_files(folder)[0]):
        for prefix, kind in _PREFIXES.items():
            if name.startswith(prefix):
                return kind
    msg = f"{folder} is of the DPR family, but neither its configuration nor its weights say which part of it."
    raise ModelError(msg)


def _check_role(folder: Path, name: str, role: Role) -> None:
    if name == DPR_CLASSES[role]:
        return
    for other, kind in DPR_CLASSES.items():
        if name == kind:
            msg = (
                f"{folder} is a {other} encoder ({name}), which {COMPONENTS[other]} takes: {COMPONENTS[role]} needs "
                f"a {role} encoder ({DPR_CLASSES[role]})."
            )
            raise InputError(msg)
    msg = f"{folder} is no encoder but {kind_of(name) or name} ({name})."
    raise ModelError(msg)


def _refuse_others(folder: Path, config: dict[str, Any]) -> None:
    for name in map(str, config.get("architectures") or []):
        if (what := kind_of(name)) is not None:
            msg = f"{folder} is no encoder but {what} ({name})."
            raise ModelError(msg)
    if config.get("is_encoder_decoder"):
        msg = f"{folder} is no encoder but an encoder with a decoder ({config.get('model_type')})."
        raise ModelError(msg)
