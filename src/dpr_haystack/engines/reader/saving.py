# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Writing a trained reader as a model directory.

With a BERT model it becomes a ``DPRReader`` of transformers, with a model of another family that family's model for
extractive question answering and a file with the layer that scores passages.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy, deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import MODEL_FOR_QUESTION_ANSWERING_MAPPING, DPRReader
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, MODEL_FOR_MASKED_LM_MAPPING_NAMES

from dpr_haystack.core.files import atomic_directory
from dpr_haystack.core.model_directory import (
    LAYOUT,
    READER,
    ModelManifest,
    is_model_directory,
    read_manifest,
    reader_part,
    write_manifest,
)
from dpr_haystack.engines.checkpoints.dpr_configuration import as_dpr_configuration
from dpr_haystack.engines.checkpoints.families import most_positions
from dpr_haystack.engines.checkpoints.folders import check_target
from dpr_haystack.engines.checkpoints.kinds import why_not_read
from dpr_haystack.engines.checkpoints.runtime import quiet
from dpr_haystack.engines.reader.heads import as_float32, span_layer, write_selection
from dpr_haystack.engines.reader.inputs import InputBuilder, takes_token_types
from dpr_haystack.errors import InputError

_INSTEAD = "train a BERT, RoBERTa, DistilBERT, ELECTRA, DeBERTa or MPNet model instead"
# it has a class for language modelling only, but it reads in both directions
_NOT_CAUSAL = {"xlnet"}


def check_trainable_reader(config: Any) -> None:
    """Check that a reader can be made of an encoder and linear layers on its last hidden state.

    :param config: The configuration of the encoder, as ``AutoModel`` takes it.
    :raises InputError: If transformers has no class for such a reader.
    """
    reason = _obstacle(config)
    if reason is not None:
        msg = f"a reader cannot be made of a model of the family {config.model_type}: {reason}; {_INSTEAD}"
        raise InputError(msg)


def training_inputs(tokenizer: Any, backbone: Any) -> InputBuilder:
    """What builds the inputs in training: exactly those that the saved reader is given.

    :param tokenizer: The tokenizer of the encoder.
    :param backbone: The encoder, as ``AutoModel`` loads it.
    :returns: The builder: the form of DPR for a BERT model, the pair form of the tokenizer for others.
    """
    takes_types = takes_token_types(tokenizer, backbone)
    return InputBuilder(tokenizer, is_dpr=_is_dpr_form(backbone.config), takes_types=takes_types)


def save_reader(
    target: Path,
    *,
    backbone: Any,
    qa_outputs: nn.Linear,
    qa_classifier: nn.Linear,
    tokenizer: Any,
    max_length: int,
    training: Mapping[str, Any] | None = None,
    made_from: str | None = None,
) -> Path:
    """Write a trained reader, atomically; one that is there is replaced.

    The folder ``reader`` in the target is a checkpoint of transformers: for BERT a ``DPRReader``, else a model for
    extractive question answering. ``dpr.json`` records the input length and the training.

    :param target: The model directory to write: free, empty, or with a reader and nothing else.
    :param backbone: The encoder, as ``AutoModel`` loads it; on any device, in any number format.
    :param qa_outputs: The layer that scores spans: two outputs (start, end) for the hidden state of every token.
    :param qa_classifier: The layer that scores passages: one output for the hidden state of the first token.
    :param tokenizer: The tokenizer that it was trained with.
    :param max_length: Longest input in tokens.
    :param training: The training record.
    :param made_from: The model that it was trained from; ``None`` for the name that the encoder was loaded by.
    :returns: The target.
    :raises InputError: If the target is taken, a layer does not fit, or the family of the encoder cannot be written.
    """
    check_trainable_reader(backbone.config)
    _check_layers(backbone.config, qa_outputs, qa_classifier)
    positions = most_positions(backbone.config)
    if positions is not None and max_length > positions:
        msg = f"max_length must be at most {positions}, the limit of the encoder: got {max_length}"
        raise InputError(msg)
    check_target(target, overwrite=True)
    _check_without_towers(target)
    tokenizer = deepcopy(tokenizer)
    tokenizer.model_max_length = max(int(tokenizer.model_max_length), max_length)
    source = made_from or str(backbone.name_or_path)
    with atomic_directory(target) as temporary, quiet():
        folder = LAYOUT.part(temporary, READER)
        model = _assembled(backbone, qa_outputs, qa_classifier)
        stored = {name: tensor for name, tensor in model.state_dict().items() if not tensor.is_meta}
        model.save_pretrained(folder, state_dict=stored)
        tokenizer.save_pretrained(folder)
        if not _is_dpr_form(backbone.config):
            write_selection(folder, qa_classifier)
        parts = {READER: reader_part(max_length)}
        record = {READER: source} if source else {}
        write_manifest(temporary, ModelManifest(parts, made_from=record, reader_training=dict(training or {})))
    return target


