# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What BM25, DPR and both together find, for many questions."""

from __future__ import annotations

from collections.abc import Sequence

from dpr_haystack.backends.passage_search import PassageSearch
from dpr_haystack.components.retrievers.hybrid import DPRHybridRetriever
from dpr_haystack.core.hits import Hits
from dpr_haystack.errors import InputError

SYSTEMS = ("bm25", "dpr", "hybrid")

Runs = dict[str, Hits]
"""For each system what it found for one question, best first."""


def systems_of(retriever: DPRHybridRetriever | None, wanted: Sequence[str] | None = None) -> tuple[str, ...]:
    """The systems that there are, in their usual order.

    :param retriever: None where there is no question tower: then BM25 alone.
    :param wanted: Only these.
    :raises InputError: If a wanted one is unknown, or needs vectors that are not there.
    """
    there = SYSTEMS if retriever is not None else SYSTEMS[:1]
    for name in wanted or ():
        if name not in SYSTEMS:
            msg = f"there is no system {name!r}; there are {', '.join(SYSTEMS)}"
            raise InputError(msg)
        if name not in there:
            msg = f"{name} needs vectors, and the store has none: it can be searched by bm25 alone"
            raise InputError(msg)
    return tuple(name for name in there if wanted is None or name in wanted)


def runs_of(
    search: PassageSearch,
    retriever: DPRHybridRetriever | None,
    questions: Sequence[str],
    depth: int,
    systems: Sequence[str] = SYSTEMS,
) -> list[Runs]:
    """What each system finds for some questions.

    :param search: Where to search.
    :param retriever: Gives the question tower and says how to fuse; None for BM25 alone.
    :param questions: Searched together.
    :param depth: How many passages each system finds.
    :param systems: Which are needed; what only others need is not searched for.
    """
    if retriever is None or set(systems) == {"bm25"}:
        return [{"bm25": hits} for hits in search.keyword_hits(questions, depth, None)]
    if set(systems) == {"dpr"}:
        return [{"dpr": hits} for hits in search.dense_hits(retriever.embed(questions), depth, None)]
    return [
        {
            "bm25": found.bm25,
            "dpr": found.dpr,
            "hybrid": Hits([hit.id for hit in found.hybrid], [hit.score for hit in found.hybrid]),
        }
        for found in retriever.all_hits(questions, top_k=depth)
    ]
