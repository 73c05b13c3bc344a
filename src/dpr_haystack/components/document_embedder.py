# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The passage tower as a Haystack document embedder."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from haystack import Document, component, default_to_dict
from haystack.utils import ComponentDevice, Secret

from dpr_haystack.components._documents import without_dictionaries
from dpr_haystack.components._towers import TowerComponent, TowerSettings, as_device, hub_token
from dpr_haystack.core.encoder_mark import MARK, checksums, mark_of
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.core.text import PassageText, as_title, passage_text
from dpr_haystack.errors import InputError, InputTypeError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


_SHOWN = 10


@component
class DPRDocumentEmbedder(TowerComponent):
    """Embeds documents with the passage tower of a dense passage retriever.

    Title and text are encoded as a pair, as in DPR's training: ``[CLS] title [SEP] text [SEP]`` (Karpukhin et al.
    2020, section 4.1). The model is loaded by :meth:`warm_up` or on first use.

    ```python
    from dpr_haystack import DPRDocumentEmbedder
    from haystack import Document

    embedder = DPRDocumentEmbedder()
    documents = [Document(content="On the Origin of Species is a work by Charles Darwin.", meta={"title": "Darwin"})]
    embedder.run(documents)["documents"][0].embedding  # 768 floats
    ```

    :param model: A name on the Hugging Face hub or a path: a DPR context encoder, any BERT-like encoder, a
        sentence-transformers folder, a ``.cp`` file of the original DPR repository, or a model directory of
        dpr-haystack, whose passage tower is used. Local paths and cached models need no network.
    :param device: Where the model runs: a ``ComponentDevice``, or a name such as ``"cpu"`` or ``"cuda:0"``; ``None``
        for the best available device.
    :param token: Token for the Hugging Face hub, for gated and private models.
    :param dtype: The number format of the computation: ``"float32"``, ``"bfloat16"``, ``"float16"``, or ``"auto"``
        (bfloat16 where the processor supports it natively, else float32). Vectors are always float32.
    :param max_length: The longest passage in tokens, including the title; ``None`` for the model's own limit, or 256
        if it has none.
    :param pooling: How token vectors are pooled, e.g. ``"cls"`` or ``"mean"``; ``None`` for the model's own pooling,
        or ``"cls"`` if it has none. See :class:`DPRTextEmbedder` for all choices.
    :param normalize: Whether to scale vectors to length 1; ``None`` for what the model specifies.
    :param batch_size: The maximum number of passages in a batch; ``None`` to choose it by the number of tokens.
    :param title_field: The key of the title in ``meta``; ``None`` to embed no titles.
    :param meta_fields_to_embed: Further keys of ``meta``, whose values are put before the content, one per line. The
        key of the title is embedded once, as the title.
    :param progress_bar: Whether to show a progress bar.
    :param prefix: Text put before every passage, instead of the prompt that the model names; ``None`` for that prompt.
    :param suffix: Text put after every passage.
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

    _role = "passage"

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
        self.title_field = title_field
        self.meta_fields_to_embed = meta_fields_to_embed
        self.progress_bar = progress_bar
        self._settings = TowerSettings(
            model=model, device=as_device(device), token=token, dtype=dtype, max_length=max_length, pooling=pooling,
            normalize=normalize, batch_size=batch_size, prefix=prefix, suffix=suffix, truncate_dim=truncate_dim,
            revision=revision, trust_remote_code=trust_remote_code, attn_implementation=attn_implementation,
            model_kwargs=model_kwargs, tokenizer_kwargs=tokenizer_kwargs, config_kwargs=config_kwargs,
        )  # fmt: skip
        self._load_again()

    @property
    def dimension(self) -> int:
        """Dimension of the vectors; loads the model if necessary."""
        return self._tower.get().dimension

    @property
    def similarity(self) -> Similarity:
        """The similarity by which a store must compare the vectors; loads the model if necessary.

        ``l2`` for a tower that was trained for Euclidean distance, else ``dot_product``: towers for cosine similarity
        produce vectors of length 1, unless they come from another library and do not specify it.
        """
        return Similarity.L2 if self._tower.get().similarity == Similarity.L2 else Similarity.DOT_PRODUCT

    def to_dict(self) -> dict[str, Any]:
        """Serialise the component to a dictionary."""
        return default_to_dict(
            self,
            **self._settings.parameters(),
            title_field=self.title_field,
            meta_fields_to_embed=self.meta_fields_to_embed,
            progress_bar=self.progress_bar,
        )

    @component.output_types(documents=list[Document])
    def run(self, documents: list[Document]) -> dict[str, Any]:
        """Embed documents.

        :param documents: The documents; they are not modified.
        :returns: ``documents``: copies with embeddings, in the same order and with the same ids. The value of
            ``dpr_encoder`` in their ``meta`` names the encoder: a ``FAISSDocumentStore`` records it and removes it.
        :raises InputError: If it is not a list of Documents, or some have no content.
        :raises ModelError: If the model cannot be loaded.
        """
        documents = without_dictionaries("documents", documents)
        _check_documents(documents)
        fields = self.meta_fields_to_embed or ()
        texts = [
            passage_text(document.content or "", document.meta, title_field=self.title_field, fields=fields)
            for document in documents
        ]
        vectors = self._encode(texts)
        record = self.identity.passage_record()
        embedded = zip(documents, vectors, checksums(vectors), strict=True)
        return {
            "documents": [
                replace(each, embedding=vector.tolist(), meta={**each.meta, MARK: mark_of(record, checksum)})
                for each, vector, checksum in embedded
            ]
        }

    @component.output_types(documents=list[Document])
    async def run_async(self, documents: list[Document]) -> dict[str, Any]:
        """Embed documents in a separate thread.

        :param documents: The documents; they are not modified.
        :returns: ``documents``: copies with embeddings, in the same order and with the same ids.
        """
        return await asyncio.to_thread(self.run, documents)

    def embed(self, passages: Sequence[str | PassageText]) -> NDArray[np.float32]:
        """Embed passages that are not Documents.

        :param passages: Texts, or pairs of a title (or ``None``) and a text.
        :returns: One float32 vector per passage, in order; shape (passages, dimension).
        :raises InputError: If a passage is neither.
        """
        if isinstance(passages, str):
            msg = "passages must be a list: got a string. For one passage call embed([passage])"
            raise InputTypeError(msg)
        return self._encode([_as_passage(passage) for passage in passages])

    def _encode(self, texts: Sequence[PassageText]) -> NDArray[np.float32]:
        return self._vectors(texts, "passages")


def _as_passage(passage: Any) -> PassageText:
    if isinstance(passage, str):
        return None, passage
    if isinstance(passage, (tuple, list)) and len(passage) == 2 and isinstance(passage[1], str):
        return as_title(passage[0]), passage[1]
    msg = f"a passage must be a text, or a pair of a title (or None) and a text: got {passage!r:.80}"
    raise InputTypeError(msg)


def _check_documents(documents: object) -> None:
    if not isinstance(documents, list) or not all(isinstance(document, Document) for document in documents):
        actual = type(documents).__name__
        if isinstance(documents, list):
            actual = f"a list with {next(type(item).__name__ for item in documents if not isinstance(item, Document))}"
        msg = (
            f"documents must be a list of Documents: got {actual}. "
            "Use DPRTextEmbedder for questions, and embed(passages) for texts that are not Documents"
        )
        raise InputTypeError(msg)
    empty = [document.id for document in documents if document.content is None]
    if empty:
        more = f" and {len(empty) - _SHOWN} more" if len(empty) > _SHOWN else ""
        msg = (
            f"every document must have content: {len(empty)} of {len(documents)} documents have none "
            f"({', '.join(empty[:_SHOWN])}{more}), so no document was embedded"
        )
        raise InputError(msg)
