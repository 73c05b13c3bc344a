# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Questions to vectors: the question tower behind Haystack's text embedder protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from haystack import component, default_from_dict, default_to_dict
from haystack.utils import ComponentDevice, Secret

from dpr_haystack.components._towers import LazyTower, TowerSettings, as_device, hub_token
from dpr_haystack.core.text import normalize_question
from dpr_haystack.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from dpr_haystack.core.identity import EncoderIdentity


@component
class DPRTextEmbedder:
    """Embeds a question with the question tower of a dense passage retriever.

    ```python
    from dpr_haystack import DPRTextEmbedder

    embedder = DPRTextEmbedder()
    embedder.run("who wrote the origin of species?")["embedding"]  # 768 floats
    ```

    Typographic apostrophes become plain ones, as in DPR's training questions (Karpukhin et al. 2020, section 4).
    """

    __module__ = "haystack_integrations.components.embedders.dpr"

    def __init__(
        self,
        model: str = "facebook/dpr-question_encoder-single-nq-base",
        *,
        device: ComponentDevice | str | None = None,
        token: Secret | None = hub_token(),  # noqa: B008
        dtype: str = "auto",
        max_length: int | None = None,
        pooling: str | None = None,
        normalize: bool | None = None,
        batch_size: int | None = None,
        progress_bar: bool = False,
    ) -> None:
        """Keep the settings; nothing is loaded before :meth:`warm_up` or the first use.

        :param model: A name on the Hugging Face hub or a path: a DPR question encoder, any BERT-like encoder, a
            sentence-transformers folder, a ``.cp`` file of the original DPR repository, or a model directory, whose
            question tower is taken. Local paths and what is in the local cache need no network.
        :param device: Where the model runs, a ``ComponentDevice`` or e.g. ``"cuda:0"``; ``None`` for the best there is.
        :param token: Token for the hub, for models that need one.
        :param dtype: What the model computes in: ``"float32"``, ``"bfloat16"``, ``"float16"``, or ``"auto"``:
            bfloat16 where the processor multiplies it natively, else float32. Vectors are float32 in any case.
        :param max_length: Longest question in tokens; ``None`` for the model's own, 256 where it has none.
        :param pooling: How token vectors become one: ``"cls"`` or ``"mean"`` (or ``"max"``,
            ``"mean_sqrt_len_tokens"``, ``"weightedmean"``, ``"lasttoken"``). ``None`` for what the model says, which
            is ``"cls"`` for DPR and for plain BERT-like encoders that say nothing.
        :param normalize: Whether vectors get length 1; ``None`` for what the model says.
        :param batch_size: At most this many questions a batch in :meth:`embed`; ``None`` leaves it to the number of
            tokens.
        :param progress_bar: Whether :meth:`embed` shows its progress.
        :raises InputError: If a setting cannot be right.
        """
        self.model = model
        self.device = as_device(device)
        self.token = token
        self.dtype = dtype
        self.max_length = max_length
        self.pooling = pooling
        self.normalize = normalize
        self.batch_size = batch_size
        self.progress_bar = progress_bar
        settings = TowerSettings(model, self.device, token, dtype, max_length, pooling, normalize, batch_size)
        self._tower = LazyTower("question", settings)

    def warm_up(self) -> None:
        """Load the model, if it is not loaded yet.

        :raises ModelError: If it cannot be found or loaded; the message says how to get it.
        :raises InputError: If it is a passage encoder, or does not go with a setting.
        """
        self._tower.get()

    async def warm_up_async(self) -> None:
        """Load the model in a thread of its own, if it is not loaded yet."""
        await asyncio.to_thread(self.warm_up)

    def close(self) -> None:
        """Let go of the model; the next use loads it again."""
        self._tower.close()

    @property
    def identity(self) -> EncoderIdentity:
        """Which encoder this is, by name and weights; loads the model if need be."""
        return self._tower.get().identity

    def to_dict(self) -> dict[str, Any]:
        """The component as a dictionary, e.g. for YAML."""
        return default_to_dict(
            self,
            model=self.model,
            device=self.device,
            token=self.token,
            dtype=self.dtype,
            max_length=self.max_length,
            pooling=self.pooling,
            normalize=self.normalize,
            batch_size=self.batch_size,
            progress_bar=self.progress_bar,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> DPRTextEmbedder:
        """The component from a dictionary.

        :param data: What :meth:`to_dict` gave.
        """
        return default_from_dict(cls, data)

    def _get_telemetry_data(self) -> dict[str, Any]:
        return {"model": self.model}

    @component.output_types(embedding=list[float])
    def run(self, text: str) -> dict[str, Any]:
        """Embed one question.

        :param text: The question.
        :returns: ``embedding``: its vector as a list of floats.
        :raises InputError: If it is no string, or a blank one.
        :raises ModelError: If the model cannot be loaded.
        """
        _check_question(text)
        return {"embedding": self._encode([text])[0].tolist()}

    @component.output_types(embedding=list[float])
    async def run_async(self, text: str) -> dict[str, Any]:
        """Embed one question in a thread of its own.

        :param text: The question.
        :returns: ``embedding``: its vector as a list of floats.
        """
        return await asyncio.to_thread(self.run, text)

    def embed(self, questions: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Embed many questions at once, which is several times faster than one by one.

        :param questions: The questions.
        :returns: float32 vectors in their order, (questions, dimension).
        :raises InputError: If one is no string, or a blank one.
        """
        if isinstance(questions, str):
            msg = "embed takes a list of questions; for a single one call run(text=...)."
            raise InputError(msg)
        for question in questions:
            _check_question(question)
        return self._encode(questions)

    def _encode(self, questions: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        texts = [(None, normalize_question(question)) for question in questions]
        return self._tower.encode(texts, show_progress=self.progress_bar, unit="questions")


def _check_question(text: object) -> None:
    if not isinstance(text, str):
        msg = (
            f"DPRTextEmbedder embeds one question, a string: got {type(text).__name__}. Documents are for "
            "DPRDocumentEmbedder; many questions at once are for embed(questions)."
        )
        raise InputError(msg)
    if not text.strip():
        msg = "The question is empty: there is nothing to embed."
        raise InputError(msg)
