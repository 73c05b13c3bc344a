# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The output layers of a reader: the one that scores spans, and the one that scores passages.

``DPRReader`` has both. Models for extractive question answering have only the first: for them the second one is in a
file of its own beside the weights. Of a reader that is an adapter, both are in one file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from dpr_haystack.core.model_directory import LAYOUT
from dpr_haystack.errors import ModelError


def span_layer(model: Any) -> str | None:
    """The name of the linear layer that makes spans, for a model that applies nothing else to its last hidden state.

    :param model: A transformers model for extractive question answering.
    :returns: The name of its attribute; ``None`` if the model scores spans in another way.
    """
    base = model.base_model
    others = [
        (name, child)
        for name, child in model.named_children()
        if child is not base and not isinstance(child, nn.Dropout)
    ]
    if base is model or len(others) != 1:
        return None
    name, layer = others[0]
    is_plain = isinstance(layer, nn.Linear) and layer.out_features == 2 and layer.bias is not None
    return name if is_plain else None


def write_selection(folder: Path, layer: nn.Linear) -> None:
    """Write the layer that scores passages.

    :param folder: An existing folder.
    :param layer: A linear layer with one output, applied to the hidden state of the first token.
    """
    save_file(as_float32(layer.state_dict()), folder / LAYOUT.selection, metadata={"format": "pt"})


def read_selection(path: Path, inputs: int) -> nn.Linear:
    """Read the layer that scores passages.

    :param path: The file.
    :param inputs: The size of the model's hidden states.
    :returns: The layer, in float32.
    :raises ModelError: If the file is damaged, or does not fit the model.
    """
    remedy = "Copy it again, or delete it to read without passage scores."
    layer = nn.Linear(inputs, 1)
    layer.load_state_dict(read_layers(path, {"weight": (1, inputs), "bias": (1,)}, remedy))
    return layer


def read_layers(path: Path, shapes: Mapping[str, tuple[int, ...]], remedy: str) -> dict[str, Tensor]:
    """Read the tensors of output layers.

    :param path: The file.
    :param shapes: The names and shapes that its tensors must have.
    :param remedy: What to do if it is damaged, for the message.
    :returns: The tensors by name.
    :raises ModelError: If the file is damaged, or its tensors are others.
    """
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except Exception as error:  # a damaged file raises various errors
        msg = f"{path} cannot be read: {error}. {remedy}"
        raise ModelError(msg) from error
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if found != dict(shapes):
        msg = f"{path} does not fit its model: expected tensors of the shapes {dict(shapes)}, got {found}."
        raise ModelError(msg)
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        msg = f"{path} contains NaN or infinity: train the reader again."
        raise ModelError(msg)
    return tensors


def as_float32(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a model as they are stored: on the CPU, numbers in float32.

    :param state: Tensors by name, on any device, in any number format.
    :returns: Tensors by the same names.
    """
    return {
        name: tensor.detach().to("cpu", torch.float32 if tensor.is_floating_point() else None).contiguous()
        for name, tensor in state.items()
    }
