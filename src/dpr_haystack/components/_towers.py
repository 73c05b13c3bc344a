# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What the embedders and the reader share: checks of common settings, and an encoder that is loaded on first use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

from haystack.utils import ComponentDevice, Secret
from tqdm import tqdm

from dpr_haystack.components._model_options import TowerOptions
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

DTYPES = ("auto", "float32", "bfloat16", "float16")
TOKEN_VARIABLES = ("HF_API_TOKEN", "HF_TOKEN")


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


def check_model_options(model: object, token: object, dtype: str) -> None:
    """Check the options that embedders and readers have in common.

    :param model: The name or path of the model.
    :param token: The token for the Hugging Face hub.
    :param dtype: The number format.
    :raises InputError: If the model is not a non-empty string, the token not a Secret, or the dtype unknown.
    """
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


@dataclass(frozen=True)
class TowerSettings:
    """How a tower is loaded; see the embedders' parameters of the same names.

    :raises InputError: If a setting is invalid.
    """

    model: str
    device: ComponentDevice | None
    token: Secret | None
    dtype: str
    max_length: int | None
    pooling: str | None
    normalize: bool | None
    batch_size: int | None
    options: TowerOptions = field(default_factory=TowerOptions)

    def __post_init__(self) -> None:
        check_model_options(self.model, self.token, self.dtype)
        if self.pooling is not None and self.pooling not in POOLINGS:
            msg = f"pooling must be one of {', '.join(POOLINGS)}, or None: got {self.pooling!r}"
            raise InputError(msg)
        if self.max_length is not None:
            check_integer("max_length", self.max_length, minimum=3)
        if self.batch_size is not None:
            check_integer("batch_size", self.batch_size)


class LazyTower:
    """A tower that is loaded once, on first use; safe to use from several threads.

    :param role: Whether it embeds questions or passages.
    :param settings: How it is loaded.
    """

    def __init__(self, role: Role, settings: TowerSettings) -> None:
        self._settings = settings
        self._encoder = Lazy(partial(_load, role, settings))

    def get(self) -> Encoder:
        """Return the encoder, loading it if necessary.

        :raises ModelError: If the model cannot be found or loaded.
        :raises InputError: If it has the other role, or does not support a setting.
        """
        return self._encoder.get()

    def encode(self, texts: Sequence[PassageText], *, show_progress: bool, unit: str) -> NDArray[np.float32]:
        """Encode texts, loading the encoder if necessary.

        :param texts: Titles (or ``None``) and texts.
        :param show_progress: Whether to show a progress bar.
        :param unit: What is counted in the progress bar.
        :returns: One vector per text, in order; shape (texts, dimension).
        """
        encoder = self.get()
        with tqdm(total=len(texts), desc="Embedding", unit=f" {unit}", disable=not show_progress) as bar:
            return encoder.encode(texts, batch_size=self._settings.batch_size, progress=bar.update)

    def close(self) -> None:
        """Release the encoder; the next use loads it again."""
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
        use=settings.options.use(settings.pooling, settings.normalize),
        options=settings.options.load_options(),
    )
