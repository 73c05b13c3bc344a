# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Linear layers whose weights are stored in the memory layout of the CPU's matrix kernels.

torch converts a weight to that layout for every product. Converting once makes float32 about twice as fast on
processors that MKL is not optimised for, and a single question in bfloat16 about a third faster. The operators are
those of torch's own compiler; if a release lacks them, or they compute something else, the layers are not replaced.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

# the number of rows that the layout is optimised for; it has little effect
_ROWS = 4096
_DTYPES = (torch.float32, torch.bfloat16)


class PrepackedLinear(nn.Module):
    """A linear layer for inference on a CPU.

    :param layer: The layer whose weights are converted.
    :ivar bias: Its bias, or None.
    """

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self._packed = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach(), _ROWS)
        self._weight: Tensor | None = None
        self.bias: Tensor | None = None if layer.bias is None else layer.bias.detach()

    @property
    def weight(self) -> Tensor:
        """The weight, (out_features, in_features): some models read it, T5 at every step.

        Kept in its usual layout from the first time that it is read.
        """
        if self._weight is None:
            self._weight = self._packed.to_dense()
        return self._weight

    def forward(self, rows: Tensor) -> Tensor:
        """Apply the layer.

        :param rows: (..., in_features).
        :returns: (..., out_features).
        """
        product: Tensor = torch.ops.mkldnn._linear_pointwise(rows, self._packed, self.bias, "none", [], "")
        return product


def prepack(model: nn.Module) -> int:
    """Replace a model's linear layers with prepacked ones where this is supported.

    :param model: A model for inference; changed in place.
    :returns: The number of layers replaced; 0 if prepacking does not work here.
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
    """Whether torch can prepack the layer and computes the same with it."""
    rows = torch.linspace(-1, 1, 3 * layer.in_features, dtype=layer.weight.dtype).view(3, layer.in_features)
    try:
        actual, expected = PrepackedLinear(layer)(rows), layer(rows)
    except (AttributeError, RuntimeError, TypeError):
        return False
    scale = float(expected.abs().max()) or 1.0
    return float((actual - expected).abs().max()) <= scale * (2e-2 if rows.dtype == torch.bfloat16 else 1e-4)
