# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The question tower as a Haystack text embedder."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from haystack import component, default_to_dict
from haystack.utils import ComponentDevice, Secret

from dpr_haystack.components._recent_vectors import remember
from dpr_haystack.components._towers import TowerComponent, TowerSettings, as_device, hub_token
from dpr_haystack.core.text import normalize_question
from dpr_haystack.errors import InputError, InputTypeError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dpr_haystack.components._towers import QuestionEmbedder


@component
class DPRTextEmbedder(TowerComponent):
    """Embeds a question with the question tower of a dense passage retriever.

    ```python
    from dpr_haystack import DPRTextEmbedder

    embedder = DPRTextEmbedder()
    embedder.run("who wrote the origin of species?")["embedding"]  # 768 floats
    ```

    Typographic apostrophes are replaced by plain ones, as in DPR's training questions (Karpukhin et al. 2020,
    section 4). The model is loaded by :meth:`warm_up` or on first use.

    :param model: A name on the Hugging Face hub or a path: a DPR question encoder, any BERT-like encoder, a
        sentence-transformers folder, a ``.cp`` file of the original DPR repository, or a model directory of
        dpr-haystack, whose question tower is used. Local paths and cached models need no network.
    :param device: Where the model runs: a ``ComponentDevice``, or a name such as ``"cpu"`` or ``"cuda:0"``; ``None``
        for the best available device.
    :param token: Token for the Hugging Face hub, for gated and private models.
    :param dtype: The number format of the computation: ``"float32"``, ``"bfloat16"``, ``"float16"``, or ``"auto"``
        (bfloat16 where the processor supports it natively, else float32). Vectors are always float32.
    :param max_length: The longest question in tokens; ``None`` for the model's own limit, or 256 if it has none.
    :param pooling: How token vectors are pooled: ``"cls"``, ``"mean"``, ``"max"``, ``"mean_sqrt_len_tokens"``,
        ``"weightedmean"`` or ``"lasttoken"``. ``None`` for the model's own pooling, or ``"cls"`` if it has none (DPR
        and plain BERT-like encoders).
    :param normalize: Whether to scale vectors to length 1; ``None`` for what the model specifies.
    :param batch_size: The maximum number of questions in a batch of :meth:`embed`; ``None`` to choose it by the number
        of tokens.
    :param progress_bar: Whether to show a progress bar.
    :param prefix: Text put before every question, instead of the prompt that the model names; ``None`` for that prompt.
    :param suffix: Text put after every question.
    :param truncate_dim: Keep only so many components of each vector, the first ones; vectors that the model scales to
        length 1 are scaled again. ``None`` for all.
    :param revision: The branch, tag or commit on the hub; ``None`` for the main branch.
    :param trust_remote_code: Whether code in the model's repository may run.
    :param attn_implementation: The attention, e.g. ``"eager"`` or ``"flash_attention_2"``; ``None`` for the fastest one
        that the model has.
    :param model_kwargs: Further arguments of transformers' ``from_pretrained`` for the model.
    :param tokenizer_kwargs: The same for the tokenizer, e.g. ``{"do_lower_case": False}``.
    :param config_kwargs: Settings that replace those of the model's ``config.json``.
    :raises InputError: If an argument is invalid.
    """

    __module__ = "haystack_integrations.components.embedders.dpr"

    _role = "question"

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
        prefix: str | None = None,
        suffix: str = "",
        truncate_dim: int | None = None,
        revision: str | None = None,
        trust_remote_code: bool = False,
        attn_implementation: str | None = None,
        model_kwargs: dict[str, Any] | None = None,
        tokenizer_kwargs: dict[str, Any] | None = None,
        config_kwargs: dict[str, Any] | None = None,
    ) -> None:
        self.progress_bar = progress_bar
        self._settings = TowerSettings(
            model=model, device=as_device(device), token=token, dtype=dtype, max_length=max_length, pooling=pooling,
            normalize=normalize, batch_size=batch_size, prefix=prefix, suffix=suffix, truncate_dim=truncate_dim,
            revision=revision, trust_remote_code=trust_remote_code, attn_implementation=attn_implementation,
            model_kwargs=model_kwargs, tokenizer_kwargs=tokenizer_kwargs, config_kwargs=config_kwargs,
        )  # fmt: skip
        self._load_again()

    def to_dict(self) -> dict[str, Any]:
        """Serialise the component to a dictionary."""
        return default_to_dict(self, **self._settings.parameters(), progress_bar=self.progress_bar)

    @component.output_types(embedding=list[float])
    def run(self, text: str) -> dict[str, Any]:
        """Embed one question.

        :param text: The question.
        :returns: ``embedding``: its vector as a list of floats.
        :raises InputError: If it is not a string, or blank.
        :raises ModelError: If the model cannot be loaded.
        """
        _check_question(text)
        return {"embedding": self._encode([text])[0].tolist()}

    @component.output_types(embedding=list[float])
    async def run_async(self, text: str) -> dict[str, Any]:
        """Embed one question in a separate thread.

        :param text: The question.
        :returns: ``embedding``: its vector as a list of floats.
        """
        return await asyncio.to_thread(self.run, text)

    def embed(self, questions: Sequence[str]) -> NDArray[np.float32]:
        """Embed many questions in batches, which is several times faster than one by one.

        :param questions: The questions.
        :returns: One float32 vector per question, in order; shape (questions, dimension).
        :raises InputError: If a question is not a string, or blank.
        """
        if isinstance(questions, str):
            msg = "questions must be a list: got a string. For one question call run(text=...)"
            raise InputTypeError(msg)
        for question in questions:
            _check_question(question)
        return self._encode(questions)

    def _encode(self, questions: Sequence[str]) -> NDArray[np.float32]:
        texts = [(None, normalize_question(question)) for question in questions]
        vectors = self._vectors(texts, "questions")
        remember(vectors, self.identity)
        return vectors


def _check_question(text: object) -> None:
    if not isinstance(text, str):
        msg = (
            f"a question must be a string: got {type(text).__name__}. "
            "Use DPRDocumentEmbedder for Documents, and embed(questions) for several questions"
        )
        raise InputTypeError(msg)
    if not text.strip():
        msg = f"a question must not be empty: got {text!r}"
        raise InputError(msg)


if TYPE_CHECKING:
    # mypy checks here that the class satisfies the protocol
    _: type[QuestionEmbedder] = DPRTextEmbedder
