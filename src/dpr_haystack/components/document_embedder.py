# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Passages to vectors: the passage tower behind Haystack's document embedder protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from haystack import Document, component, default_from_dict, default_to_dict
from haystack.utils import ComponentDevice, Secret

from dpr_haystack.components._towers import LazyTower, TowerSettings, as_device, hub_token
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.core.text import PassageText, as_title, passage_text
from dpr_haystack.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from dpr_haystack.core.identity import EncoderIdentity

_SHOWN = 10


@component
class DPRDocumentEmbedder:
    """Embeds documents with the passage tower of a dense passage retriever.

    A title is a text of its own, as in DPR's training: ``[CLS] title [SEP] text [SEP]`` (Karpukhin et al. 2020,
    section 4.1).

    ```python
    from dpr_haystack import DPRDocumentEmbedder
    from haystack import Document

    embedder = DPRDocumentEmbedder()
    documents = [Document(content="On the Origin of Species is a work by Charles Darwin.", meta={"title": "Darwin"})]
    embedder.run(documents)["documents"][0].embedding  # 768 floats
    ```
    """

    __module__ = "haystack_integrations.components.embedders.dpr"

    def __init__(
        self,
        model: str = "facebook/dpr-ctx_encoder-single-nq-base",
        *,
        device: ComponentDevice | str | None = None,
        token: Secret | None = hub_token(),  # noqa: B008
        dtype: str = "auto",
        max_length: int | None = None,
        pooling: str | None = None,
        normalize: bool | None = None,
        batch_size: int | None = None,
        title_field: str | None = "title",
        meta_fields_to_embed: list[str] | None = None,
        progress_bar: bool = True,
    ) -> None:
        """Keep the settings; nothing is loaded before :meth:`warm_up` or the first use.

        :param model: A name on the Hugging Face hub or a path: a DPR context encoder, any BERT-like encoder, a
            sentence-transformers folder, an original ``.cp`` file, or a model directory (its passage tower).
        :param device: A ``ComponentDevice`` or e.g. ``"cuda:0"``; ``None`` for the best there is.
        :param token: Token for the hub, for models that need one.
        :param dtype: What the model computes in: ``"float32"``, ``"bfloat16"``, ``"float16"``, or ``"auto"``
            (bfloat16 where the processor has it natively, else float32). Vectors are float32 in any case.
        :param max_length: Longest passage in tokens, title included; ``None`` for the model's own, or 256.
        :param pooling: How token vectors become one, e.g. ``"mean"``; ``None`` for what the model says, else ``"cls"``.
        :param normalize: Whether vectors get length 1; ``None`` for what the model says.
        :param batch_size: At most this many passages a batch; ``None`` leaves it to their number of tokens.
        :param title_field: The key of ``meta`` with the title; ``None`` to embed none.
        :param meta_fields_to_embed: Further keys of ``meta`` whose values are put before the content, one a line.
        :param progress_bar: Whether to show the progress.
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
        self.title_field = title_field
        self.meta_fields_to_embed = meta_fields_to_embed
        self.progress_bar = progress_bar
        settings = TowerSettings(model, self.device, token, dtype, max_length, pooling, normalize, batch_size)
        self._tower = LazyTower("passage", settings)

    def warm_up(self) -> None:
        """Load the model, if it is not loaded yet.

        :raises ModelError: If it cannot be found or loaded; the message says how to get it.
        :raises InputError: If it is a question encoder, or does not go with a setting.
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

    @property
    def dimension(self) -> int:
        """Numbers in a vector; loads the model if need be."""
        return self._tower.get().dimension

    @property
    def similarity(self) -> Similarity:
        """What a store is to compare its vectors by; loads the model if need be.

        A tower that was trained for Euclidean distance needs a store made for it. One for cosine gives vectors of
        length 1, whose inner product is that, unless it comes from elsewhere and does not say so.
        """
        return Similarity.L2 if self._tower.get().similarity == Similarity.L2 else Similarity.DOT_PRODUCT

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
            title_field=self.title_field,
            meta_fields_to_embed=self.meta_fields_to_embed,
            progress_bar=self.progress_bar,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> DPRDocumentEmbedder:
        """The component from a dictionary.

        :param data: What :meth:`to_dict` gave.
        """
        return default_from_dict(cls, data)

    def _get_telemetry_data(self) -> dict[str, Any]:
        return {"model": self.model}

    @component.output_types(documents=list[Document])
    def run(self, documents: list[Document]) -> dict[str, Any]:
        """Embed documents.

        :param documents: The documents; they are left as they are.
        :returns: ``documents``: the same with their embeddings, in the same order and with the same ids.
        :raises InputError: If these are no documents, or some have no content.
        :raises ModelError: If the model cannot be loaded.
        """
        _check_documents(documents)
        fields = self.meta_fields_to_embed or ()
        texts = [
            passage_text(document.content or "", document.meta, title_field=self.title_field, fields=fields)
            for document in documents
        ]
        vectors = self._encode(texts)
        embedded = zip(documents, vectors, strict=True)
        return {"documents": [replace(document, embedding=vector.tolist()) for document, vector in embedded]}

    @component.output_types(documents=list[Document])
    async def run_async(self, documents: list[Document]) -> dict[str, Any]:
        """Embed documents in a thread of its own.

        :param documents: The documents; they are left as they are.
        :returns: ``documents``: the same with their embeddings, in the same order and with the same ids.
        """
        return await asyncio.to_thread(self.run, documents)

    def embed(self, passages: Sequence[str | PassageText]) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Embed passages that are no documents.

        :param passages: Texts, or pairs of a title (or ``None``) and a text.
        :returns: float32 vectors in their order, (passages, dimension).
        :raises InputError: If one is neither.
        """
        if isinstance(passages, str):
            msg = "embed takes a list of passages, not a single string."
            raise InputError(msg)
        return self._encode([_as_passage(passage) for passage in passages])

    def _encode(self, texts: Sequence[PassageText]) -> np.ndarray[Any, np.dtype[np.float32]]:
        return self._tower.encode(texts, show_progress=self.progress_bar, unit="passages")


def _as_passage(passage: Any) -> PassageText:
    if isinstance(passage, str):
        return None, passage
    if isinstance(passage, (tuple, list)) and len(passage) == 2 and isinstance(passage[1], str):
        return as_title(passage[0]), passage[1]
    msg = f"A passage is a text, or a title (or None) and a text: got {str(passage)[:80]}."
    raise InputError(msg)


def _check_documents(documents: object) -> None:
    if not isinstance(documents, list) or not all(isinstance(document, Document) for document in documents):
        got = type(documents).__name__
        if isinstance(documents, list):
            got = f"a list with {next(type(item).__name__ for item in documents if not isinstance(item, Document))}"
        msg = (
            f"DPRDocumentEmbedder embeds a list of Documents: got {got}. A question, which is a string, is for "
            "DPRTextEmbedder; texts that are no Documents are for embed(passages)."
        )
        raise InputError(msg)
    empty = [document.id for document in documents if document.content is None]
    if empty:
        more = f" and {len(empty) - _SHOWN} more" if len(empty) > _SHOWN else ""
        msg = (
            f"{len(empty)} of {len(documents)} documents have no content to embed, so none was embedded. "
            f"Their ids: {', '.join(empty[:_SHOWN])}{more}."
        )
        raise InputError(msg)
