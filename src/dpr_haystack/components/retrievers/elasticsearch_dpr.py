# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Dense retrieval in Elasticsearch: question tower and search in one component."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from haystack import component, default_to_dict
from haystack.dataclasses import Document
from haystack.document_stores.types import FilterPolicy
from haystack.utils import ComponentDevice, Secret

from dpr_haystack.backends.elasticsearch.connection import check_patience, check_serializable
from dpr_haystack.backends.elasticsearch.search import ElasticsearchSearch
from dpr_haystack.components._towers import hub_token
from dpr_haystack.components.retrievers.question_tower import HasQuestionTower
from dpr_haystack.components.text_embedder import DPRTextEmbedder
from dpr_haystack.engines.elasticsearch.vectors import OVERSAMPLE, DenseSearch

if TYPE_CHECKING:
    from haystack_integrations.document_stores.elasticsearch import ElasticsearchDocumentStore


@component
class ElasticsearchDPRRetriever(HasQuestionTower):
    """Dense passage retrieval (Karpukhin et al. 2020) in Elasticsearch: embeds a question and searches.

    Scores are true inner products for every kind of index: where an index quantises vectors, its hits are rescored with
    the original vectors. :func:`~dpr_haystack.create_elasticsearch_index` creates an index that
    compares by inner product; the index that the official store creates compares by cosine, which is wrong for DPR.

    :param document_store: The ``ElasticsearchDocumentStore`` of elasticsearch-haystack; its vectors come from
        :class:`DPRDocumentEmbedder` with the passage tower of the same model.
    :param model: The question tower: a model directory of dpr-haystack, a Hugging Face name or folder, or a
        sentence-transformers folder.
    :param dtype: "auto", "float32", "bfloat16" or "float16".
    :param top_k: How many documents to return, at most 10,000.
    :param num_candidates: How many vectors each shard examines, at most 10,000: more increase recall and take longer.
        None for 100, or twice ``top_k`` if that is more.
    :param oversample: If the index quantises, how many times ``num_candidates`` vectors are rescored, 1 to 10; None for
        the setting of the index, and for servers before 8.18, which have no such option.
    :param filters: A Haystack filter for every run, applied during the search, so that it does not reduce recall.
    :param filter_policy: REPLACE: a run's own filter is used instead. MERGE: a document must match both.
    :param device: Where to compute, e.g. ``"cuda:0"``; None for the best device available.
    :param token: Hub token, for models that need one.
    :param max_length: Longest question in tokens; None for the length that the model was trained with.
    :param timeout: Seconds for a request; None for the store's setting.
    :param retries: How often to repeat a request, with growing pauses, while the server is busy or unreachable.
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
    :raises ValueError: If the store is of another class, or a setting is unknown or out of range.
    :raises MissingExtra: If elasticsearch-haystack is not installed.
    """

    __module__ = "haystack_integrations.components.retrievers.dpr_elasticsearch"

    def __init__(
        self,
        document_store: ElasticsearchDocumentStore,
        model: str = "facebook/dpr-question_encoder-single-nq-base",
        *,
        dtype: str = "auto",
        top_k: int = 10,
        num_candidates: int | None = None,
        oversample: float | None = OVERSAMPLE,
        filters: dict[str, Any] | None = None,
        filter_policy: str | FilterPolicy = FilterPolicy.REPLACE,
        device: ComponentDevice | str | None = None,
        token: Secret | None = hub_token(),  # noqa: B008
        max_length: int | None = None,
        timeout: float | None = None,
        retries: int = 3,
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
        embedder = DPRTextEmbedder(
            model, device=device, token=token, dtype=dtype, max_length=max_length, prefix=prefix, suffix=suffix,
            truncate_dim=truncate_dim, revision=revision, trust_remote_code=trust_remote_code,
            attn_implementation=attn_implementation, model_kwargs=model_kwargs, tokenizer_kwargs=tokenizer_kwargs,
            config_kwargs=config_kwargs,
        )  # fmt: skip
        self._set_defaults(top_k, min_top_k, filters, filter_policy)
        check_patience(timeout, retries)
        dense = DenseSearch(num_candidates, oversample)
        self._search = ElasticsearchSearch(
            document_store, "ElasticsearchDPRRetriever", dense=dense, timeout=timeout, retries=retries
        )
        self._ask(self._search, embedder)
        self.document_store = document_store
        self.num_candidates = num_candidates
        self.oversample = oversample
        self.timeout = timeout
        self.retries = retries

    def to_dict(self) -> dict[str, Any]:
        """Serialise the settings.

        :raises ValueError: If the store has a password in plain text.
        """
        check_serializable(self.document_store)
        return default_to_dict(
            self,
            document_store=self.document_store,
            **self._parameters(),
            num_candidates=self.num_candidates,
            oversample=self.oversample,
            timeout=self.timeout,
            retries=self.retries,
        )

    @component.output_types(documents=list[Document])
    def run(
        self, query: str, filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> dict[str, list[Document]]:
        """Retrieve documents for one question.

        :param query: The question.
        :param filters: A filter for this run, see ``filter_policy``.
        :param top_k: Overrides the constructor's; 0 returns nothing.
        :returns: ``documents``: best first, with inner products as scores, without embeddings.
        :raises ValueError: If the question is empty or not a string, ``top_k`` is negative, or the index has no vectors
            or vectors of another model.
        :raises FilterError: If the filter is not valid.
        :raises SearchServerError: If the server fails; see its subclasses.
        """
        return {"documents": self.retrieve([query], filters, top_k)[0]}

    @component.output_types(documents=list[Document])
    async def run_async(
        self, query: str, filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> dict[str, list[Document]]:
        """See :meth:`run`; embeds in a thread and does not block the event loop."""
        count, chosen = self._chosen(top_k, filters)
        embeddings = await asyncio.to_thread(self._tower.embed, [query])
        return {"documents": (await self._search.dense_documents_async(embeddings, count, chosen))[0]}

    def retrieve(
        self, queries: Sequence[str], filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> list[list[Document]]:
        """:meth:`run` for many questions: embedded in batches, up to 64 per request.

        :param queries: The questions.
        :param filters: A filter for this run, see ``filter_policy``.
        :param top_k: Overrides the constructor's; 0 returns nothing.
        :returns: Documents for each question, best first.
        """
        count, chosen = self._chosen(top_k, filters)
        if not queries:
            return []
        return self._search.dense_documents(self._tower.embed(queries), count, chosen)

    def close(self) -> None:
        """Release the model and the connections; the next use opens them again."""
        self._tower.close()
        self._search.close()
        self.document_store.close()

    async def close_async(self) -> None:
        """Close the asynchronous connections; the next use opens others."""
        await self._search.close_async()
        await self.document_store.close_async()
