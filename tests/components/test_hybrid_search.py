# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What each system finds is the same whether it is asked for alone or with the others, and alone costs nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from dpr_haystack import FAISSDocumentStore
from dpr_haystack.backends.registry import search_over
from dpr_haystack.components.retrievers.hybrid_search import runs_of
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
