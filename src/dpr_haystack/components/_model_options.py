# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Arguments for transformers and the hub that embedders, retrievers and the reader share with Haystack's own."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from dpr_haystack.core.checks import check_integer
from dpr_haystack.errors import InputTypeError

if TYPE_CHECKING:
    from dpr_haystack.engines.checkpoints.options import LoadOptions
    from dpr_haystack.engines.towers.tower import TowerUse

_STRINGS = ("revision", "attn_implementation", "prefix", "suffix")
_REQUIRED_STRINGS = ("suffix",)
_MAPPINGS = ("model_kwargs", "tokenizer_kwargs", "config_kwargs")


@dataclass(frozen=True)
class ModelOptions:
    """How a model is found and loaded; see the components' parameters of the same names.

    :raises InputError: If an option is invalid.
    """

    revision: str | None = None
    trust_remote_code: bool = False
    attn_implementation: str | None = None
    model_kwargs: dict[str, Any] | None = None
    tokenizer_kwargs: dict[str, Any] | None = None
    config_kwargs: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.trust_remote_code, bool):
            msg = f"trust_remote_code must be True or False: got {self.trust_remote_code!r}"
            raise InputTypeError(msg)
        for each in fields(self):
            value = getattr(self, each.name)
            _check_string(each.name, value)
            if each.name in _MAPPINGS and value is not None and not isinstance(value, Mapping):
                msg = f"{each.name} must be a dictionary or None: got {value!r:.100}"
                raise InputTypeError(msg)

    def load_options(self) -> LoadOptions:
        """Return the options as the engines take them."""
        from dpr_haystack.engines.checkpoints.options import LoadOptions

        return LoadOptions(
            revision=self.revision,
            trust_remote_code=self.trust_remote_code,
            attn_implementation=self.attn_implementation,
            model_kwargs=dict(self.model_kwargs or {}),
            tokenizer_kwargs=dict(self.tokenizer_kwargs or {}),
            config_kwargs=dict(self.config_kwargs or {}),
        )

    def parameters(self) -> dict[str, Any]:
        """Return the options for ``to_dict``: a torch dtype in ``model_kwargs`` by its name."""
        return {**{each.name: getattr(self, each.name) for each in fields(self)}, **_plain(self.model_kwargs)}


@dataclass(frozen=True)
class TowerOptions(ModelOptions):
    """:class:`ModelOptions`, and what is changed about the texts and vectors of a tower."""

    prefix: str | None = None
    suffix: str = ""
    truncate_dim: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.truncate_dim is not None:
            check_integer("truncate_dim", self.truncate_dim)

    def use(self, pooling: str | None, normalize: bool | None) -> TowerUse:
        """Return how the tower is used.

        :param pooling: How token vectors are pooled; ``None`` for the model's own way.
        :param normalize: Whether vectors are scaled to length 1; ``None`` for what the model says.
        """
        from dpr_haystack.engines.towers.tower import TowerUse

        return TowerUse(pooling, normalize, self.truncate_dim, self.prefix, self.suffix)


def with_model_kwargs(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the dictionary of a component with the original ``model_kwargs``: names of dtypes become torch dtypes.

    :param data: What ``to_dict`` returned; it is not changed.
    """
    parameters = dict(data.get("init_parameters", {}))
    if parameters.get("model_kwargs") is not None:
        from haystack.utils.hf import deserialize_hf_model_kwargs

        parameters["model_kwargs"] = deepcopy(parameters["model_kwargs"])
        deserialize_hf_model_kwargs(parameters["model_kwargs"])
    return {**data, "init_parameters": parameters}


def _plain(model_kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
    if model_kwargs is None:
        return {}
    from haystack.utils.hf import serialize_hf_model_kwargs

    plain = deepcopy(dict(model_kwargs))
    serialize_hf_model_kwargs(plain)
    return {"model_kwargs": plain}


def _check_string(name: str, value: object) -> None:
    if name not in _STRINGS or isinstance(value, str) or (value is None and name not in _REQUIRED_STRINGS):
        return
    msg = f"{name} must be a string{'' if name in _REQUIRED_STRINGS else ' or None'}: got {value!r:.100}"
    raise InputTypeError(msg)
