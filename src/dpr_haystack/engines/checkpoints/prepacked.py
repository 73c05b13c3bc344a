# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Linear layers whose weights lie in memory as the CPU's matrix kernels want them.

torch lays out a weight anew for every product. Doing that once makes float32 about twice as fast on processors that
MKL does not favour, and a single question in bfloat16 about a third faster. The operators are those that torch's own
compiler uses; where a release has none, or they do not compute the same, layers stay as they are.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

# For which number of rows the layout is best. It hardly matters.
_ROWS = 4096
_DTYPES = (torch.float32, torch.bfloat16)


class PrepackedLinear(nn.Module):
    """A linear layer for inference on a CPU.

    :param layer: The layer to take over; its weights are laid out anew.
    """

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self._weight = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach(), _ROWS)
        self._bias = None if layer.bias is None else layer.bias.detach()

    def forward(self, rows: Tensor) -> Tensor:
        """The product, (..., in_features) to (..., out_features)."""
        product: Tensor = torch.ops.mkldnn._linear_pointwise(rows, self._weight, self._bias, "none", [], "")
        return product


def prepack(model: nn.Module) -> int:
    """Replace a model's linear layers where that is possible.

    :param model: A model for inference; changed in place.
    :returns: How many layers were replaced; 0 where prepacking does not work.
    """
    layers = [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if type(child) is nn.Linear and child.weight.device.type == "cpu" and child.weight.dtype in _DTYPES
    ]
    if not layers or not _works(layers[0][2]):
        return 0
    for parent, name, child in layers:
        setattr(parent, name, PrepackedLinear(child))
    return len(layers)


@torch.inference_mode()
def _works(layer: nn.Linear) -> bool:
    """Whether a prepacked layer exists here and computes what the layer does."""
    rows = torch.linspace(-1, 1, 3 * layer.in_features, dtype=layer.weight.dtype).view(3, layer.in_features)
    try:
        got, expected = PrepackedLinear(layer)(rows), layer(rows)
    except (AttributeError, RuntimeError, TypeError):
        return False
    scale = float(expected.abs().max()) or 1.0
    return float((got - expected).abs().max()) <= scale * (2e-2 if rows.dtype == torch.bfloat16 else 1e-4)
