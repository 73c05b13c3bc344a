# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Models as LoRA adapters of a base, in peft's format (arXiv 2106.09685).

Loading merges an adapter into the weights of its base and does not need peft. Any trained tower or reader can be
written as an adapter: its changes are replaced by their best approximation of a given rank (Eckart and Young 1936).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from dpr_haystack.core.model_directory import LAYOUT
from dpr_haystack.engines.checkpoints.source import read_json
from dpr_haystack.errors import InputError, ModelError

CONFIG, WEIGHTS = LAYOUT.adapter, "adapter_model.safetensors"
_PREFIX = "base_model.model."
# of other weights than those of linear layers, larger ones are not stored
_MOST_VALUES = 2**20
_UNSUPPORTED = ("use_dora", "use_qalora", "fan_in_fan_out", "rank_pattern", "alpha_pattern", "layer_replication")


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter.

    :param folder: The folder.
    """
    return (folder / CONFIG).is_file()


def base_of(folder: Path) -> str:
    """The name or path of an adapter's base model.

    :param folder: The adapter's folder; a base path that begins with a dot is relative to it.
    :returns: The name or path.
    :raises ModelError: If its configuration names no base, or it is not a plain LoRA adapter.
    """
    config = read_json(folder / CONFIG)
    unsupported = [name for name in _UNSUPPORTED if config.get(name)]
    if config.get("peft_type") != "LORA" or unsupported:
        reason = ", ".join(unsupported) or str(config.get("peft_type"))
        msg = (
            f"{folder} is an adapter of an unsupported kind ({reason}): merge it into its base with peft, then convert "
            "the merged model"
        )
        raise ModelError(msg)
    base = config.get("base_model_name_or_path")
    if not isinstance(base, str) or not base:
        msg = f"{folder / CONFIG} does not name its base model (base_model_name_or_path)"
        raise ModelError(msg)
    relative = folder / base
    return str(relative.resolve()) if base.startswith(".") and relative.exists() else base


def apply_adapter(model: nn.Module, folder: Path) -> None:
    """Merge an adapter into the weights of its base.

    :param model: The base, in float32; changed in place.
    :param folder: The adapter's folder.
    :raises ModelError: If it belongs to another base.
    """
    config = read_json(folder / CONFIG)
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name, change in _changes(config, load_file(folder / WEIGHTS)):
            if name not in parameters or parameters[name].shape != change.shape:
                msg = (
                    f"the adapter in {folder} belongs to another base: this one has no weight {name} of shape "
                    f"{tuple(change.shape)}"
                )
                raise ModelError(msg)
            parameters[name].add_(change.to(parameters[name].device))


def _changes(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """The change to each weight.

    :raises ModelError: If a tensor is neither part of a LoRA pair nor a difference.
    """
    rank = int(config["r"])
    scale = float(config["lora_alpha"]) / (rank**0.5 if config.get("use_rslora") else rank)
    for key, tensor in tensors.items():
        name = key.removeprefix(_PREFIX)
        if name.endswith(".lora_A.weight"):
            module = name.removesuffix(".lora_A.weight")
            b_matrix = tensors[f"{_PREFIX}{module}.lora_B.weight"]
            yield f"{module}.weight", scale * (b_matrix.float() @ tensor.float())
        elif name.endswith(".difference"):
            yield name.removesuffix(".difference"), tensor.float()
        elif not name.endswith(".lora_B.weight"):
            msg = (
                f"the adapter holds the unsupported tensor {name}: merge it into its base with peft, then convert the "
                "merged model"
            )
            raise ModelError(msg)


def write_adapter(
    model: Any, base: Any, folder: Path, *, rank: int, base_name: str, task: str = "FEATURE_EXTRACTION"
) -> float:
    """Write the differences between a model and its base as an adapter, in float16.

    Changes to linear layers become products of two matrices of the given rank; changes to other weights (biases, layer
    norms) are stored as differences, which peft ignores. The embeddings of words must equal those of the base.

    :param model: The trained model.
    :param base: The model that it was trained from.
    :param folder: An existing folder to write to.
    :param rank: The rank; at most the smaller side of each matrix.
    :param base_name: The base's name in the adapter.
    :param task: The task as peft names it.
    :returns: The share of the squared differences that the adapter keeps, 0 to 1.
    :raises InputError: If the model was not trained from this base, or their embeddings of words differ.
    """
    linear = {f"{name}.weight" for name, module in base.named_modules() if isinstance(module, nn.Linear)}
    words = base.get_input_embeddings().weight
    trained = dict(model.named_parameters())
    tensors: dict[str, Tensor] = {}
    total = kept = 0.0
    for name, parameter in base.named_parameters():
        if name not in trained or trained[name].shape != parameter.shape:
            msg = f"the model was not trained from {base_name}: its weight {name} is missing or has another shape"
            raise InputError(msg)
        difference = trained[name].detach() - parameter.detach()
        if ".pooler." in f".{name}" or not bool(difference.any()):
            continue
        if name not in linear and (parameter is words or difference.numel() > _MOST_VALUES):
            msg = f"{name} was trained too, which an adapter cannot store: train with freeze_embeddings: true"
            raise InputError(msg)
        factors = _factors(difference, rank) if name in linear else (difference,)
        total += float(difference.square().sum())
        kept += float(difference.square().sum() - (difference - _product(factors)).square().sum())
        tensors.update(_named(name, factors))
    save_file(tensors, folder / WEIGHTS)
    modules = sorted({name.removesuffix(".weight") for name in linear if f"{_PREFIX}{_lora(name, 'A')}" in tensors})
    config = {
        "peft_type": "LORA",
        "task_type": task,
        "base_model_name_or_path": base_name,
        "r": rank,
        "lora_alpha": rank,
        "target_modules": modules,
        "bias": "none",
    }
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    return kept / total if total else 1.0


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
