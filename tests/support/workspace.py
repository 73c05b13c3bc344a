# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A workspace as `dpr-haystack quickstart` makes it: made once, copied where a test changes it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def workspace_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace that all tests share; they read it only."""
    from dpr_haystack.workflows.workspace import make_workspace

    root = tmp_path_factory.mktemp("quickstart") / "demo"
    make_workspace(root)
    return root


@pytest.fixture
def own_workspace(workspace_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy for one test, which also is its working directory; the model is a link, nothing writes to it."""
    root = tmp_path / "demo"
    shutil.copytree(workspace_root, root, ignore=shutil.ignore_patterns("model"))
    (root / "model").symlink_to(workspace_root / "model")
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def in_workspace(workspace_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shared workspace as working directory."""
    monkeypatch.chdir(workspace_root)
    return workspace_root
