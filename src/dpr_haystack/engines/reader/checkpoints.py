# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Loading readers: the hub's DPR readers, models for extractive question answering, our own model directories."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from transformers import AutoModelForQuestionAnswering, DPRReader

from dpr_haystack.engines.checkpoints.hub import locate
from dpr_haystack.engines.checkpoints.precision import resolve_dtype
from dpr_haystack.engines.checkpoints.prepacked import prepack
from dpr_haystack.engines.checkpoints.pretrained import load_pretrained
from dpr_haystack.engines.checkpoints.runtime import check_device, quiet
from dpr_haystack.engines.checkpoints.source import weight_files
from dpr_haystack.engines.checkpoints.tokenization import load_tokenizer, longest_input
from dpr_haystack.engines.reader.inputs import InputBuilder
from dpr_haystack.engines.reader.inspection import ReaderSource, inspect_reader
from dpr_haystack.engines.reader.network import Network
from dpr_haystack.engines.reader.reader import SHORTEST_INPUT, Reader, check_length
from dpr_haystack.errors import ModelError

# The length that DPR's readers were trained with (Karpukhin et al. 2020), and that usual for the others.
_DPR_LENGTH = 350
_USUAL_LENGTH = 384


def load_reader(
    model: str,
    *,
    device: str = "cpu",
    token: str | None = None,
    dtype: str = "auto",
    max_length: int | None = None,
    model_kwargs: Mapping[str, Any] | None = None,
) -> Reader:
    """Load a reader.

    :param model: A name on the hub or a path: a DPR reader, a model for extractive question answering of any family,
        or a model directory, of which the reader is taken.
    :param device: A torch device, e.g. ``"cpu"`` or ``"cuda:0"``.
    :param token: A hub token.
    :param dtype: See :func:`dpr_haystack.engines.checkpoints.precision.resolve_dtype`.
    :param max_length: Longest input in tokens; ``None`` for what the model was made for, at most 350 for a DPR reader
        and 384 for others.
    :param model_kwargs: Further arguments for ``from_pretrained``.
    :returns: The reader.
    :raises ModelError: If the model cannot be found or is no reader.
    :raises InputError: If it is an encoder, or does not go with a setting, or the device is not there.
    """
    check_device(device)
    torch_dtype = resolve_dtype(dtype, device)
    place = locate(model, token, instead="the folder of any model for extractive question answering will do")
    if place.is_file():
        msg = f"{place} is a file: a reader is a transformers folder or a model directory."
        raise ModelError(msg)
    source = inspect_reader(place)
    with quiet():
        loaded = _load(source, torch_dtype, dict(model_kwargs or {}))
        tokenizer = load_tokenizer(source.folder, loaded.config)
    limit = longest_input(tokenizer, loaded.config)
    own = min(source.max_length or (_DPR_LENGTH if source.is_dpr else _USUAL_LENGTH), limit)
    if own < SHORTEST_INPUT:
        msg = f"{source.folder} reads at most {own} tokens: question and passage need {SHORTEST_INPUT} or more."
        raise ModelError(msg)
    length = check_length(str(source.folder), max_length, own, limit)
    builder = InputBuilder(tokenizer, is_dpr=source.is_dpr, takes_types=_takes_types(tokenizer, loaded))
    if "device_map" not in (model_kwargs or {}):
        loaded = loaded.to(device)
    network = Network(loaded.requires_grad_(False), is_dpr=source.is_dpr, pad_id=tokenizer.pad_token_id or 0)
    prepack(loaded)
    return Reader(network, builder, name=str(source.folder), max_length=length, limit=limit)


def _load(source: ReaderSource, dtype: torch.dtype, options: dict[str, Any]) -> Any:
    weight_files(source.folder)  # says what is missing more plainly than transformers does
    cls = DPRReader if source.is_dpr else AutoModelForQuestionAnswering
    return load_pretrained(cls, source.folder, "reader", **{"dtype": options.pop("torch_dtype", dtype), **options})


def _takes_types(tokenizer: Any, model: Any) -> bool:
    accepted = inspect.signature(model.forward).parameters
    return "token_type_ids" in tokenizer.model_input_names and "token_type_ids" in accepted
