# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A reader that can be trained: an encoder of any family, and linear layers that score spans and passages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from dpr_haystack.core.model_directory import READER, is_model_directory, read_manifest
from dpr_haystack.engines.checkpoints.families import ignores_padding
from dpr_haystack.engines.checkpoints.hub import locate
from dpr_haystack.engines.checkpoints.options import LoadOptions
from dpr_haystack.engines.checkpoints.runtime import quiet
from dpr_haystack.engines.checkpoints.source import read_json
from dpr_haystack.engines.checkpoints.tokenization import load_tokenizer
from dpr_haystack.engines.reader.checkpoints import load_network, load_selection
from dpr_haystack.engines.reader.heads import span_layer
from dpr_haystack.engines.reader.inspection import ReaderSource, inspect_reader
from dpr_haystack.engines.reader.saving import check_trainable_reader, training_inputs
from dpr_haystack.engines.towers.loading import load_tower
from dpr_haystack.engines.towers.network import split_tower
from dpr_haystack.engines.training.preparing import keep_layers, prepare_transformer
from dpr_haystack.errors import InputError

# tokens that are read at a time, so that short inputs are not padded to the length of long ones
_CPU_TOKENS, _GPU_TOKENS = 2048, 12288
_READERS = ("DPRReader", "ForQuestionAnswering", "ForQuestionAnsweringSimple")


@dataclass(frozen=True)
class ReaderOptions:
    """How a reader is prepared for training.

    :param scores_passages: Whether the layer that scores passages is trained; otherwise all passages score 0.
    :param dropout: The probability of every dropout layer; None for the checkpoint's own.
    :param layers: How many of the transformer's layers are kept, evenly spaced; None for all.
    :param freeze_embeddings: Whether its word, position and type embeddings are not trained.
    :param attention: The attention implementation; None for the fastest one for training on the device.
    :param checkpointing: Whether activations are recomputed in the backward pass to save memory.
    """

    scores_passages: bool = True
    dropout: float | None = None
    layers: int | None = None
    freeze_embeddings: bool = False
    attention: str | None = None
    checkpointing: bool = False


