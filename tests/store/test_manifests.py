# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The manifest is read once, and again as soon as its file has changed, whoever changed it."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from dpr_haystack import FAISSDocumentStore
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.store import manifests
from dpr_haystack.store.errors import StoreFailure
from dpr_haystack.store.layout import Layout, Manifest, read_manifest, write_manifest
from dpr_haystack.store.manifests import ManifestCache
from support.stores import make_documents

MANIFEST = Manifest(8, Similarity.DOT_PRODUCT, "Flat", "english", {"model": "a"})
HOUR = 3600 * 10**9


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The manifests that were read from disk."""
    paths: list[Path] = []

    def counted(layout: Layout) -> Manifest:
        paths.append(layout.root)
        return read_manifest(layout)

    monkeypatch.setattr(manifests, "read_manifest", counted)
    return paths


def make_old(path: Path, age: int = HOUR) -> None:
    """Date the file back, as if it had been written a while ago."""
    os.utime(path, ns=(time.time_ns() - age,) * 2)


def test_an_old_manifest_is_read_once_until_it_changes(tmp_path: Path, reads: list[Path]) -> None:
    layout = Layout(tmp_path)
    write_manifest(layout, MANIFEST)
    make_old(layout.manifest)
    cache = ManifestCache(layout)
    assert [cache.read() for _ in range(3)] == [MANIFEST] * 3
    assert len(reads) == 1
    for number, name in enumerate("bcd"):  # of the same size every time
        changed = replace(MANIFEST, encoder={"model": name})
        write_manifest(layout, changed)
        assert cache.read() == changed
        make_old(layout.manifest, HOUR - number)
        assert cache.read() == cache.read() == changed
    assert len(reads) == 1 + 2 * 3


def test_a_recent_manifest_is_read_every_time(tmp_path: Path, reads: list[Path]) -> None:
    """It might be replaced within the resolution of the file's time, by one of the same size and inode."""
    layout = Layout(tmp_path)
    write_manifest(layout, MANIFEST)
    cache = ManifestCache(layout)
    assert cache.read() == cache.read() == MANIFEST
    assert len(reads) == 2


def test_a_missing_manifest_is_an_error_also_after_it_was_read(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    write_manifest(layout, MANIFEST)
    make_old(layout.manifest)
    cache = ManifestCache(layout)
    cache.read()
    layout.manifest.unlink()
    with pytest.raises(StoreFailure, match=r"store\.json"):
        cache.read()


def test_searches_do_not_read_the_manifest(tmp_path: Path, reads: list[Path]) -> None:
    store = FAISSDocumentStore(str(tmp_path / "store"), embedding_dim=8, encoder="a")
    store.write_documents(make_documents(10, 8))
    make_old(tmp_path / "store" / "store.json")
    assert store.recorded_encoder == {"model": "a"}
    reads.clear()
    for _ in range(3):
        store.search([1.0] * 8)
        store.bm25_retrieval("river")
        assert store.recorded_encoder == {"model": "a"}
    assert reads == []
    write_manifest(Layout(tmp_path / "store"), replace(MANIFEST, encoder={"model": "b"}))  # another process
    assert store.recorded_encoder == {"model": "b"}
    store.close()
