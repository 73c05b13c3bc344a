# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What each system finds is the same whether it is asked for alone or with the others, and alone costs nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from haystack import Document
from haystack.document_stores.types import DuplicatePolicy
from numpy.typing import NDArray

from dpr_haystack import FAISSDocumentStore
from dpr_haystack.backends.local import LocalSearch
from dpr_haystack.backends.registry import search_over
from dpr_haystack.components.retrievers.hybrid_search import HybridSearch, runs_of
from dpr_haystack.core.hits import Both
from dpr_haystack.core.hybrid_settings import HybridSettings
from dpr_haystack.store.search import StoreSearch
from dpr_haystack.workflows.opening import hybrid_search_over

QUESTIONS = ["who wrote Dune?", "Which river flows through Ulm?"]


def test_a_system_alone_finds_what_it_finds_with_the_others(
    workspace_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FAISSDocumentStore.from_directory(workspace_root / "store")
    search = search_over(store)
    hybrid = hybrid_search_over(search, str(workspace_root / "model"), HybridSettings())
    every = runs_of(search, hybrid, QUESTIONS, 100)
    assert [set(run) for run in every] == [{"bm25", "dpr", "hybrid"}] * 2
    for system, method in (("bm25", "dense_hits"), ("dpr", "keyword_hits")):
        with monkeypatch.context() as patch:
            patch.delattr(StoreSearch, method)  # the other search is not to be made
            alone = runs_of(search, hybrid, QUESTIONS, 100, [system])
        assert alone == [{system: run[system]} for run in every]
    assert runs_of(search, None, QUESTIONS, 100) == [{"bm25": run["bm25"]} for run in every]
    hybrid.tower.close()
    store.close()


class ChangesBetween:
    """A search of a store that is changed before and after every search."""

    def __init__(self, search: LocalSearch, store: FAISSDocumentStore) -> None:
        self._search, self._store = search, store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._search, name)

    @contextmanager
    def at_one_moment(self) -> Iterator[ChangesBetween]:
        with self._search.at_one_moment() as moment:
            yield ChangesBetween(moment, self._store)

    def both_hits(self, *arguments: Any) -> list[Both]:
        better = [Document(id=f"later{n}", content="word", embedding=[9.0, 9.0]) for n in range(20)]
        self._store.write_documents(better, DuplicatePolicy.OVERWRITE)
        self._store.update_by_filter({"field": "id", "operator": "==", "value": "5"}, {"title": "another"})
        found = self._search.both_hits(*arguments)
        self._store.delete_all_documents()
        return found


class Tower:
    """Gives every question the same vector."""

    def embed(self, questions: Sequence[str]) -> NDArray[np.float32]:
        return np.ones((len(questions), 2), dtype=np.float32)


@pytest.mark.parametrize("exact_scores", [False, True])
def test_searches_and_documents_are_of_one_moment(tmp_path: Path, exact_scores: bool) -> None:
    store = FAISSDocumentStore(str(tmp_path / "store"), embedding_dim=2)
    documents = [Document(id=f"{n}", content="the word", embedding=[1.0, n / 10]) for n in range(6)]
    store.write_documents(documents)
    search: Any = ChangesBetween(LocalSearch(store), store)
    tower: Any = Tower()
    settings = HybridSettings(exact_scores=exact_scores, candidates=3 if exact_scores else 100)
    hybrid = HybridSearch(search, tower, settings)
    found = hybrid.documents(["word", "the word"], 3, explain=True)
    assert all(part["score"] is not None for row in found for each in row for part in each.meta["hybrid"].values())
    assert [[document.content for document in row] for row in found] == [["the word"] * 3] * 2
    assert [row[0].id for row in found] == ["5", "5"]
    assert all("title" not in document.meta for row in found for document in row)
    assert store.count_documents() == 0
    assert hybrid.documents(["word"], 3) == [[]]


def test_ids_and_scores_are_of_one_moment(tmp_path: Path) -> None:
    store = FAISSDocumentStore(str(tmp_path / "store"), embedding_dim=2)
    store.write_documents([Document(id=f"{n}", content="the word", embedding=[1.0, n / 10]) for n in range(6)])
    search: Any = ChangesBetween(LocalSearch(store), store)
    tower: Any = Tower()
    (hits,) = HybridSearch(search, tower, HybridSettings(exact_scores=True, candidates=3)).hits(["word"], 3)
    assert len(hits.fused) >= 3
    assert {each.id for each in hits.fused} <= set("012345")
    assert store.count_documents() == 0


def test_both_searches_of_a_store_are_of_one_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FAISSDocumentStore(str(tmp_path / "store"), embedding_dim=2)
    store.write_documents([Document(id="a", content="word", embedding=[1.0, 0.0])])
    dense_hits = LocalSearch.dense_hits

    def and_delete(self: LocalSearch, *arguments: Any) -> Any:
        found = dense_hits(self, *arguments)
        store.delete_all_documents()
        return found

    monkeypatch.setattr(LocalSearch, "dense_hits", and_delete)
    (both,) = LocalSearch(store).both_hits(["word"], np.ones((1, 2), dtype=np.float32), 3, None)
    assert (both.bm25.ids, both.dpr.ids) == (["a"], ["a"])
