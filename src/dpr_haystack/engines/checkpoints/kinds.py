# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What kind of model a folder holds, for messages and for the DPR family."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import CONFIG_MAPPING

from dpr_haystack.engines.checkpoints.fingerprints import read_tensors
from dpr_haystack.engines.checkpoints.source import weight_files
from dpr_haystack.errors import ModelError

_DPR_PREFIXES = {
    "question_encoder.": "DPRQuestionEncoder",
    "ctx_encoder.": "DPRContextEncoder",
    "span_predictor.": "DPRReader",
}
_KINDS = {
    "DPRReader": "a DPR reader, which finds answers in passages",
    "ForQuestionAnswering": "a reader, which finds answers in passages",
    "ForSequenceClassification": "a classifier or a cross-encoder, which scores texts",
    "ForTokenClassification": "a tagger, which labels words",
    "ForMultipleChoice": "a classifier",
    "ForConditionalGeneration": "a generator, which writes text",
    "ForCausalLM": "a language model, which writes text",
    "LMHeadModel": "a language model, which writes text",
}
# families of encoder and decoder whose encoder transformers loads alone
_ENCODERS = {
    "t5": "T5EncoderModel",
    "mt5": "MT5EncoderModel",
    "umt5": "UMT5EncoderModel",
    "longt5": "LongT5EncoderModel",
    "switch_transformers": "SwitchTransformersEncoderModel",
}
_NOT_READ = {
    "reformer": "its attention hashes texts at random, so that the result is another one each time",
    "canine": "its tokens are characters, for which there is no fast tokenizer",
    "lxmert": "it reads images",
    "layoutlmv2": "it reads images",
}


def encoder_class(folder: Path, config: dict[str, Any]) -> str:
    """The transformers class that loads the encoder of a folder.

    :param folder: A transformers folder, not of the DPR family.
    :param config: Its configuration.
    :returns: ``"AutoModel"``, or the class of the encoder alone for families that also have a decoder.
    :raises ModelError: If the family has a decoder and no such class, or cannot encode texts.
    """
    family = str(config.get("model_type"))
    if family in _ENCODERS:
        return _ENCODERS[family]
    check_family(folder, config)
    default = CONFIG_MAPPING[family].is_encoder_decoder if family in CONFIG_MAPPING else False
    if config.get("is_encoder_decoder", default):
        msg = f"{folder} is not an encoder but an encoder with a decoder ({family})."
        raise ModelError(msg)
    return "AutoModel"


def check_family(folder: Path, config: dict[str, Any]) -> None:
    """Refuse families that this package cannot give texts to.

    :param folder: A transformers folder.
    :param config: Its configuration.
    :raises ModelError: If the model is of such a family.
    """
    family = str(config.get("model_type"))
    reason = why_not_read(family)
    if reason is not None:
        msg = f"{folder} is a model of the family {family}, which is not supported: {reason}."
        raise ModelError(msg)


def why_not_read(family: str) -> str | None:
    """Why this package cannot give texts to a family.

    :param family: The family, as configurations name it.
    :returns: The reason; ``None`` if it can.
    """
    return _NOT_READ.get(family)


def kind_of(class_name: str) -> str | None:
    """What a model that is not an encoder does, e.g. "a tagger, which labels words".

    :param class_name: The class that its configuration names.
    :returns: The description; None for an unknown class.
    """
    return next((kind for ending, kind in _KINDS.items() if class_name.endswith(ending)), None)


def dpr_class(folder: Path, config: dict[str, Any]) -> str:
    """Which DPR class a folder holds: by its configuration, or else by the names of its weights.

    :param folder: A transformers folder.
    :param config: Its configuration, of the DPR family.
    :returns: The name of the class.
    :raises ModelError: If neither names one.
    """
    architectures = [str(name) for name in config.get("architectures") or []]
    if architectures:
        return architectures[0]
    for tensor_name, _ in read_tensors(weight_files(folder)[0]):
        for prefix, class_name in _DPR_PREFIXES.items():
            if tensor_name.startswith(prefix):
                return class_name
    msg = f"{folder} is a DPR model, but neither its configuration nor its weights tell an encoder from a reader."
    raise ModelError(msg)


def no_model_message(folder: Path) -> str:
    """The error message for a folder without a model.

    :param folder: The folder.
    :returns: What was looked for and what the folder holds.
    """
    names = sorted(path.name for path in folder.iterdir())
    content = f"it holds only {_first_of(names)}" if names else "it is empty"
    return (
        f"{folder} holds no model: expected dpr.json (a model directory), modules.json (sentence-transformers) or "
        f"config.json (transformers); {content}."
    )


def _first_of(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
