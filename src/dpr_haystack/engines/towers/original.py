# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of the original DPR repository: one ``.cp`` file with both towers, read without executing its code.

Such a file is a pickle. Only tensors and plain values are read from it; the few other classes that it names (its own
namedtuple, and the settings classes of later versions) are replaced by empty stand-ins.
"""

from __future__ import annotations

import collections
import re
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import BertConfig, DPRConfig, DPRContextEncoder, DPRQuestionEncoder

from dpr_haystack.errors import ModelError

# first bytes of a zip archive, and of the plain pickle that older releases of torch wrote
_TORCH_SIGNATURES = (b"PK\x03\x04", b"\x80")
DEFAULT_BASE = "bert-base-uncased"
_PREFIXES = {"question": "question_model.", "passage": "ctx_model."}
_HF_PREFIXES = {"question": "question_encoder.", "passage": "ctx_encoder."}
_CLASSES = {"question": DPRQuestionEncoder, "passage": DPRContextEncoder}


@dataclass(frozen=True)
class OriginalCheckpoint:
    """The content of a ``.cp`` file.

    :param towers: The weights of each tower, ``"question"`` and ``"passage"``, under BERT's own names.
    :param base: The checkpoint that provides configuration and vocabulary.
    :param lowercase: Whether texts are lower-cased.
    :param max_length: Longest input in tokens.
    """

    towers: dict[str, dict[str, torch.Tensor]]
    base: str
    lowercase: bool
    max_length: int


def read_original(path: Path) -> OriginalCheckpoint:
    """Read a checkpoint of the original repository.

    :param path: The file.
    :returns: Its towers and settings.
    :raises ModelError: If it is not such a checkpoint, or holds more than tensors and plain values.
    """
    with path.open("rb") as file:
        if not file.read(4).startswith(_TORCH_SIGNATURES):
            msg = (
                f"{path} is not a model: expected a folder, or a checkpoint file (.cp) of the original DPR repository."
            )
            raise ModelError(msg)
    try:
        with torch.serialization.safe_globals(_stand_ins()):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling a broken file can raise anything
        unsafe = re.search(r"GLOBAL ([\w.]+)", str(error))
        reason = (
            f"it names {unsafe[1]}, which could run code" if unsafe else f"it is not a DPR checkpoint ({error!r:.200})"
        )
        msg = f"{path} cannot be read: {reason}. Only weights and plain settings are read from such a file."
        raise ModelError(msg) from error
    if hasattr(content, "_asdict"):
        content = content._asdict()
    weights = content.get("model_dict") if isinstance(content, dict) else None
    towers = {role: _strip(weights or {}, prefix) for role, prefix in _PREFIXES.items()}
    if not all(towers.values()):
        keys = ", ".join(list(weights or {})[:3]) or "no weights"
        msg = f"{path} must hold the weights of two DPR encoders: got {keys}."
        raise ModelError(msg)
    return OriginalCheckpoint(towers, *_settings(_plain(content.get("encoder_params"))))


def build_tower(checkpoint: OriginalCheckpoint, role: str, base: BertConfig) -> Any:
    """Build a transformers model with the weights of one tower.

    :param checkpoint: The checkpoint.
    :param role: ``"question"`` or ``"passage"``.
    :param base: The configuration of the BERT model that it was trained from.
    :returns: A ``DPRQuestionEncoder`` or ``DPRContextEncoder`` in float32.
    :raises ModelError: If the weights do not fit that configuration.
    """
    projection = checkpoint.towers[role].get("encode_proj.weight")
    not_shared = {"model_type", "architectures", "projection_dim"}
    settings = {key: value for key, value in base.to_dict().items() if key not in not_shared}
    config = DPRConfig(**settings, projection_dim=0 if projection is None else projection.shape[0])
    model = _CLASSES[role](config)
    try:
        model.load_state_dict(tower_state(checkpoint, role), strict=True)
    except RuntimeError as error:
        msg = f"The {role} tower does not fit its base model, {base.name_or_path}: {error}"
        raise ModelError(msg) from error
    return model


def tower_state(checkpoint: OriginalCheckpoint, role: str) -> dict[str, torch.Tensor]:
    """The weights of one tower under their names in transformers.

    :param checkpoint: The checkpoint.
    :param role: ``"question"`` or ``"passage"``.
    :returns: The tensors by name.
    """
    weights = checkpoint.towers[role]
    return {name: tensor for key, tensor in weights.items() if (name := _hf_name(key, role)) is not None}


def _hf_name(key: str, role: str) -> str | None:
    if key.startswith("pooler.") or key.endswith("position_ids"):
        return None  # not used by DPR
    inner = key if key.startswith("encode_proj.") else f"bert_model.{key}"
    return _HF_PREFIXES[role] + inner


def _strip(weights: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {key.removeprefix(prefix): value.float() for key, value in weights.items() if key.startswith(prefix)}


def _settings(params: dict[str, Any]) -> tuple[str, bool, int]:
    encoder = {**params, **(params.get("encoder") or {})}
    base = encoder.get("pretrained_model_cfg") or DEFAULT_BASE
    return str(base), bool(encoder.get("do_lower_case", True)), int(encoder.get("sequence_length") or 256)


class _StandIn:
    """Replaces a class that a checkpoint names; keeps its attributes."""


def _plain(value: Any) -> Any:
    """Settings as plain values: later versions wrap them in objects with ``_content`` or ``_val``."""
    if isinstance(value, _StandIn):
        state = vars(value)
        return _plain(state.get("_content", state.get("_val")))
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return {} if value is None else value


def _stand_ins() -> list[Any]:
    names = ["model_dict", "optimizer_dict", "scheduler_dict", "offset", "epoch", "encoder_params"]
    state = collections.namedtuple("CheckpointState", names)  # type: ignore[misc]
    state.__module__ = "dpr.utils.model_utils"
    settings = [
        ("omegaconf.dictconfig", ("DictConfig",)),
        ("omegaconf.listconfig", ("ListConfig",)),
        ("omegaconf.base", ("ContainerMetadata", "Metadata")),
        ("omegaconf.nodes", ("AnyNode", "StringNode", "IntegerNode", "FloatNode", "BooleanNode")),
    ]
    classes = [
        type(name, (_StandIn,), {"__module__": module, "__qualname__": name})
        for module, group in settings
        for name in group
    ]
    return [state, *classes, typing.Any, dict, list, str, int, float, bool, collections.defaultdict]
