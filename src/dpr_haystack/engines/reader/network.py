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
from dpr_haystack.engines.reader.heads import span_layer
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


@dataclass(frozen=True)
class _Heads:
    """The parts of a model that scores spans and passages."""

    encoder: nn.Module
    spans: nn.Module
    selection: nn.Module


class Network:
    """A model that is ready to read.

    :param model: A transformers model: a ``DPRReader`` or one for extractive question answering. On its device, in
        its dtype; its output layers are converted to float32.
    :param is_dpr: Whether it is a ``DPRReader``.
    :param pad_id: The id of the padding token.
    :param selection: The layer that scores passages, for a model of another family that has one; the model has the
        head that :func:`~dpr_haystack.engines.reader.heads.span_layer` finds.
    :ivar ignores_padding: Whether padding after an input does not change its scores.
    """

    def __init__(self, model: Any, *, is_dpr: bool, pad_id: int, selection: nn.Linear | None = None) -> None:
        self._model = model.eval()
        self._predictor = model.span_predictor if is_dpr else None
        self._pad_id = pad_id
        owner = self._predictor if is_dpr else model
        name_of_spans = None if selection is None else span_layer(model)
        for name in {"qa_outputs", "qa_classifier", *([name_of_spans] if name_of_spans else [])}:
            if isinstance(getattr(owner, name, None), nn.Linear):
                setattr(owner, name, Float32Linear(getattr(owner, name)))
        self._heads: _Heads | None = None
        if self._predictor is not None:
            predictor = self._predictor
            self._heads = _Heads(predictor.encoder.bert_model, predictor.qa_outputs, predictor.qa_classifier)
        elif selection is not None and name_of_spans is not None:
            place = next(model.parameters()).device
            self._heads = _Heads(model.base_model, getattr(model, name_of_spans), Float32Linear(selection).to(place))
        self.ignores_padding = ignores_padding(model.config)
        parameter = next(model.parameters())
        self.device: torch.device = parameter.device
        self.dtype = str(parameter.dtype).removeprefix("torch.")

    @property
    def scores_passages(self) -> bool:
        """Whether it also scores how likely a passage is to contain the answer."""
        return self._heads is not None

    def forward(
        self,
        ids: Sequence[Sequence[int]],
        types: Sequence[Sequence[int]] | None,
        first: Sequence[int] | None = None,
    ) -> Logits:
        """Read a batch.

        :param ids: Token ids of every input.
        :param types: Token types of every input; ``None`` for a model without token types.
        :param first: Index of the token of every input that stands for the passage; ``None`` for the first one.
        :returns: The logits.
        :raises ModelError: If they contain NaN or infinity.
        """
        tokens, mask = map(self._tensor, padded(ids, self._pad_id))
        inputs = {"input_ids": tokens, "attention_mask": None if self.ignores_padding and bool(mask.all()) else mask}
        if types is not None:
            inputs["token_type_ids"] = self._tensor(padded(types, 0)[0])
        with torch.inference_mode():
            start, end, relevance = self._apply(inputs, first)
        if not bool(torch.isfinite(start.where(mask == 1, 0.0) + end.where(mask == 1, 0.0)).all()):
            msg = f"the reader's scores contain NaN or infinity in {self.dtype}: try dtype='float32'"
            raise ModelError(msg)
        return Logits(_as_numpy(start), _as_numpy(end), None if relevance is None else _as_numpy(relevance))

    def _apply(
        self, inputs: dict[str, Tensor | None], first: Sequence[int] | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        if self._heads is None:
            output = self._model(**inputs)
            return output.start_logits.float(), output.end_logits.float(), None
        hidden = self._heads.encoder(**inputs)[0]
        start, end = self._heads.spans(hidden).unbind(-1)
        columns = torch.tensor(first or [0] * len(hidden), device=hidden.device)
        rows = torch.arange(len(hidden), device=hidden.device)
        return start, end, self._heads.selection(hidden[rows, columns]).squeeze(-1)

    def _tensor(self, values: Tokens) -> Tensor:
        return torch.from_numpy(values).to(self.device)


def _as_numpy(values: Tensor) -> Floats:
    result: Floats = values.cpu().numpy()
    return result
