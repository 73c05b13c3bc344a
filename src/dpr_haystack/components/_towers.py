# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What the embedders share: their settings, and an encoder that is loaded on first use."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from haystack.utils import ComponentDevice, Secret
from tqdm import tqdm

from dpr_haystack.components._basics import ComponentBasics
from dpr_haystack.components._model_settings import ModelSettings, Setting, check_string
from dpr_haystack.core.checks import check_integer
from dpr_haystack.core.lazy import Lazy
from dpr_haystack.core.model_directory import POOLINGS, Role
from dpr_haystack.core.text import PassageText
from dpr_haystack.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dpr_haystack.core.identity import EncoderIdentity
    from dpr_haystack.engines.towers.encoder import Encoder

TOKEN_VARIABLES = ("HF_API_TOKEN", "HF_TOKEN")
# the smallest value of each integer setting
_INTEGERS = {"max_length": 3, "batch_size": 1, "truncate_dim": 1}


class QuestionEmbedder(Protocol):
    """An embedder of questions, as a retriever uses it; :class:`DPRTextEmbedder` is one."""

    def warm_up(self) -> None:
        """Load the model, if it is not loaded yet."""

    def embed(self, questions: Sequence[str]) -> NDArray[np.float32]:
        """Embed questions.

        :param questions: The questions.
        :returns: One vector per question, in order; shape (questions, dimension).
        """

    @property
    def identity(self) -> EncoderIdentity | None:
        """Name and fingerprint of the encoder; ``None`` if unknown."""

    def close(self) -> None:
        """Release the model; the next use loads it again."""


def hub_token() -> Secret:
    """Read the Hugging Face token from ``HF_API_TOKEN`` or ``HF_TOKEN``, if one of them is set."""
    return Secret.from_env_var(list(TOKEN_VARIABLES), strict=False)


def as_device(device: ComponentDevice | str | None) -> ComponentDevice | None:
    """Convert the ``device`` argument of a component.

    :param device: A device, or its name, e.g. ``"cpu"`` or ``"cuda:0"``; ``None`` for the best available one.
    :returns: Haystack's device, or ``None``.
    :raises InputError: If it is anything else, or the name is unknown.
    """
    if device is None or isinstance(device, ComponentDevice):
        return device
    try:
        return ComponentDevice.from_str(device)
    except (ValueError, TypeError, AttributeError) as error:
        msg = f"device must be a ComponentDevice, a name such as 'cpu' or 'cuda:0', or None: got {device!r}"
        raise InputError(msg) from error


@dataclass(frozen=True, kw_only=True)
class TowerSettings(ModelSettings):
    """How a tower is loaded and used; see the embedders' parameters of the same names.

    :raises InputError: If a setting is invalid.
    """

    max_length: int | None = None
    pooling: str | None = None
    normalize: bool | None = None
    batch_size: int | None = None
    prefix: str | None = None
    suffix: str = ""
    truncate_dim: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pooling is not None and self.pooling not in POOLINGS:
            msg = f"pooling must be one of {', '.join(POOLINGS)}, or None: got {self.pooling!r}"
            raise InputError(msg)
        for name, minimum in _INTEGERS.items():
            if getattr(self, name) is not None:
                check_integer(name, getattr(self, name), minimum)
        check_string("prefix", self.prefix)
        check_string("suffix", self.suffix, optional=False)

    def load(self, role: Role) -> Encoder:
        """Load the tower.

        :param role: Whether it embeds questions or passages.
        :raises ModelError: If the model cannot be found or loaded.
        :raises InputError: If it has the other role, or does not support a setting.
        """
        from dpr_haystack.engines.towers.loading import load_encoder
        from dpr_haystack.engines.towers.tower import TowerUse

        return load_encoder(
            self.model,
            role,
            device=self.torch_device,
            token=self.token_value,
            dtype=self.dtype,
            max_length=self.max_length,
            use=TowerUse(self.pooling, self.normalize, self.truncate_dim, self.prefix, self.suffix),
            options=self.load_options(),
        )

    def decides_model(self, name: str) -> bool:
        """See :meth:`ModelSettings.decides_model`."""
        return name != "batch_size"


class TowerComponent(ComponentBasics):
    """What both embedders share: settings as attributes, and a tower that is loaded once, on first use.

    Safe to use from several threads.

    :cvar _role: Whether it embeds questions or passages.
    """

    _role: ClassVar[Role]
    _settings: TowerSettings
    _tower: Lazy[Encoder]

    model = Setting[str]()
    device = Setting[ComponentDevice | None]()
    token = Setting[Secret | None]()
    dtype = Setting[str]()
    max_length = Setting[int | None]()
    pooling = Setting[str | None]()
    normalize = Setting[bool | None]()
    batch_size = Setting[int | None]()
    progress_bar: bool

    def _load_again(self) -> None:
        self._tower = Lazy(partial(self._settings.load, self._role))

    def warm_up(self) -> None:
        """Load the model, if it is not loaded yet.

        :raises ModelError: If it cannot be found or loaded.
        :raises InputError: If it is an encoder of the other role, or does not support a setting.
        """
        self._tower.get()

    async def warm_up_async(self) -> None:
        """Load the model in a separate thread, if it is not loaded yet."""
        await asyncio.to_thread(self.warm_up)

    def close(self) -> None:
        """Release the model; the next use loads it again."""
        self._tower.close()

    @property
    def identity(self) -> EncoderIdentity:
        """Name and fingerprint of the encoder; loads the model if necessary."""
        return self._tower.get().identity

    def _get_telemetry_data(self) -> dict[str, Any]:
        return {"model": self.model}

    def _vectors(self, texts: Sequence[PassageText], unit: str) -> NDArray[np.float32]:
        """Encode texts, loading the encoder if necessary.

        :param texts: Titles (or ``None``) and texts.
        :param unit: What is counted in the progress bar.
        :returns: One vector per text, in order; shape (texts, dimension).
        """
        encoder = self._tower.get()
        with tqdm(total=len(texts), desc="Embedding", unit=f" {unit}", disable=not self.progress_bar) as bar:
            return encoder.encode(texts, batch_size=self.batch_size, progress=bar.update)
