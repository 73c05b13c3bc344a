# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Low-rank adapters (LoRA, arXiv 2106.09685) through peft: few weights are trained, the others stay."""

from __future__ import annotations

from dataclasses import dataclass

from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn

from dpr_haystack.engines.training.towers.trainable import TrainableTower


@dataclass(frozen=True)
class AdapterOptions:
    """Which adapters.

    :param rank: Their rank.
    :param alpha: Their strength: their product is multiplied by ``alpha / rank``.
    :param dropout: What their input is thinned by.
    """

    rank: int
    alpha: float
    dropout: float = 0.0


def add_adapters(tower: TrainableTower, options: AdapterOptions) -> None:
    """Give every linear layer of a tower's transformer an adapter, and train nothing else.

    :param tower: The tower; changed.
    :param options: Which adapters.
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
    """Put adapters, if there are any, into the weights that they adapt, and take them away.

    :param tower: The tower; changed.
    """
    for name, module in list(tower.backbone.named_modules()):
        if isinstance(module, BaseTunerLayer):
            module.merge()
            parent, _, own = name.rpartition(".")
            setattr(tower.backbone.get_submodule(parent), own, module.get_base_layer())