def _is_dpr_form(config: Any) -> bool:
    """Whether a reader with this encoder is written as a ``DPRReader``."""
    # "dpr": the BERT model inside a DPR encoder or a DPRReader, which may be trained further
    return config.model_type in {"bert", "dpr"}


def _obstacle(config: Any) -> str | None:
    """Why a reader cannot be made of an encoder; ``None`` if it can."""
    family = config.model_type
    if (reason := why_not_read(family)) is not None:
        return reason
    if getattr(config, "is_encoder_decoder", False):
        return "it has a decoder"
    causal = family in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and family not in MODEL_FOR_MASKED_LM_MAPPING_NAMES
    if getattr(config, "is_decoder", False) or (causal and family not in _NOT_CAUSAL):
        return "its first token does not see the passage, because it reads from left to right"
    if _is_dpr_form(config):
        return None
    if type(config) not in MODEL_FOR_QUESTION_ANSWERING_MAPPING:
        return "transformers has no class for question answering with it"
    if span_layer(_question_answering(config)) is None:
        return "its class for question answering has more than one linear layer after the encoder"
    return None


def _question_answering(config: Any) -> Any:
    """The family's model for question answering, without weights."""
    changed = copy(config)
    changed.num_labels = 2
    with torch.device("meta"):
        return MODEL_FOR_QUESTION_ANSWERING_MAPPING[type(config)](changed)


def _check_layers(config: Any, qa_outputs: nn.Linear, qa_classifier: nn.Linear) -> None:
    size = int(config.hidden_size)
    for name, layer, outputs in (("qa_outputs", qa_outputs, 2), ("qa_classifier", qa_classifier, 1)):
        shape = (layer.in_features, layer.out_features)
        if shape != (size, outputs) or layer.bias is None:
            msg = f"{name} must have {size} inputs, {outputs} outputs and a bias: got {layer}"
            raise InputError(msg)


def _check_without_towers(target: Path) -> None:
    parts = read_manifest(target).parts if is_model_directory(target) else {}
    if set(parts) - {READER}:
        msg = (
            f"{target} holds a model with {', '.join(parts)}, which a reader does not replace: choose another path, "
            f"then add the reader with dpr-haystack convert --reader PATH --output {target}"
        )
        raise InputError(msg)


def _assembled(backbone: Any, qa_outputs: nn.Linear, qa_classifier: nn.Linear) -> Any:
    """The model of transformers with the weights of encoder and layers."""
    spans = as_float32(qa_outputs.state_dict())
    if _is_dpr_form(backbone.config):
        with torch.device("meta"):  # takes neither time nor random numbers
            model = DPRReader(as_dpr_configuration(backbone.config))
        predictor = model.span_predictor
        predictor.qa_classifier.load_state_dict(as_float32(qa_classifier.state_dict()), assign=True)
        encoder, head = predictor.encoder.bert_model, predictor.qa_outputs
    else:
        model = _question_answering(backbone.config)
        encoder, head = model.base_model, getattr(model, span_layer(model) or "")
    head.load_state_dict(spans, assign=True)
    report = encoder.load_state_dict(as_float32(backbone.state_dict()), strict=False, assign=True)
    differing = [name for name in (*report.missing_keys, *report.unexpected_keys) if not name.startswith("pooler.")]
    if differing:
        msg = (
            f"the weights of the {type(backbone).__name__} are not those of a {type(encoder).__name__}: "
            f"{len(differing)} differ in name, e.g. {differing[0]}"
        )
        raise InputError(msg)
    return model
