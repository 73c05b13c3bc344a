# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Training low-rank adapters (LoRA, arXiv 2106.09685) with peft instead of all weights."""

from __future__ import annotations

from dataclasses import dataclass

from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn


@dataclass(frozen=True)
class AdapterOptions:
    """Settings of the adapters.

    :param rank: Their rank.
    :param alpha: Their scale: the product of their matrices is multiplied by ``alpha / rank``.
    :param dropout: Dropout probability of their input.
    """

    rank: int
    alpha: float
    dropout: float = 0.0


def add_adapters(backbone: nn.Module, options: AdapterOptions) -> None:
    """Add an adapter to every linear layer of a transformer, and train nothing else of it.

    :param backbone: The transformer; changed in place.
    :param options: Settings of the adapters.
    """
    layers = [
        name
        for name, module in backbone.named_modules()
        if isinstance(module, nn.Linear) and ".pooler." not in f".{name}"
    ]
    config = LoraConfig(
        r=options.rank,
        lora_alpha=options.alpha,
        lora_dropout=options.dropout,
        target_modules=layers,
    )
    backbone.requires_grad_(False)
    inject_adapter_in_model(config, backbone)


def merge_adapters(backbone: nn.Module) -> None:
    """Merge adapters, if there are any, into the weights that they adapt.

    :param backbone: The transformer; changed in place.
    """
    for name, module in list(backbone.named_modules()):
        if isinstance(module, BaseTunerLayer):
            module.merge()
            parent, _, attribute = name.rpartition(".")
            setattr(backbone.get_submodule(parent), attribute, module.get_base_layer())
