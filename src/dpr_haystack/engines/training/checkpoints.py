# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of a training: finding them, loading and averaging their weights."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from dpr_haystack.errors import ModelError

WEIGHTS = "weights.safetensors"
STATE = "trainer_state.json"  # the last file that transformers writes to a checkpoint


def trained_weights(model: nn.Module) -> dict[str, Tensor]:
    """The weights that training changes: every parameter with a gradient, once.

    :param model: The model.
    :returns: The tensors by name, on the CPU.
    """
    return {
        name: parameter.detach().cpu().contiguous()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }


def load_weights(model: nn.Module, weights: dict[str, Tensor]) -> None:
    """Load weights that :func:`trained_weights` returned.

    :param model: The model; changed in place.
    :param weights: The tensors by name.
    :raises ModelError: If they belong to another model.
    """
    parameters = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    wrong = set(parameters) ^ set(weights)
    wrong |= {name for name in set(parameters) & set(weights) if parameters[name].shape != weights[name].shape}
    if wrong:
        msg = (
            f"the checkpoint belongs to another model: {len(wrong)} tensors differ in name or shape, e.g. {min(wrong)}"
        )
        raise ModelError(msg)
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(weights[name])


def checkpoints_in(directory: Path) -> list[Path]:
    """The complete checkpoints in a directory, the oldest first.

    :param directory: The directory; it may be missing.
    :returns: Their folders.
    """
    complete = [path for path in directory.glob("checkpoint-*") if (path / STATE).is_file()]
    return sorted(complete, key=lambda path: int(path.name.rpartition("-")[2]))


def average(folders: list[Path]) -> dict[str, Tensor]:
    """The mean of the weights of several checkpoints.

    :param folders: The checkpoints; at least one.
    :returns: The tensors by name, in float32.
    """
    total: dict[str, Tensor] = {}
    for folder in folders:
        for name, tensor in load_file(folder / WEIGHTS).items():
            total[name] = total[name] + tensor.double() if name in total else tensor.double()
    return {name: (tensor / len(folders)).float() for name, tensor in total.items()}
