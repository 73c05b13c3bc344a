# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A question in, fused documents out: BM25 and DPR over one store in one component."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from haystack import component, default_to_dict
from haystack.dataclasses import Document
from haystack.document_stores.types import FilterPolicy
from haystack.utils import ComponentDevice, Secret
from numpy.typing import NDArray

from dpr_haystack.backends.passage_search import in_order
from dpr_haystack.backends.registry import search_over
from dpr_haystack.components.retrievers.common import (
    check_default_top_k,
    chosen_top_k,
    combined,
    policy_of,
)
from dpr_haystack.components.retrievers.question_tower import HasQuestionTower, QuestionSide
from dpr_haystack.core.fusion import FusedHit, check_options, fuse
from dpr_haystack.core.hits import Hits, Ids
from dpr_haystack.errors import InputError

if TYPE_CHECKING:
    from dpr_haystack.backends.registry import AnyStore

_SOURCES = ("bm25", "dpr")


class FoundBy(NamedTuple):
    """What was found for one question, each list best first."""

    bm25: Hits
    dpr: Hits
    hybrid: list[FusedHit]


class _Runs(NamedTuple):
    """Scores of one question by each search, by id."""

    bm25: dict[str, float]
    dpr: dict[str, float]


@component
class DPRHybridRetriever(HasQuestionTower):
    """Finds passages by BM25 and by DPR and fuses the two lists, as the paper's BM25 + DPR (section 5.1).

    Over Elasticsearch both searches travel in one request, and neither needs a paid licence.

    :param document_store: A ``FAISSDocumentStore``, or the ``ElasticsearchDocumentStore`` of elasticsearch-haystack
        over an index that :func:`~dpr_haystack.create_elasticsearch_index` made.
    :param model: The question tower, as for :class:`DPRRetriever`.
    :param top_k: How many documents to return.
    :param candidates: How many each search contributes.
    :param weights: Weight of ``"bm25"`` and of ``"dpr"``, used as they are; None for 1 and 1.
    :param fusion: ``"convex"``, ``"rrf"`` or ``"dbsf"``, see :class:`HybridJoiner`.
    :param normalization: ``"minmax"``, ``"zscore"`` or ``"none"``; with ``"none"`` the score is the paper's
        BM25 + lambda * inner product.
    :param missing: ``"min"`` or ``"zero"``: the score of a passage in the list that did not find it.
    :param exact_scores: Compute that score instead: vectors and keyword index are there.
    :param rrf_k: The constant of reciprocal rank fusion.
    :param explain: Put score and rank by each search into the metadata, under ``hybrid``.
    :param filters: A Haystack filter for every run.
    :param filter_policy: REPLACE: a run's own filter stands alone. MERGE: both must let a document through.
    :param device: Where to compute; None for the best device there is.
    :param token: Token for models of the hub that need one.
    :param dtype: "auto", "float32", "bfloat16" or "float16".
    :param max_length: Tokens that a question is cut to; None for what the model was trained with.
    :raises ValueError: If an argument is not one of those.
    """

    __module__ = "haystack_integrations.components.retrievers.dpr"

    def __init__(
        self,
        document_store: AnyStore,
        model: str = "facebook/dpr-question_encoder-single-nq-base",
        *,
        top_k: int = 10,
        candidates: int = 100,
        weights: dict[str, float] | None = None,
        fusion: str = "convex",
        normalization: str = "minmax",
        missing: str = "min",
        exact_scores: bool = False,
        rrf_k: float = 60,
        explain: bool = False,
        filters: dict[str, Any] | None = None,
        filter_policy: str | FilterPolicy = FilterPolicy.REPLACE,
        device: ComponentDevice | None = None,
        token: Secret | None = Secret.from_env_var(["HF_API_TOKEN", "HF_TOKEN"], strict=False),  # noqa: B008
        dtype: str = "auto",
        max_length: int | None = None,
    ) -> None:
        check_default_top_k(top_k)
        check_default_top_k(candidates)
        self.document_store = document_store
        self.model = model
        self.top_k = top_k
        self.candidates = candidates
        self.weights = _checked_weights(weights)
        check_options(self.weights, fusion=fusion, normalization=normalization, missing=missing, rrf_k=rrf_k)
        self.fusion = fusion
        self.normalization = normalization
        self.missing = missing
        self.exact_scores = exact_scores
        self.rrf_k = rrf_k
        self.explain = explain
        self.filters = filters
        self.filter_policy = policy_of(filter_policy)
        self.device = device
        self.token = token
        self.dtype = dtype
        self.max_length = max_length
        self._search = search_over(document_store, purpose="DPRHybridRetriever")
        self._questions = QuestionSide(
            self._search, model, device=device, token=token, dtype=dtype, max_length=max_length
        )

    def to_dict(self) -> dict[str, Any]:
        """Serialize the settings.

        :raises ValueError: If a store in Elasticsearch was given a password as plain text.
        """
        self._search.refuse_to_write_secrets()
        return default_to_dict(
            self,
            document_store=self.document_store,
            model=self.model,
            top_k=self.top_k,
            candidates=self.candidates,
            weights=self.weights,
            fusion=self.fusion,
            normalization=self.normalization,
            missing=self.missing,
            exact_scores=self.exact_scores,
            rrf_k=self.rrf_k,
            explain=self.explain,
            filters=self.filters,
            filter_policy=self.filter_policy.value,
            device=self.device,
            token=self.token,
            dtype=self.dtype,
            max_length=self.max_length,
        )

    @component.output_types(documents=list[Document])
    def run(
        self, query: str, filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> dict[str, list[Document]]:
        """Retrieve documents for one question.

        :param query: The question.
        :param filters: A filter for this run, see ``filter_policy``; both searches obey it.
        :param top_k: Overrides the constructor's; 0 returns nothing.
        :returns: ``documents``: best first, with fused scores, without embeddings.
        :raises ValueError: If the question is empty or no string, or ``top_k`` is negative.
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
        """:meth:`run` for many questions: embedded in batches, found in one dense search."""
        wanted = chosen_top_k(top_k, self.top_k)
        lists = [found.hybrid[:wanted] for found in self.all_hits(queries, filters, wanted)]
        documents = self._search.documents(list(dict.fromkeys(hit.id for hits in lists for hit in hits)))
        return [self._documents(documents, hits) for hits in lists]

    def all_hits(
        self, queries: Sequence[str], filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> list[FoundBy]:
        """What each search and both together found for many questions, as ids and scores."""
        if not queries:
            return []
        depth = max(self.candidates, chosen_top_k(top_k, self.top_k))
        chosen = combined(self.filter_policy, self.filters, filters)
        embeddings = self._questions.embed(queries)
        found = self._search.both_hits(queries, embeddings, depth, chosen)
        runs = [_Runs(both.bm25.by_id(), both.dpr.by_id()) for both in found]
        if self.exact_scores:
            computed = self._search.scores(queries, embeddings, [_lacking(run) for run in runs])
            for run, (by_words, by_vector) in zip(runs, computed, strict=True):
                run.bm25.update(by_words)
                run.dpr.update(by_vector)
        return [FoundBy(*both, self._fuse(run)) for both, run in zip(found, runs, strict=True)]

    def embed(self, queries: Sequence[str]) -> NDArray[np.float32]:
        """Embeddings of questions, shape (questions, dim)."""
        return self._questions.embed(queries)

    def close(self) -> None:
        """Let go of the model and the store's files; the next use opens them again."""
        self._questions.close()
        self._search.close()
        self.document_store.close()

    def _fuse(self, run: _Runs) -> list[FusedHit]:
        return fuse(
            run._asdict(),
            self.weights,
            fusion=self.fusion,
            normalization=self.normalization,
            missing=self.missing,
            rrf_k=self.rrf_k,
        )

    def _documents(self, there: Mapping[str, Document], hits: Sequence[FusedHit]) -> list[Document]:
        documents = in_order(there, {hit.id: hit.score for hit in hits})
        if not self.explain:
            return documents
        told = {hit.id: {name: part._asdict() for name, part in hit.contributions.items()} for hit in hits}
        return [replace(document, meta={**document.meta, "hybrid": told[document.id]}) for document in documents]


def _lacking(run: _Runs) -> Ids:
    """The passages that only the other search found."""
    return Ids([name for name in run.dpr if name not in run.bm25], [name for name in run.bm25 if name not in run.dpr])


def _checked_weights(weights: Mapping[str, float] | None) -> dict[str, float]:
    if weights is None:
        return dict.fromkeys(_SOURCES, 1.0)
    if set(weights) != set(_SOURCES):
        msg = f"weights must name 'bm25' and 'dpr', got {sorted(weights)}"
        raise InputError(msg)
    return dict(weights)
