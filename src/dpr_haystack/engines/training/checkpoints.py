# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of a training: the trained weights, read, written and averaged."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from dpr_haystack.errors import ModelError

WEIGHTS = "weights.safetensors"


STATE = "trainer_state.json"  # the last file of a checkpoint that transformers writes


def trained_weights(model: nn.Module) -> dict[str, Tensor]:
    """What training changes: every parameter that has a gradient, once."""
    return {
        name: parameter.detach().cpu().contiguous()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }


def load_weights(model: nn.Module, weights: dict[str, Tensor]) -> None:
    """Put back what :func:`trained_weights` gave.

    :raises ModelError: If they are another model's.
    """
    own = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    wrong = set(own) ^ set(weights)
    wrong |= {name for name in set(own) & set(weights) if own[name].shape != weights[name].shape}
    if wrong:
        msg = f"the checkpoint is another model's: {len(wrong)} of its tensors differ, e.g. {min(wrong)}"
        raise ModelError(msg)
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(weights[name])


def checkpoints_in(directory: Path) -> list[Path]:
    """The whole checkpoints in a directory, the oldest first; one whose writing was cut off is none."""
    found = [path for path in directory.glob("checkpoint-*") if (path / STATE).is_file()]
    return sorted(found, key=lambda path: int(path.name.rpartition("-")[2]))


def average(folders: list[Path]) -> dict[str, Tensor]:
    """The mean of the weights of some checkpoints.

    :param folders: The checkpoints; at least one.
    """
    total: dict[str, Tensor] = {}
    for folder in folders:
        for name, tensor in load_file(folder / WEIGHTS).items():
            total[name] = total[name] + tensor.double() if name in total else tensor.double()
    return {name: (tensor / len(folders)).float() for name, tensor in total.items()}
