# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A ``tokenizer.json`` as it is written, with the switches that ``tokenizer_config.json`` sets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, normalizers, pre_tokenizers

from dpr_haystack.errors import ModelError

# settings of tokenizer_config.json and what the normaliser of BERT calls them
_SWITCHES = {
    "do_lower_case": "lowercase",
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "handle_chinese_chars",
}
# with one of these transformers adds special tokens as configured, whatever the file says
_SPECIAL_TOKENS = ("add_bos_token", "add_eos_token")


def as_the_file_says(folder: Path, settings: Mapping[str, Any], built: Tokenizer) -> Tokenizer:
    """Read the ``tokenizer.json`` of a folder.

    Settings of the configuration win over those of the file where a step of the file has such a setting: a DPR
    tokenizer that transformers saved lower-cases in its file although its configuration says that it is cased.

    :param folder: The folder.
    :param settings: The settings in ``tokenizer_config.json`` and of the caller.
    :param built: The tokenizer that transformers makes of the folder.
    :returns: The tokenizer.
    :raises ModelError: If the file cannot be read.
    """
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # the library raises plain exceptions
        msg = f"{folder / 'tokenizer.json'} cannot be read: {error}"
        raise ModelError(msg) from error
    _set_switches(tokenizer, settings)
    if any(settings.get(name) is not None for name in _SPECIAL_TOKENS):
        tokenizer.post_processor = built.post_processor
    return tokenizer


def _set_switches(tokenizer: Tokenizer, settings: Mapping[str, Any]) -> None:
    for step in _normalisers(tokenizer.normalizer):
        for name, attribute in _SWITCHES.items():
            if settings.get(name) is not None:
                setattr(step, attribute, settings[name])
    if isinstance(tokenizer.pre_tokenizer, pre_tokenizers.ByteLevel) and settings.get("add_prefix_space") is not None:
        tokenizer.pre_tokenizer.add_prefix_space = settings["add_prefix_space"]


def _normalisers(normalizer: Any) -> list[Any]:
    """The normalisers of BERT in a normaliser."""
    if isinstance(normalizer, normalizers.BertNormalizer):
        return [normalizer]
    steps: Any = normalizer if isinstance(normalizer, normalizers.Sequence) else ()
    return [part for step in steps for part in _normalisers(step)]
