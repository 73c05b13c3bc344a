# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Towers as small differences to a base: LoRA adapters in peft's format (arXiv 2106.09685).

Loading needs no peft: an adapter is put into the weights that it adapts. Any trained tower can be written as one, by
the nearest matrices of a rank to what training changed (Eckart and Young 1936).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from dpr_haystack.engines.checkpoints.source import read_json
from dpr_haystack.errors import InputError, ModelError

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_PREFIX = "base_model.model."
_NOT_READ = ("use_dora", "use_qalora", "fan_in_fan_out", "rank_pattern", "alpha_pattern", "layer_replication")


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter."""
    return (folder / CONFIG).is_file()


def base_of(folder: Path) -> str:
    """The name or path of the model that an adapter belongs to.

    :param folder: The adapter's folder; a relative path is relative to it.
    :raises ModelError: If it does not say so, or is of a kind that is not known here.
    """
    config = read_json(folder / CONFIG)
    odd = [name for name in _NOT_READ if config.get(name)]
    if config.get("peft_type") != "LORA" or odd:
        what = ", ".join(odd) or str(config.get("peft_type"))
        msg = (
            f"{folder} is an adapter of a kind that cannot be read here ({what}): merge it with peft, and convert that"
        )
        raise ModelError(msg)
    base = config.get("base_model_name_or_path")
    if not isinstance(base, str) or not base:
        msg = f"{folder / CONFIG} does not name its base model (base_model_name_or_path)"
        raise ModelError(msg)
    near = folder / base
    return str(near.resolve()) if base.startswith(".") and near.exists() else base


def apply_adapter(model: nn.Module, folder: Path) -> None:
    """Put an adapter into the weights of its base.

    :param model: The base, in float32; changed.
    :param folder: The adapter's folder.
    :raises ModelError: If it belongs to another base.
    """
    config = read_json(folder / CONFIG)
    own = dict(model.named_parameters())
    with torch.no_grad():
        for name, change in _changes(config, load_file(folder / WEIGHTS)):
            if name not in own or own[name].shape != change.shape:
                msg = f"the adapter in {folder} belongs to another base: it changes {name}, {tuple(change.shape)}"
                raise ModelError(msg)
            own[name].add_(change)


def _changes(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """What is added to each weight.

    :raises ModelError: If there is something that is not added to a weight: it must not be passed over.
    """
    rank = int(config["r"])
    scale = float(config["lora_alpha"]) / (rank**0.5 if config.get("use_rslora") else rank)
    for key, tensor in tensors.items():
        name = key.removeprefix(_PREFIX)
        if name.endswith(".lora_A.weight"):
            module = name.removesuffix(".lora_A.weight")
            other = tensors[f"{_PREFIX}{module}.lora_B.weight"]
            yield f"{module}.weight", scale * (other.float() @ tensor.float())
        elif name.endswith(".difference"):
            yield name.removesuffix(".difference"), tensor.float()
        elif not name.endswith(".lora_B.weight"):
            msg = f"the adapter holds {name}, which cannot be read here: merge it with peft, and convert that"
            raise ModelError(msg)


def write_adapter(model: nn.Module, base: nn.Module, folder: Path, *, rank: int, base_name: str) -> float:
    """Write what tells a model from its base as an adapter, in float16.

    Linear layers become products of two matrices of the rank; other weights that differ (biases, layer norms) are kept
    as differences, which peft passes over. Embeddings must be the base's.

    :param model: The trained model.
    :param base: What it was trained from.
    :param folder: Where to; it exists.
    :param rank: The rank; at most the smaller side of each matrix.
    :param base_name: What the adapter calls its base.
    :returns: The share of the squared differences that the adapter has, 0 to 1.
    :raises InputError: If the two do not fit, or their embeddings differ.
    """
    linear = {f"{name}.weight" for name, module in base.named_modules() if isinstance(module, nn.Linear)}
    own, started = dict(model.named_parameters()), dict(base.named_parameters())
    tensors: dict[str, Tensor] = {}
    whole = kept = 0.0
    for name, parameter in started.items():
        if name not in own or own[name].shape != parameter.shape:
            msg = f"the model was not made from {base_name}: {name} differs in shape or is not there"
            raise InputError(msg)
        difference = own[name].detach() - parameter.detach()
        if ".pooler." in f".{name}" or not bool(difference.any()):
            continue
        if difference.dim() == 2 and name not in linear:
            msg = f"{name} was trained too, and no small adapter holds it: train with freeze_embeddings: true"
            raise InputError(msg)
        small = _factors(difference, rank) if name in linear else (difference,)
        whole += float(difference.square().sum())
        kept += float(difference.square().sum() - (difference - _product(small)).square().sum())
        tensors.update(_named(name, small))
    save_file(tensors, folder / WEIGHTS)
    modules = sorted({name.removesuffix(".weight") for name in linear if f"{_PREFIX}{_lora(name, 'A')}" in tensors})
    config = {
        "peft_type": "LORA",
        "task_type": "FEATURE_EXTRACTION",
        "base_model_name_or_path": base_name,
        "r": rank,
        "lora_alpha": rank,
        "target_modules": modules,
        "bias": "none",
    }
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    return kept / whole if whole else 1.0


def _lora(name: str, which: str) -> str:
    return f"{name.removesuffix('.weight')}.lora_{which}.weight"


def _factors(difference: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    left, values, right = torch.linalg.svd(difference.double(), full_matrices=False)
    roots = values[:rank].sqrt()
    b, a = (left[:, :rank] * roots).half(), (roots[:, None] * right[:rank]).half()
    missing = rank - len(roots)
    return nn.functional.pad(b, (0, missing)), nn.functional.pad(a, (0, 0, 0, missing))


def _product(factors: tuple[Tensor, ...]) -> Tensor:
    return factors[0].float() if len(factors) == 1 else factors[0].float() @ factors[1].float()


def _named(name: str, factors: tuple[Tensor, ...]) -> dict[str, Tensor]:
    if len(factors) == 1:
        return {f"{_PREFIX}{name}.difference": factors[0].half().contiguous()}
    return {
        f"{_PREFIX}{_lora(name, 'B')}": factors[0].contiguous(),
        f"{_PREFIX}{_lora(name, 'A')}": factors[1].contiguous(),
    }
