# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Preparing a transformer for training: attention, dropout, memory, and the weights that are trained."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from dpr_haystack.engines.towers.network import split_tower
from dpr_haystack.errors import InputError


def keep_layers(model: Any, count: int) -> None:
    """Keep some layers of a transformer, evenly spaced: every second one for half of them (as DistilBERT does).

    :param model: A transformers model; changed in place.
    :param count: How many.
    :raises InputError: If it has fewer, or no list of layers as BERT-like models have.
    """
    backbone, _ = split_tower(model)
    holder: Any = getattr(backbone, "encoder", None) or getattr(backbone, "transformer", None)
    layers = getattr(holder, "layer", None)
    if layers is None:
        msg = f"layers: {type(backbone).__name__} has no list of layers to choose from"
        raise InputError(msg)
    if not 1 <= count <= len(layers):
        msg = f"layers must be from 1 to {len(layers)}, the number of layers of the model: got {count}"
        raise InputError(msg)
    holder.layer = nn.ModuleList(layers[number * len(layers) // count] for number in range(count))
    config: Any = backbone.config
    model.config.num_hidden_layers = config.num_hidden_layers = count


def prepare_transformer(
    model: Any, device: str, *, attention: str | None = None, dropout: float | None = None, checkpointing: bool = False
) -> None:
    """Prepare a transformer for training.

    :param model: A transformers model; changed in place.
    :param device: The torch device of the training.
    :param attention: The attention implementation; None for the fastest one for training on the device.
    :param dropout: The probability of every dropout layer; None for the checkpoint's own.
    :param checkpointing: Whether activations are recomputed in the backward pass to save memory.
    """
    # on a CPU the backward pass of fused attention is slow, and some families do not have it
    is_fused = torch.device(device).type != "cpu" and getattr(model, "_supports_sdpa", True)
    model.set_attn_implementation(attention or ("sdpa" if is_fused else "eager"))
    if dropout is not None:
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = dropout
    if checkpointing:
        enable = getattr(model, "activation_checkpointing_enable", None)  # the newer name
        (enable or model.gradient_checkpointing_enable)({"use_reentrant": False})
