# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The network of a tower: token ids in, vectors out. Encoding and training run the same one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from dpr_haystack.core.model_directory import Part
from dpr_haystack.engines.towers.heads import Head


class TowerNetwork(nn.Module):
    """A transformer and the head that follows it.

    :param model: A transformers model; its modules are used, not copied.
    :param dense: Linear layers after the pooling.
    :param part: How the tower is used.
    :param cls_type: The id of the [CLS] token and its token type, if that is not 0; None for types of 0 alone.
    :param skip_full_mask: Whether batches without padding get no attention mask, which makes attention faster. The
        vectors may differ in the last bits.
    """

    def __init__(
        self,
        model: Any,
        dense: Sequence[nn.Module],
        part: Part,
        *,
        cls_type: tuple[int, int] | None = None,
        skip_full_mask: bool = False,
    ) -> None:
        super().__init__()
        self.backbone, projection = split_tower(model)
        self.head = Head(part.pooling, [projection, *dense], normalize=part.normalize, dimension=part.dimension)
        self.cls_type = cls_type
        self.skip_full_mask = skip_full_mask

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Encode a batch.

        :param tokens: Token ids, (texts, tokens).
        :param mask: 1 for tokens, 0 for the padding after them, (texts, tokens).
        :returns: float32 vectors, (texts, dimension).
        """
        attention_mask = None if self.skip_full_mask and bool(mask.all()) else mask
        # without token types the model takes zeros for title and text alike, as in training
        types = {} if self.cls_type is None else {"token_type_ids": (tokens == self.cls_type[0]) * self.cls_type[1]}
        hidden = self.backbone(input_ids=tokens, attention_mask=attention_mask, **types).last_hidden_state
        with torch.autocast(hidden.device.type, enabled=False):  # the head computes in float32
            vectors: Tensor = self.head(hidden, mask)
        return vectors


def split_tower(model: Any) -> tuple[nn.Module, nn.Module]:
    """Split a DPR model into BERT and projection.

    :param model: A transformers model.
    :returns: BERT and its projection; for models of other families the model itself and an identity.
    """
    encoder = getattr(model, "question_encoder", None) or getattr(model, "ctx_encoder", None)
    if encoder is None:
        return model, nn.Identity()
    return encoder.bert_model, getattr(encoder, "encode_proj", None) or nn.Identity()
