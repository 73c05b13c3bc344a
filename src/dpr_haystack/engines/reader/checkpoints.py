# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Loading readers: DPR readers, models for extractive question answering, model directories."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import AutoModelForQuestionAnswering, DPRReader

from dpr_haystack.engines.checkpoints.hub import locate
from dpr_haystack.engines.checkpoints.options import LoadOptions
from dpr_haystack.engines.checkpoints.precision import load_working
from dpr_haystack.engines.checkpoints.prepacked import prepack
from dpr_haystack.engines.checkpoints.pretrained import load_pretrained
from dpr_haystack.engines.checkpoints.runtime import check_device, quiet
from dpr_haystack.engines.checkpoints.source import weight_files
from dpr_haystack.engines.checkpoints.tokenization import load_tokenizer, longest_input
from dpr_haystack.engines.reader.adapters import load_adapted
from dpr_haystack.engines.reader.heads import read_selection, span_layer
from dpr_haystack.engines.reader.inputs import InputBuilder, takes_token_types
from dpr_haystack.engines.reader.inspection import ReaderSource, inspect_reader
from dpr_haystack.engines.reader.network import Network
from dpr_haystack.engines.reader.reader import SHORTEST_INPUT, Reader, check_length
from dpr_haystack.errors import ModelError

# the input length that DPR readers were trained with (Karpukhin et al. 2020), and the usual one of other models
_DPR_LENGTH = 350
_USUAL_LENGTH = 384


def load_reader(
    model: str,
    *,
    device: str = "cpu",
    token: str | None = None,
    dtype: str = "auto",
    max_length: int | None = None,
    base_model: str | None = None,
    options: LoadOptions | None = None,
) -> Reader:
    """Load a reader.

    :param model: A name on the hub or a path: a DPR reader, a model for extractive question answering of any family,
        or a model directory, whose reader is loaded.
    :param device: A torch device, e.g. ``"cpu"`` or ``"cuda:0"``.
    :param token: A hub token.
    :param dtype: See :func:`dpr_haystack.engines.checkpoints.precision.load_working`.
    :param max_length: Longest input in tokens; ``None`` for the model's own, at most 350 for a DPR reader and 384 for
        others.
    :param base_model: The base of a reader that is an adapter, by name or path; ``None`` for the one that it names.
    :param options: Further arguments for transformers and the hub.
    :returns: The reader.
    :raises ModelError: If the model cannot be found, is not a reader, or cannot read passages.
    :raises InputError: If it is an encoder, does not support a setting, or the device is not available.
    """
    check_device(device)
    options = options or LoadOptions()
    instead = "pass the folder of any model for extractive question answering"
    path = locate(model, token, instead=instead, revision=options.revision, code=options.trust_remote_code)
    if path.is_file():
        msg = f"{path} is a file: expected a transformers folder or a model directory."
        raise ModelError(msg)
    source = inspect_reader(path, base_model)
    return load_working(
        lambda in_dtype: _reader(source, in_dtype, device, max_length, options),
        dtype,
        device,
        options.dtype,
        task="read passages",
    )


def _reader(
    source: ReaderSource, dtype: torch.dtype, device: str, max_length: int | None, options: LoadOptions
) -> Reader:
    with quiet():
        loaded = load_network(source, dtype, options)
        selection = load_selection(source, loaded)
        tokenizer = load_tokenizer(source.folder, loaded.config, options=options.for_tokenizer())
    limit = longest_input(tokenizer, loaded.config)
    default = min(source.max_length or (_DPR_LENGTH if source.is_dpr else _USUAL_LENGTH), limit)
    if default < SHORTEST_INPUT:
        msg = f"{source.folder} reads at most {default} tokens: question and passage need {SHORTEST_INPUT} or more."
        raise ModelError(msg)
    length = check_length(source.folder, max_length, default, limit)
    builder = InputBuilder(tokenizer, is_dpr=source.is_dpr, takes_types=takes_token_types(tokenizer, loaded))
    if not options.places_model:
        loaded = loaded.to(device)
    pad_id = tokenizer.pad_token_id or 0
    network = Network(loaded.requires_grad_(False), is_dpr=source.is_dpr, pad_id=pad_id, selection=selection)
    prepack(loaded)
    return Reader(network, builder, folder=source.folder, max_length=length, limit=limit)


def load_network(source: ReaderSource, dtype: torch.dtype, options: LoadOptions) -> Any:
    """Load a reader's model.

    :param source: The reader.
    :param dtype: The dtype of its weights.
    :param options: Further arguments for transformers.
    :returns: A ``DPRReader`` or a model for extractive question answering.
    :raises ModelError: If it cannot be loaded.
    """
    weight_files(source.folder)  # raises a clearer error than transformers if files are missing
    if source.adapter is not None:
        return load_adapted(source.folder, source.adapter, options).to(options.dtype or dtype)
    cls = DPRReader if source.is_dpr else AutoModelForQuestionAnswering
    return load_pretrained(cls, source.folder, "reader", **options.for_model(source.folder, dtype))


def load_selection(source: ReaderSource, model: Any) -> nn.Linear | None:
    """Load the layer that scores passages from the file beside a model that has none itself.

    :param source: The reader.
    :param model: Its model.
    :returns: The layer; ``None`` if there is no such file.
    :raises ModelError: If the file is damaged or does not fit the model.
    """
    if source.selection is None:
        return None
    name = span_layer(model)
    if name is None:
        msg = (
            f"{source.selection} is for a model with one linear layer that scores spans, which a "
            f"{type(model).__name__} is not: delete the file to read without passage scores."
        )
        raise ModelError(msg)
    return read_selection(source.selection, getattr(model, name).in_features)