class TrainableReader(nn.Module):
    """Token ids in, logits of spans and passages out, with gradients.

    :param backbone: The encoder.
    :param tokenizer: Its tokenizer.
    :param spans: The layer with two outputs for every token, start and end; None for a new one.
    :param selection: The layer with one output for every passage; None for a new one.
    """

    def __init__(
        self, backbone: Any, tokenizer: Any, spans: nn.Linear | None = None, selection: nn.Linear | None = None
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.tokenizer = tokenizer
        self.builder = training_inputs(tokenizer, backbone)
        self._ignores_padding = ignores_padding(backbone.config)
        self.qa_outputs = spans or _new_layer(backbone, 2)
        self.qa_classifier = selection or _new_layer(backbone, 1)

    @property
    def pad_id(self) -> int:
        """The id of the padding token."""
        return self.tokenizer.pad_token_id or 0

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, first: Tensor, token_type_ids: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Read a batch, inputs of similar length together.

        :param input_ids: Token ids, (inputs, tokens).
        :param attention_mask: 1 for tokens, 0 for the padding after them, (inputs, tokens).
        :param first: The place of the token that stands for the passage, (inputs,).
        :param token_type_ids: Token types, (inputs, tokens); None for a model without.
        :returns: Logits that an answer starts and ends at a token, (inputs, tokens), and that a passage contains the
            answer, (inputs,), all float32.
        """
        if not self._ignores_padding:
            return self._read(input_ids, attention_mask, first, token_type_ids)
        lengths = attention_mask.sum(dim=1)
        order = lengths.argsort()
        most = _CPU_TOKENS if input_ids.device.type == "cpu" else _GPU_TOKENS
        read = []
        for rows in torch.split(order, _chunk_sizes(lengths[order].tolist(), most)):
            width = int(lengths[rows[-1]])
            types = None if token_type_ids is None else token_type_ids[rows, :width]
            start, end, relevance = self._read(
                input_ids[rows, :width], attention_mask[rows, :width], first[rows], types
            )
            missing = (0, input_ids.shape[1] - width)
            read.append((functional.pad(start, missing), functional.pad(end, missing), relevance))
        back = order.argsort()
        starts, ends, relevances = (torch.cat(parts)[back] for parts in zip(*read, strict=True))
        return starts, ends, relevances

    def _read(
        self, input_ids: Tensor, attention_mask: Tensor, first: Tensor, token_type_ids: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        hidden = self.backbone(input_ids=input_ids, attention_mask=attention_mask, **types)[0]
        with torch.autocast(hidden.device.type, enabled=False):
            hidden = hidden.float()
            start, end = self.qa_outputs(hidden).unbind(-1)
            rows = torch.arange(len(hidden), device=hidden.device)
            return start, end, self.qa_classifier(hidden[rows, first]).squeeze(-1)


def load_trainable_reader(
    model: str, options: ReaderOptions, *, device: str = "cpu", token: str | None = None
) -> TrainableReader:
    """Load an encoder or a reader and prepare it for training.

    :param model: Any encoder or reader that the components load.
    :param options: How to prepare it.
    :param device: A torch device.
    :param token: A hub token.
    :returns: The reader, on the CPU.
    :raises ModelError: If it cannot be loaded.
    :raises InputError: If no reader can be made of it, or the model does not support an option.
    """
    path = locate(model, token)
    with quiet():
        reader = _from_reader(inspect_reader(path)) if _is_reader(path) else _from_encoder(model, token)
    if options.layers is not None:
        keep_layers(reader.backbone, options.layers)
    prepare_transformer(
        reader.backbone,
        device,
        attention=options.attention,
        dropout=options.dropout,
        checkpointing=options.checkpointing,
    )
    for name, parameter in reader.named_parameters():
        parameter.requires_grad_(".pooler." not in f".{name}")
    if options.freeze_embeddings:
        reader.backbone.get_input_embeddings().requires_grad_(False)
    if not options.scores_passages:
        nn.init.zeros_(reader.qa_classifier.weight)
        nn.init.zeros_(reader.qa_classifier.bias)
        reader.qa_classifier.requires_grad_(False)
    return reader


def _is_reader(path: Path) -> bool:
    if is_model_directory(path):
        return set(read_manifest(path).parts) == {READER}
    config = path / "config.json"
    if path.is_file() or not config.is_file() or (path / "modules.json").is_file():
        return False
    return any(str(name).endswith(_READERS) for name in read_json(config).get("architectures") or [])


def _from_encoder(model: str, token: str | None) -> TrainableReader:
    loaded = load_tower(model, "passage", token=token)
    backbone: Any = split_tower(loaded.model)[0]
    check_trainable_reader(backbone.config)
    return TrainableReader(backbone, loaded.tokenizer)


def _from_reader(source: ReaderSource) -> TrainableReader:
    model = load_network(source, torch.float32, LoadOptions())
    tokenizer = load_tokenizer(source.folder, model.config)
    if source.is_dpr:
        predictor = model.span_predictor
        return TrainableReader(predictor.encoder.bert_model, tokenizer, predictor.qa_outputs, predictor.qa_classifier)
    check_trainable_reader(model.config)
    name = span_layer(model)
    if name is None:
        msg = f"{source.folder} cannot be trained: a {type(model).__name__} has no single layer that scores spans"
        raise InputError(msg)
    return TrainableReader(model.base_model, tokenizer, getattr(model, name), load_selection(source, model))


def _chunk_sizes(lengths: Sequence[int], most: int) -> list[int]:
    """Cut inputs, the shortest first, into chunks of at most so many tokens, padding included; one input or more."""
    sizes = [0]
    for length in lengths:
        if sizes[-1] and (sizes[-1] + 1) * length > most:
            sizes.append(0)
        sizes[-1] += 1
    return sizes


def _new_layer(backbone: Any, outputs: int) -> nn.Linear:
    layer = nn.Linear(backbone.config.hidden_size, outputs)
    nn.init.normal_(layer.weight, std=0.02)  # as BERT's own layers
    nn.init.zeros_(layer.bias)
    return layer
