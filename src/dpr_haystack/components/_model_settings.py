# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What embedders, retrievers and the reader share: model, device, and arguments for transformers and the hub."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, overload

from haystack.utils import ComponentDevice, Secret

from dpr_haystack.errors import InputError, InputTypeError

if TYPE_CHECKING:
    from dpr_haystack.engines.checkpoints.options import LoadOptions

T = TypeVar("T")

DTYPES = ("auto", "float32", "bfloat16", "float16")
_MAPPINGS = ("model_kwargs", "tokenizer_kwargs", "config_kwargs")


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """How a model is found and loaded; see the components' parameters of the same names.

    :raises InputError: If an option is invalid.
    """

    model: str
    device: ComponentDevice | None = None
    token: Secret | None = None
    dtype: str = "auto"
    revision: str | None = None
    trust_remote_code: bool = False
    attn_implementation: str | None = None
    model_kwargs: dict[str, Any] | None = None
    tokenizer_kwargs: dict[str, Any] | None = None
    config_kwargs: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        _check_model(self.model, self.token, self.dtype)
        if not isinstance(self.trust_remote_code, bool):
            msg = f"trust_remote_code must be True or False: got {self.trust_remote_code!r}"
            raise InputTypeError(msg)
        for name in ("revision", "attn_implementation"):
            check_string(name, getattr(self, name))
        for name in _MAPPINGS:
            value = getattr(self, name)
            if value is not None and not isinstance(value, Mapping):
                msg = f"{name} must be a dictionary or None: got {value!r:.100}"
                raise InputTypeError(msg)

    @property
    def torch_device(self) -> str:
        """The device as torch names it; the best available one if none is given."""
        return str(ComponentDevice.resolve_device(self.device).to_torch_str())

    @property
    def token_value(self) -> str | None:
        """The token itself; ``None`` if there is none."""
        return None if self.token is None else self.token.resolve_value()

    def load_options(self) -> LoadOptions:
        """Return the arguments for transformers and the hub as the engines take them."""
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
        """Return all settings for ``to_dict``: a torch dtype in ``model_kwargs`` by its name."""
        return {**{each.name: getattr(self, each.name) for each in fields(self)}, **_plain(self.model_kwargs)}

    def decides_model(self, name: str) -> bool:
        """Return whether the model has to be loaded again if a setting changes.

        :param name: The name of the setting.
        """
        return name in {each.name for each in fields(ModelSettings)}


class HasModel(Protocol):
    """A component with :class:`Setting` attributes."""

    _settings: Any

    def _load_again(self) -> None:
        """Load the model with the present settings at the next use."""


class Setting(Generic[T]):
    """A setting as an attribute of the component. Assigning a value replaces the settings, which checks them again.

    A setting of the model takes effect at the next use, which loads the model again.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, component: None, owner: type) -> Setting[T]: ...

    @overload
    def __get__(self, component: HasModel, owner: type) -> T: ...

    def __get__(self, component: HasModel | None, owner: type) -> Any:
        return self if component is None else getattr(component._settings, self._name)

    def __set__(self, component: HasModel, value: T) -> None:
        changes: dict[str, Any] = {self._name: value}
        component._settings = replace(component._settings, **changes)
        if component._settings.decides_model(self._name):
            component._load_again()


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


def check_string(name: str, value: object, *, optional: bool = True) -> None:
    """Check a setting that is a string.

    :param name: Its name, for the message.
    :param value: Its value.
    :param optional: Whether it may be ``None``.
    :raises InputError: If it is anything else.
    """
    if not isinstance(value, str) and not (optional and value is None):
        msg = f"{name} must be a string{' or None' if optional else ''}: got {value!r:.100}"
        raise InputTypeError(msg)


def _check_model(model: object, token: object, dtype: str) -> None:
    if not isinstance(model, str) or not model.strip():
        msg = f"model must be a string, a name on the Hugging Face hub or a path: got {model!r}"
        raise InputError(msg)
    if token is not None and not isinstance(token, Secret):
        # the value is left out: it may be a token in plain text
        msg = (
            f"token must be a Secret or None: got {type(token).__name__}. "
            "Use Secret.from_env_var('HF_TOKEN') or Secret.from_token(...)"
        )
        raise InputError(msg)
    if dtype not in DTYPES:
        msg = f"dtype must be one of {', '.join(DTYPES)}: got {dtype!r}"
        raise InputError(msg)
