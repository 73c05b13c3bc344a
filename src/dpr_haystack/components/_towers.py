# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What the two embedders share: their settings, checked, and a tower that is loaded when it is first needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from haystack.utils import ComponentDevice, Secret
from tqdm import tqdm

from dpr_haystack.core.lazy import Lazy
from dpr_haystack.core.model_directory import POOLINGS, Role
from dpr_haystack.core.text import PassageText
from dpr_haystack.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from dpr_haystack.engines.towers.encoder import Encoder

DTYPES = ("auto", "float32", "bfloat16", "float16")
TOKEN_VARIABLES = ("HF_API_TOKEN", "HF_TOKEN")


def hub_token() -> Secret:
    """The hub token of the environment, if there is one."""
    return Secret.from_env_var(list(TOKEN_VARIABLES), strict=False)


def check_token(token: object) -> None:
    """Refuse a token in clear.

    :raises InputError: If it is no Secret.
    """
    if token is not None and not isinstance(token, Secret):
        msg = "token must be a Secret or None: Secret.from_env_var('HF_TOKEN'), or Secret.from_token(...)"
        raise InputError(msg)


def as_device(device: ComponentDevice | str | None) -> ComponentDevice | None:
    """A device by its name, e.g. ``"cuda:0"``, as Haystack has it."""
    return ComponentDevice.from_str(device) if isinstance(device, str) else device


@dataclass(frozen=True)
class TowerSettings:
    """How a tower is loaded; the parameters of the embedders of these names.

    :raises InputError: If one cannot be right.
    """

    model: str
    device: ComponentDevice | None
    token: Secret | None
    dtype: str
    max_length: int | None
    pooling: str | None
    normalize: bool | None
    batch_size: int | None

    def __post_init__(self) -> None:
        if not isinstance(self.model, str) or not self.model.strip():
            msg = f"model must be a name on the Hugging Face hub or a path: got {self.model!r}"
            raise InputError(msg)
        check_token(self.token)
        if self.dtype not in DTYPES:
            msg = f"dtype must be one of {', '.join(DTYPES)}: got {self.dtype!r}"
            raise InputError(msg)
        if self.pooling is not None and self.pooling not in POOLINGS:
            msg = f"pooling must be one of {', '.join(POOLINGS)}, or None: got {self.pooling!r}"
            raise InputError(msg)
        for name, value, least in (("max_length", self.max_length, 3), ("batch_size", self.batch_size, 1)):
            if value is not None and (not isinstance(value, int) or value < least):
                msg = f"{name} must be {least} or more, or None: got {value!r}"
                raise InputError(msg)


class LazyTower:
    """A tower that is loaded once, when it is first needed, also where several threads need it at the same time."""

    def __init__(self, role: Role, settings: TowerSettings) -> None:
        self._settings = settings
        self._encoder = Lazy(partial(_load, role, settings))

    def get(self) -> Encoder:
        """The encoder, loaded if need be.

        :raises ModelError: If the model cannot be found or loaded.
        :raises InputError: If it is for the other role, or does not go with a setting.
        """
        return self._encoder.get()

    def encode(
        self, texts: Sequence[PassageText], *, show_progress: bool, unit: str
    ) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Encode texts, loading the encoder if need be.

        :param texts: Titles (or ``None``) and texts.
        :param show_progress: Whether to show a progress bar.
        :param unit: What the texts are, for the progress bar.
        :returns: float32 vectors, (texts, dimension).
        """
        encoder = self.get()
        with tqdm(total=len(texts), desc="Embedding", unit=f" {unit}", disable=not show_progress) as bar:
            return encoder.encode(texts, batch_size=self._settings.batch_size, progress=bar.update)

    def close(self) -> None:
        """Let go of the encoder; the next use loads it again."""
        self._encoder.close()


def _load(role: Role, settings: TowerSettings) -> Encoder:
    from dpr_haystack.engines.towers.loading import load_encoder

    return load_encoder(
        settings.model,
        role,
        device=ComponentDevice.resolve_device(settings.device).to_torch_str(),
        token=settings.token.resolve_value() if settings.token is not None else None,
        dtype=settings.dtype,
        max_length=settings.max_length,
        pooling=settings.pooling,
        normalize=settings.normalize,
    )
