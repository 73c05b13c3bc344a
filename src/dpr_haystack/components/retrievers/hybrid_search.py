# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Searching by BM25 and by DPR and fusing what both find: what the hybrid retriever and the evaluation do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from haystack.dataclasses import Document
from numpy.typing import NDArray

from dpr_haystack.backends.passage_search import Filters, PassageSearch, in_order
from dpr_haystack.components.retrievers.question_tower import QuestionTower
from dpr_haystack.core.fusion import FusedHit, fuse
from dpr_haystack.core.hits import Both, Hits, Ids
from dpr_haystack.core.hybrid_settings import HybridSettings
from dpr_haystack.errors import InputError

SYSTEMS = ("bm25", "dpr", "hybrid")
"""What can be searched and evaluated, in the order of the tables."""

Runs = dict[str, Hits]
"""What each system found for one question, by its name."""


class HybridHits(NamedTuple):
    """What was found for one question.

    :param both: The hits of each search.
    :param fused: All of them, fused, best first.
    """

    both: Both
    fused: list[FusedHit]


@dataclass(frozen=True)
class HybridSearch:
    """Both searches over one place.

    :param search: Where to search.
    :param tower: Makes vectors of questions.
    :param settings: How to fuse what both find.
    """

    search: PassageSearch
    tower: QuestionTower
    settings: HybridSettings = field(default_factory=HybridSettings)

    def embed(self, questions: Sequence[str]) -> NDArray[np.float32]:
        """Embeddings of questions.

        :param questions: The questions.
        :returns: Shape (questions, dim).
        """
        return self.tower.embed(questions)

    def hits(
        self, queries: Sequence[str], depth: int | None = None, filters: Filters | None = None
    ) -> list[HybridHits]:
        """What each search and both together find, as ids and scores.

        :param queries: The questions.
        :param depth: How many passages each search finds; None for ``settings.candidates``.
        :param filters: A Haystack filter; None for all passages.
        :returns: Hits for each question.
        """
        if not queries:
            return []
        embeddings = self.embed(queries)
        with self.search.at_one_moment() as search:
            return self._hits(search, queries, embeddings, depth or self.settings.candidates, filters)

    def documents(
        self,
        queries: Sequence[str],
        top_k: int,
        filters: Filters | None = None,
        *,
        explain: bool = False,
    ) -> list[list[Document]]:
        """The best documents of both searches.

        :param queries: The questions.
        :param top_k: How many documents for each question.
        :param filters: A Haystack filter; None for all documents.
        :param explain: Whether to put score and rank by each search into the metadata, under ``hybrid``.
        :returns: Documents for each question, best first, without embeddings.
        """
        if not queries:
            return []
        embeddings = self.embed(queries)
        depth = max(self.settings.candidates, top_k)
        with self.search.at_one_moment() as search:
            results = self._hits(search, queries, embeddings, depth, filters)
            best = [hits.fused[:top_k] for hits in results]
            documents = search.documents(list(dict.fromkeys(hit.id for hits in best for hit in hits)))
        return [_documents(documents, hits, explain=explain) for hits in best]

    def _hits(
        self,
        search: PassageSearch,
        queries: Sequence[str],
        embeddings: NDArray[np.float32],
        depth: int,
        filters: Filters | None,
    ) -> list[HybridHits]:
        results = search.both_hits(queries, embeddings, depth, filters)
        complete = results
        if self.settings.exact_scores:
            scores = search.scores(queries, embeddings, [_lacking(both) for both in results])
            complete = [_merged(*pair) for pair in zip(results, scores, strict=True)]
        return [HybridHits(both, _fused(full, self.settings)) for both, full in zip(results, complete, strict=True)]


def systems_of(hybrid: HybridSearch | None, wanted: Sequence[str] | None = None) -> tuple[str, ...]:
    """The systems that can be used, in the order of :data:`SYSTEMS`.

    :param hybrid: None where there are no vectors: then BM25 alone.
    :param wanted: Only these; None for all.
    :returns: Their names.
    :raises InputError: If a wanted system is unknown, or needs vectors that the place does not have.
    """
    usable = SYSTEMS if hybrid is not None else SYSTEMS[:1]
    for name in wanted or ():
        if name not in SYSTEMS:
            msg = f"system must be one of {', '.join(SYSTEMS)}: got {name!r}"
            raise InputError(msg)
        if name not in usable:
            msg = f"{name} needs vectors, and no passage has any: only bm25 can be used"
            raise InputError(msg)
    return tuple(name for name in usable if wanted is None or name in wanted)


def runs_of(
    search: PassageSearch,
    hybrid: HybridSearch | None,
    questions: Sequence[str],
    depth: int,
    systems: Sequence[str] = SYSTEMS,
    filters: Filters | None = None,
) -> list[Runs]:
    """What each system finds.

    :param search: Where to search.
    :param hybrid: Both searches over it; None for BM25 alone.
    :param questions: The questions.
    :param depth: How many passages each system finds.
    :param systems: Which systems are needed; the others are not searched.
    :param filters: A Haystack filter; None for all passages.
    :returns: Hits of each system for each question.
    """
    if hybrid is None or set(systems) == {"bm25"}:
        return [{"bm25": hits} for hits in search.keyword_hits(questions, depth, filters)]
    if set(systems) == {"dpr"}:
        return [{"dpr": hits} for hits in search.dense_hits(hybrid.embed(questions), depth, filters)]
    return [
        {
            "bm25": hits.both.bm25,
            "dpr": hits.both.dpr,
            "hybrid": Hits([hit.id for hit in hits.fused], [hit.score for hit in hits.fused]),
        }
        for hits in hybrid.hits(questions, max(hybrid.settings.candidates, depth), filters)
    ]


def _lacking(both: Both) -> Ids:
    """The passages that only the other search found."""
    bm25, dpr = set(both.bm25.ids), set(both.dpr.ids)
    return Ids([name for name in both.dpr.ids if name not in bm25], [name for name in both.bm25.ids if name not in dpr])


def _merged(first: Both, second: Both) -> Both:
    return Both(*(Hits(a.ids + b.ids, a.scores + b.scores) for a, b in zip(first, second, strict=True)))


def _fused(both: Both, settings: HybridSettings) -> list[FusedHit]:
    # Hits with exact scores are in no order; those of a search are listed best first.
    is_sorted = not settings.exact_scores
    runs = {name: list(zip(*hits, strict=True)) if is_sorted else hits.by_id() for name, hits in both._asdict().items()}
    return fuse(
        runs,
        settings.weights,
        fusion=settings.fusion,
        normalization=settings.normalization,
        missing=settings.missing,
        rrf_k=settings.rrf_k,
    )


def _documents(documents: Mapping[str, Document], hits: Sequence[FusedHit], *, explain: bool) -> list[Document]:
    ordered = in_order(documents, {hit.id: hit.score for hit in hits})
    if not explain:
        return ordered
    parts = {hit.id: {name: part._asdict() for name, part in hit.contributions.items()} for hit in hits}
    return [replace(document, meta={**document.meta, "hybrid": parts[document.id]}) for document in ordered]
