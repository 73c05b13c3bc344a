# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Further arguments for transformers and the hub, under the names that Haystack's own embedders have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig

from dpr_haystack.errors import InputError, ModelError


@dataclass(frozen=True)
class LoadOptions:
    """How a checkpoint is found and loaded.

    :param revision: Branch, tag or commit on the hub; ``None`` for the main branch.
    :param trust_remote_code: Whether code in the checkpoint may run.
    :param attn_implementation: The attention, e.g. ``"eager"`` or ``"flash_attention_2"``; ``None`` for the fastest
        one that the model has.
    :param model_kwargs: Further arguments of ``from_pretrained`` of the model.
    :param tokenizer_kwargs: Further arguments of ``from_pretrained`` of the tokenizer.
    :param config_kwargs: Settings that replace those of ``config.json``.
    """

    revision: str | None = None
    trust_remote_code: bool = False
    attn_implementation: str | None = None
    model_kwargs: Mapping[str, Any] = field(default_factory=dict)
    tokenizer_kwargs: Mapping[str, Any] = field(default_factory=dict)
    config_kwargs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dtype(self) -> torch.dtype | None:
        """The number format in ``model_kwargs``; ``None`` if there is none.

        :raises InputError: If it is not one of torch's.
        """
        value = self.model_kwargs.get("dtype", self.model_kwargs.get("torch_dtype"))
        value = getattr(torch, value.removeprefix("torch."), value) if isinstance(value, str) else value
        if value is not None and not isinstance(value, torch.dtype):
            msg = f"the dtype in model_kwargs must be one of torch, e.g. torch.float32: got {value!r}"
            raise InputError(msg)
        return value

    @property
    def places_model(self) -> bool:
        """Whether ``model_kwargs`` say on which devices the model is."""
        return self.model_kwargs.get("device_map") is not None

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that change what a model computes."""
        given = {"tokenizer_kwargs": dict(self.tokenizer_kwargs), "config_kwargs": dict(self.config_kwargs)}
        return {name: value for name, value in given.items() if value}

    def for_model(self, folder: Path, dtype: torch.dtype) -> dict[str, Any]:
        """The arguments of ``from_pretrained`` of the model.

        :param folder: A transformers folder.
        :param dtype: The number format, unless ``model_kwargs`` have one.
        :returns: The arguments.
        :raises ModelError: If the configuration cannot be loaded with ``config_kwargs``.
        """
        named = {name: value for name, value in self.model_kwargs.items() if name not in {"dtype", "torch_dtype"}}
        if self.attn_implementation is not None:
            named["attn_implementation"] = self.attn_implementation
        if self.config_kwargs:
            named["config"] = self._config(folder)
        return {**named, "dtype": self.dtype or dtype, "trust_remote_code": self.trust_remote_code}

    def for_tokenizer(self) -> dict[str, Any]:
        """The arguments of ``from_pretrained`` of the tokenizer."""
        return {**self.tokenizer_kwargs, "trust_remote_code": self.trust_remote_code}

    def _config(self, folder: Path) -> Any:
        try:
            return AutoConfig.from_pretrained(
                str(folder), local_files_only=True, trust_remote_code=self.trust_remote_code, **self.config_kwargs
            )
        except Exception as error:  # a wrong setting makes transformers raise anything
            msg = f"The configuration of {folder} cannot be loaded with {dict(self.config_kwargs)}: {error}"
            raise ModelError(msg) from error
