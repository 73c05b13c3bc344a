# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The network of a reader: token ids in, float32 logits out, for models of any family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dpr_haystack.engines.checkpoints.families import ignores_padding
from dpr_haystack.engines.checkpoints.tokenization import Tokens, padded
from dpr_haystack.errors import ModelError

Floats = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True)
class Logits:
    """The output of a model for a batch.

    :param start: Logits that the answer starts at a token, (inputs, tokens).
    :param end: Logits that the answer ends at a token, (inputs, tokens).
    :param relevance: Logits that the passage contains the answer, (inputs,); ``None`` if the model has none.
    """

    start: Floats
    end: Floats
    relevance: Floats | None


class Float32Linear(nn.Module):
    """A linear layer that computes in float32, also after a network in another dtype.

    :param layer: The linear layer.
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer.float()

    def forward(self, rows: Tensor) -> Tensor:
        """Apply the layer.

        :param rows: (..., in_features).
        :returns: (..., out_features).
        """
        product: Tensor = self.layer(rows.float())
        return product


class Network:
    """A model that is ready to read.

    :param model: A transformers model: a ``DPRReader`` or one for extractive question answering. On its device, in
        its dtype; its output layers are converted to float32.
    :param is_dpr: Whether it is a ``DPRReader``.
    :param pad_id: The id of the padding token.
    :ivar ignores_padding: Whether padding after an input does not change its scores.
    """

    def __init__(self, model: Any, *, is_dpr: bool, pad_id: int) -> None:
        self._model = model.eval()
        self._predictor = model.span_predictor if is_dpr else None
        self._pad_id = pad_id
        owner = self._predictor if is_dpr else model
        for name in ("qa_outputs", "qa_classifier"):
            if isinstance(getattr(owner, name, None), nn.Linear):
                setattr(owner, name, Float32Linear(getattr(owner, name)))
        self.ignores_padding = ignores_padding(model.config)
        parameter = next(model.parameters())
        self.device: torch.device = parameter.device
        self.dtype = str(parameter.dtype).removeprefix("torch.")

    @property
    def scores_passages(self) -> bool:
        """Whether it also scores how likely a passage is to contain the answer."""
        return self._predictor is not None

    def forward(self, ids: Sequence[Sequence[int]], types: Sequence[Sequence[int]] | None) -> Logits:
        """Read a batch.

        :param ids: Token ids of every input.
        :param types: Token types of every input; ``None`` for a model without token types.
        :returns: The logits.
        :raises ModelError: If they contain NaN or infinity.
        """
        tokens, mask = map(self._tensor, padded(ids, self._pad_id))
        inputs = {"input_ids": tokens, "attention_mask": None if self.ignores_padding and bool(mask.all()) else mask}
        if types is not None:
            inputs["token_type_ids"] = self._tensor(padded(types, 0)[0])
        with torch.inference_mode():
            start, end, relevance = self._apply(inputs)
        if not bool(torch.isfinite(start.where(mask == 1, 0.0) + end.where(mask == 1, 0.0)).all()):
            msg = f"the reader's scores contain NaN or infinity in {self.dtype}: try dtype='float32'"
            raise ModelError(msg)
        return Logits(_as_numpy(start), _as_numpy(end), None if relevance is None else _as_numpy(relevance))

    def _apply(self, inputs: dict[str, Tensor | None]) -> tuple[Tensor, Tensor, Tensor | None]:
        if self._predictor is None:
            output = self._model(**inputs)
            return output.start_logits.float(), output.end_logits.float(), None
        hidden = self._predictor.encoder.bert_model(**inputs).last_hidden_state
        start, end = self._predictor.qa_outputs(hidden).unbind(-1)
        return start, end, self._predictor.qa_classifier(hidden[:, 0]).squeeze(-1)

    def _tensor(self, values: Tokens) -> Tensor:
        return torch.from_numpy(values).to(self.device)


def _as_numpy(values: Tensor) -> Floats:
    result: Floats = values.cpu().numpy()
    return result
