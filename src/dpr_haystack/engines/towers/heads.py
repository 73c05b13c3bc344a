# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""From token vectors to one vector per text: pooling, linear layers, normalisation. All in float32."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from dpr_haystack.engines.checkpoints.fingerprints import read_tensors
from dpr_haystack.engines.checkpoints.source import NORMALIZE, read_json, weight_files
from dpr_haystack.errors import ModelError


class Head(nn.Module):
    """The layers that follow the transformer.

    :param pooling: One of :data:`dpr_haystack.core.model_directory.POOLINGS`.
    :param dense: Layers that follow the pooling.
    :param normalize: Whether vectors are scaled to length 1 at the end.
    :param dimension: Keep only so many components of each vector, the first ones; None for all.
    """

    def __init__(
        self, pooling: str, dense: Sequence[nn.Module], *, normalize: bool, dimension: int | None = None
    ) -> None:
        super().__init__()
        self.pooling = pooling
        self.dense = nn.Sequential(*dense).float()
        self.normalize = normalize
        self.dimension = dimension

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Pool a batch.

        :param tokens: Token vectors of the last layer, (texts, tokens, dimension).
        :param mask: 1 for tokens, 0 for the padding after them, (texts, tokens).
        :returns: float32 vectors, (texts, dimension).
        """
        vectors: Tensor = self.dense(pool(tokens, mask, self.pooling))[:, : self.dimension]
        return nn.functional.normalize(vectors, dim=-1) if self.normalize else vectors


def pool(tokens: Tensor, mask: Tensor, pooling: str) -> Tensor:
    """Reduce token vectors to one float32 vector per text.

    :param tokens: (texts, tokens, dimension).
    :param mask: 1 for tokens, 0 for the padding after them, (texts, tokens).
    :param pooling: One of :data:`dpr_haystack.core.model_directory.POOLINGS`.
    :returns: (texts, dimension).
    """
    if pooling == "cls":
        return tokens[:, 0].float()
    lengths = mask.sum(dim=1)
    if pooling == "lasttoken":
        return tokens[torch.arange(len(tokens), device=tokens.device), lengths - 1].float()
    weights = mask.unsqueeze(-1).float()  # (texts, tokens, 1)
    if pooling == "max":
        return tokens.float().masked_fill(weights == 0, -torch.inf).amax(dim=1)
    if pooling == "weightedmean":
        weights = weights * torch.arange(1, mask.shape[1] + 1, device=mask.device).view(1, -1, 1)
    total = (tokens.float() * weights).sum(dim=1)
    divisor = weights.sum(dim=1)
    return total / (divisor.sqrt() if pooling == "mean_sqrt_len_tokens" else divisor)


class UnitLength(nn.Module):
    """Scales vectors to length 1."""

    def forward(self, vectors: Tensor) -> Tensor:
        """Scale vectors.

        :param vectors: (texts, dimension).
        :returns: (texts, dimension).
        """
        return nn.functional.normalize(vectors, dim=-1)


def load_dense(folder: Path) -> nn.Module:
    """Load a linear layer with its activation, as saved by sentence-transformers.

    :param folder: Its folder, or ``NORMALIZE`` for a layer that scales vectors to length 1.
    :returns: The layer.
    :raises ModelError: If its configuration is not supported.
    """
    if folder == NORMALIZE:
        return UnitLength()
    config = read_json(folder / "config.json")
    features = {config.get("module_input_name"), config.get("module_output_name")}
    others = {str(name) for name in features - {None, "sentence_embedding"}}
    if others or config.get("use_residual"):
        msg = f"{folder} is a linear layer on {', '.join(sorted(others)) or 'a residual path'}, which is not supported."
        raise ModelError(msg)
    linear = nn.Linear(config["in_features"], config["out_features"], bias=config.get("bias", True))
    tensors = dict(pair for path in weight_files(folder) for pair in read_tensors(path))
    linear.load_state_dict({name.removeprefix("linear."): tensor for name, tensor in tensors.items()})
    return nn.Sequential(linear, _activation(folder, str(config.get("activation_function", "torch.nn.Tanh"))))


def _activation(folder: Path, name: str) -> nn.Module:
    # a name from a file may only refer to torch's own activations
    activation = getattr(nn.modules.activation, name.rsplit(".", 1)[-1], None)
    if name.endswith(".Identity"):
        return nn.Identity()
    if not name.startswith("torch.nn.") or not (isinstance(activation, type) and issubclass(activation, nn.Module)):
        msg = f"{folder}: the activation must be one of torch.nn: got {name}."
        raise ModelError(msg)
    return activation()
