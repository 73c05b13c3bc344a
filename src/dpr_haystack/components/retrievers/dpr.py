# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Dense retrieval: question tower and search in one component."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from haystack import component, default_to_dict
from haystack.dataclasses import Document
from haystack.document_stores.types import FilterPolicy
from haystack.utils import ComponentDevice, Secret

from dpr_haystack.backends.local import LocalSearch
from dpr_haystack.components._towers import hub_token
from dpr_haystack.components.document_store import FAISSDocumentStore
from dpr_haystack.components.retrievers.common import check_store
from dpr_haystack.components.retrievers.question_tower import HasQuestionTower
from dpr_haystack.components.text_embedder import DPRTextEmbedder


@component
class DPRRetriever(HasQuestionTower):
    """Dense passage retrieval (Karpukhin et al. 2020): embeds a question and finds the most similar passages.

    The question side of Haystack 1's ``DensePassageRetriever``. The store's vectors come from
    :class:`DPRDocumentEmbedder` with the passage tower of the same model.

    :param document_store: The store.
    :param model: The question tower: a model directory of dpr-haystack, a Hugging Face name or folder, or a
        sentence-transformers folder.
    :param top_k: How many documents to return.
    :param filters: A Haystack filter for every run.
    :param filter_policy: REPLACE: a run's own filter is used instead. MERGE: a document must match both.
    :param device: Where to compute, e.g. ``"cuda:0"``; None for the best device available.
    :param token: Hub token, for models that need one.
    :param dtype: "auto", "float32", "bfloat16" or "float16".
    :param max_length: Longest question in tokens; None for the length that the model was trained with.
    :param min_top_k: The lowest number of documents that a run asks for, for pipelines in which a later component
        selects from them: ``pipeline.run({"query": ..., "top_k": 3})`` gives ``top_k`` to every component.
    :param prefix: Text put before every question, instead of the prompt that the model names; None for that prompt.
    :param suffix: Text put after every question.
    :param truncate_dim: Keep only so many components of each vector; None for all.
    :param revision: The branch, tag or commit of the model on the hub; None for the main branch.
    :param trust_remote_code: Whether code in the model's repository may run.
    :param attn_implementation: The attention, e.g. ``"eager"``; None for the fastest one that the model has.
    :param model_kwargs: Further arguments of transformers' ``from_pretrained`` for the model.
    :param tokenizer_kwargs: The same for the tokenizer.
    :param config_kwargs: Settings that replace those of the model's ``config.json``.
    :raises ValueError: If the store is not a ``FAISSDocumentStore``, ``top_k`` is below 1 or the policy is unknown.
    """

    __module__ = "haystack_integrations.components.retrievers.dpr"

    def __init__(
        self,
        document_store: FAISSDocumentStore,
        model: str = "facebook/dpr-question_encoder-single-nq-base",
        *,
        top_k: int = 10,
        filters: dict[str, Any] | None = None,
        filter_policy: str | FilterPolicy = FilterPolicy.REPLACE,
        device: ComponentDevice | str | None = None,
        token: Secret | None = hub_token(),  # noqa: B008
        dtype: str = "auto",
        max_length: int | None = None,
        min_top_k: int = 0,
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
        check_store(document_store)
        embedder = DPRTextEmbedder(
            model, device=device, token=token, dtype=dtype, max_length=max_length, prefix=prefix, suffix=suffix,
            truncate_dim=truncate_dim, revision=revision, trust_remote_code=trust_remote_code,
            attn_implementation=attn_implementation, model_kwargs=model_kwargs, tokenizer_kwargs=tokenizer_kwargs,
            config_kwargs=config_kwargs,
        )  # fmt: skip
        self._set_defaults(top_k, min_top_k, filters, filter_policy)
        self.document_store = document_store
        self._ask(LocalSearch(document_store), embedder)

    def to_dict(self) -> dict[str, Any]:
        """Serialise the settings."""
        return default_to_dict(
            self,
            document_store=self.document_store,
            **self._parameters(),
        )

    @component.output_types(documents=list[Document])
    def run(
        self, query: str, filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> dict[str, list[Document]]:
        """Retrieve documents for one question.

        :param query: The question.
        :param filters: A filter for this run, see ``filter_policy``.
        :param top_k: Overrides the constructor's; 0 returns nothing.
        :returns: ``documents``: best first, with scores, without embeddings.
        :raises ValueError: If the question is empty or not a string, or ``top_k`` is negative.
        :raises FilterError: If the filter is not valid.
        """
        return {"documents": self.retrieve([query], filters, top_k)[0]}

    @component.output_types(documents=list[Document])
    async def run_async(
        self, query: str, filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> dict[str, list[Document]]:
        """See :meth:`run`; works in a thread."""
        return await asyncio.to_thread(self.run, query, filters, top_k)

    def retrieve(
        self, queries: Sequence[str], filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> list[list[Document]]:
        """:meth:`run` for many questions: embedded in batches, with one search for all.

        :param queries: The questions.
        :param filters: A filter for this run, see ``filter_policy``.
        :param top_k: Overrides the constructor's; 0 returns nothing.
        :returns: Documents for each question, best first.
        """
        count, chosen = self._chosen(top_k, filters)
        if not queries:
            return []
        return self.document_store.search_many(self._tower.embed(queries), count, chosen)

    def close(self) -> None:
        """Release the model and the store's files; the next use opens them again."""
        self._tower.close()
        self.document_store.close()
