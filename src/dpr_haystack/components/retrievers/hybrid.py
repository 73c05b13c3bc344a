# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Hybrid retrieval: BM25 and DPR over one store in one component."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from copy import copy
from typing import TYPE_CHECKING, Any

from haystack import component, default_to_dict
from haystack.dataclasses import Document
from haystack.document_stores.types import FilterPolicy
from haystack.utils import ComponentDevice, Secret

from dpr_haystack.backends.registry import check_serializable, search_over
from dpr_haystack.components._fusion_options import FusionOptions
from dpr_haystack.components._towers import hub_token
from dpr_haystack.components.retrievers.hybrid_search import HybridSearch
from dpr_haystack.components.retrievers.question_tower import HasQuestionTower
from dpr_haystack.components.text_embedder import DPRTextEmbedder
from dpr_haystack.core.hybrid_settings import HybridSettings, completed

if TYPE_CHECKING:
    from dpr_haystack.components.retrievers.common import AnyStore


_FUSION_OPTIONS = tuple(HybridSettings().parameters())


@component
class DPRHybridRetriever(HasQuestionTower):
    """Finds passages by BM25 and by DPR and fuses both lists, as BM25 + DPR in the paper (section 5.1).

    Both searches and the documents are read at one moment of the store. In Elasticsearch both searches are one request,
    and neither needs a paid licence.

    Options of the fusion that are not given are those that ``dpr-haystack fit-hybrid`` has written to ``hybrid.json``
    in the model directory. Weights, fusion, normalisation, missing and ``rrf_k`` belong together: if one of them is
    given, the others are the defaults. The file is read at the first use, and again after :meth:`close`.

    :param document_store: A ``FAISSDocumentStore``, or the ``ElasticsearchDocumentStore`` of elasticsearch-haystack
        over an index created by :func:`~dpr_haystack.create_elasticsearch_index`.
    :param model: The question tower, as for :class:`DPRRetriever`.
    :param top_k: How many documents to return.
    :param candidates: How many passages each search contributes; by default 100.
    :param weights: Weights of ``"bm25"`` and ``"dpr"``, not normalised; by default 1 and 1.
    :param fusion: ``"convex"`` (the default), ``"rrf"`` or ``"dbsf"``, see :class:`HybridJoiner`.
    :param normalization: ``"minmax"`` (the default), ``"zscore"`` or ``"none"``; with ``"none"`` the score is the
        paper's BM25 + lambda * inner product.
    :param missing: ``"min"`` (the default) or ``"zero"``: the score of a passage in the list that did not find it.
    :param exact_scores: Compute that score instead, from the vectors and the keyword index; by default False.
    :param rrf_k: The constant of reciprocal rank fusion; by default 60.
    :param explain: Put score and rank by each search into the metadata, under ``hybrid``.
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
    :raises ValueError: If an argument is unknown or out of range.
    """

    __module__ = "haystack_integrations.components.retrievers.dpr"

    def __init__(
        self,
        document_store: AnyStore,
        model: str = "facebook/dpr-question_encoder-single-nq-base",
        *,
        top_k: int = 10,
        candidates: int | None = None,
        weights: dict[str, float] | None = None,
        fusion: str | None = None,
        normalization: str | None = None,
        missing: str | None = None,
        exact_scores: bool | None = None,
        rrf_k: float | None = None,
        explain: bool = False,
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
        embedder = DPRTextEmbedder(
            model, device=device, token=token, dtype=dtype, max_length=max_length, prefix=prefix, suffix=suffix,
            truncate_dim=truncate_dim, revision=revision, trust_remote_code=trust_remote_code,
            attn_implementation=attn_implementation, model_kwargs=model_kwargs, tokenizer_kwargs=tokenizer_kwargs,
            config_kwargs=config_kwargs,
        )  # fmt: skip
        self._set_defaults(top_k, min_top_k, filters, filter_policy)
        self.document_store = document_store
        self.candidates = candidates
        self.weights = copy(weights)
        self.fusion = fusion
        self.normalization = normalization
        self.missing = missing
        self.exact_scores = exact_scores
        self.rrf_k = rrf_k
        self.explain = explain
        self._search = search_over(document_store, purpose="DPRHybridRetriever")
        self._ask(self._search, embedder)
        self._fusion_options = FusionOptions(type(self).__name__)
        completed(self._given, HybridSettings)  # checks them; no file is read yet

    @property
    def _given(self) -> dict[str, Any]:
        """The options of the fusion; None for those that are not given."""
        return {name: getattr(self, name) for name in _FUSION_OPTIONS}

    @property
    def settings(self) -> HybridSettings:
        """How the two lists are fused: as given, else as fitted for the model, else by the defaults.

        :raises ValueError: If a setting cannot be used.
        :raises DataError: If the model directory's ``hybrid.json`` is broken.
        """
        return self._fusion_options.settings(self.model, self._given)

    def warm_up(self) -> None:
        """Load the question tower, check that it belongs to the stored vectors, and read ``hybrid.json``.

        :raises ModelError: If the model cannot be found or loaded.
        :raises EncoderMismatch: If it is known to belong to another passage tower.
        :raises SearchServerError: If the vectors are in Elasticsearch and the mapping cannot be read.
        :raises DataError: If ``hybrid.json`` is broken.
        """
        self.settings  # noqa: B018 -- reads the file
        HasQuestionTower.warm_up(self)

    @property
    def hybrid_search(self) -> HybridSearch:
        """Both searches with these settings, for those who want ids and scores."""
        return HybridSearch(self._search, self._tower, self.settings)

    def to_dict(self) -> dict[str, Any]:
        """Serialise the settings.

        :raises ValueError: If the store has a password in plain text.
        """
        check_serializable(self.document_store)
        return default_to_dict(
            self,
            document_store=self.document_store,
            **self._parameters(),
            **self._given,
            explain=self.explain,
        )

    @component.output_types(documents=list[Document])
    def run(
        self, query: str, filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> dict[str, list[Document]]:
        """Retrieve documents for one question.

        :param query: The question.
        :param filters: A filter for this run, see ``filter_policy``; it applies to both searches.
        :param top_k: Overrides the constructor's; 0 returns nothing.
        :returns: ``documents``: best first, with fused scores, without embeddings.
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
        """:meth:`run` for many questions: embedded in batches, with one dense search for all.

        :param queries: The questions.
        :param filters: A filter for this run, see ``filter_policy``.
        :param top_k: Overrides the constructor's; 0 returns nothing.
        :returns: Documents for each question, best first.
        """
        count, chosen = self._chosen(top_k, filters)
        return self.hybrid_search.documents(queries, count, chosen, explain=self.explain)

    def close(self) -> None:
        """Release the model and the store's files; the next use opens them again."""
        self._fusion_options.forget()
        self._tower.close()
        self._search.close()
        self.document_store.close()
