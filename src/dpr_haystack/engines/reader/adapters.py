# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""DPR readers as adapters of the encoder that they were trained from: megabytes instead of hundreds of megabytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import BertModel, DPRReader

from dpr_haystack.core.model_directory import LAYOUT, is_model_directory
from dpr_haystack.engines.checkpoints.adapters import apply_adapter, write_adapter
from dpr_haystack.engines.checkpoints.dpr_configuration import as_dpr_configuration
from dpr_haystack.engines.checkpoints.kinds import no_model_message
from dpr_haystack.engines.checkpoints.options import LoadOptions
from dpr_haystack.engines.checkpoints.pretrained import load_pretrained
from dpr_haystack.engines.checkpoints.source import read_json
from dpr_haystack.engines.checkpoints.tokenization import load_tokenizer, longest_input
from dpr_haystack.engines.reader.heads import as_float32, read_layers
from dpr_haystack.errors import InputError, ModelError

_LAYERS = {"qa_outputs": 2, "qa_classifier": 1}


def load_base(folder: Path, dtype: torch.dtype = torch.float32, options: LoadOptions | None = None) -> BertModel:
    """Load the encoder that a reader is an adapter of.

    :param folder: Its transformers folder.
    :param dtype: The dtype to load weights in.
    :param options: Further arguments for transformers.
    :returns: The encoder.
    :raises ModelError: If it is not a BERT model, or cannot be loaded.
    """
    if is_model_directory(folder):
        msg = f"{folder} is a model directory, but the base of a reader is one encoder: name it, e.g. {folder}/question"
        raise ModelError(msg)
    if not (folder / "config.json").is_file():
        raise ModelError(no_model_message(folder))
    family = read_json(folder / "config.json").get("model_type")
    if family != "bert":
        msg = f"{folder} is a model of the family {family}: the base of a DPR reader must be a BERT model."
        raise ModelError(msg)
    arguments = (options or LoadOptions()).for_model(folder, dtype)
    base: BertModel = load_pretrained(BertModel, folder, "encoder", add_pooling_layer=False, **arguments)
    return base


def load_adapted(base_folder: Path, adapter: Path, options: LoadOptions) -> DPRReader:
    """Load a reader that is an adapter.

    :param base_folder: The transformers folder of its base.
    :param adapter: The adapter's folder.
    :param options: Further arguments for transformers.
    :returns: The reader, in float32.
    :raises ModelError: If base or adapter cannot be loaded, or do not belong together.
    """
    base = load_base(base_folder, torch.float32, options).float()
    apply_adapter(base, adapter)
    with torch.device("meta"):
        reader = DPRReader(as_dpr_configuration(base.config))
    reader.span_predictor.encoder.bert_model = base
    for name, tensors in _read_heads(adapter / LAYOUT.heads, int(base.config.hidden_size)).items():
        getattr(reader.span_predictor, name).load_state_dict(tensors, assign=True)
        getattr(reader.span_predictor, name).to(base.device)
    return reader


def write_reader_adapter(reader: Any, base: BertModel, folder: Path, *, rank: int, base_name: str) -> float:
    """Write the differences between a reader and its base, in float16, and the reader's output layers.

    :param reader: A ``DPRReader``.
    :param base: The encoder that it was trained from.
    :param folder: An existing folder to write to.
    :param rank: The rank of the adapter.
    :param base_name: The base's name in the adapter.
    :returns: The share of the squared differences that the adapter keeps, 0 to 1.
    :raises InputError: If the reader was not trained from this base, or its embeddings of words were trained, too.
    """
    predictor = reader.span_predictor
    encoder = predictor.encoder.bert_model
    share = write_adapter(encoder, base, folder, rank=rank, base_name=base_name, task="QUESTION_ANS")
    heads = {
        f"{layer}.{name}": tensor
        for layer in _LAYERS
        for name, tensor in as_float32(getattr(predictor, layer).state_dict()).items()
    }
    save_file(heads, folder / LAYOUT.heads, metadata={"format": "pt"})
    return share


def check_tokenizers(reader_folder: Path, base_folder: Path, config: Any, max_length: int) -> None:
    """Check that a reader can be given the token ids of its base's tokenizer.

    :param reader_folder: The transformers folder of the reader.
    :param base_folder: That of the base.
    :param config: The configuration of the reader.
    :param max_length: Longest input in tokens.
    :raises InputError: If the base's tokenizer makes other token ids, or shorter inputs.
    """
    own, other = (load_tokenizer(folder, config) for folder in (reader_folder, base_folder))
    if _steps(own) != _steps(other):
        msg = f"the tokenizer of {reader_folder} is not that of its base {base_folder}, which an adapter cannot store"
        raise InputError(msg)
    limit = longest_input(other, config)
    if limit < max_length:
        msg = f"the tokenizer of the base {base_folder} stops at {limit} tokens, but the reader reads {max_length}"
        raise InputError(msg)


def _steps(tokenizer: Any) -> str:
    """All steps of a tokenizer as text, without truncation and padding, which readers do not use."""
    copied = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    copied.no_truncation()
    copied.no_padding()
    return str(copied.to_str())


def _read_heads(path: Path, inputs: int) -> dict[str, dict[str, torch.Tensor]]:
    shapes: dict[str, tuple[int, ...]] = {f"{name}.weight": (outputs, inputs) for name, outputs in _LAYERS.items()}
    shapes |= {f"{name}.bias": (outputs,) for name, outputs in _LAYERS.items()}
    tensors = read_layers(path, shapes, "Copy the reader again.")
    return {name: {part: tensors[f"{name}.{part}"] for part in ("weight", "bias")} for name in _LAYERS}
