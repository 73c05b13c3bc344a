# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Training low-rank adapters (LoRA, arXiv 2106.09685) with peft instead of all weights."""

from __future__ import annotations

from dataclasses import dataclass

from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn

from dpr_haystack.engines.training.towers.trainable import TrainableTower


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


def add_adapters(tower: TrainableTower, options: AdapterOptions) -> None:
    """Add an adapter to every linear layer of a tower's transformer, and train nothing else.

    :param tower: The tower; changed in place.
    :param options: Settings of the adapters.
    """
    layers = [
        name
        for name, module in tower.backbone.named_modules()
        if isinstance(module, nn.Linear) and ".pooler." not in f".{name}"
    ]
    config = LoraConfig(
        r=options.rank,
        lora_alpha=options.alpha,
        lora_dropout=options.dropout,
        target_modules=layers,
    )
    tower.requires_grad_(False)
    inject_adapter_in_model(config, tower.backbone)


def merge_adapters(tower: TrainableTower) -> None:
    """Merge adapters, if there are any, into the weights that they adapt.

    :param tower: The tower; changed in place.
    """
    for name, module in list(tower.backbone.named_modules()):
        if isinstance(module, BaseTunerLayer):
            module.merge()
            parent, _, attribute = name.rpartition(".")
            setattr(tower.backbone.get_submodule(parent), attribute, module.get_base_layer())
