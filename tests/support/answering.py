# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A workspace that answers: a quickstart workspace whose model directory has a reader, trained for a minute."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def readers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A DPR reader before and after its training."""
    from support.made_once import made_once
    from support.reader_training import train_reader, untrained_reader

    def make(root: Path) -> None:
        train_reader(untrained_reader(root / "untrained"), root / "trained")

    root = made_once(tmp_path_factory, "readers", make)
    return root / "untrained", root / "trained"


@pytest.fixture(scope="session")
def answering_root(workspace_root: Path, readers: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a reader in its model directory; tests read it only."""
    from dpr_haystack.engines.reader.model_directory import add_reader

    root = tmp_path_factory.mktemp("answering") / "demo"
    shutil.copytree(workspace_root, root, ignore=shutil.ignore_patterns("model"))
    shutil.copytree(workspace_root / "model", root / "model", copy_function=_link_weights)
    add_reader(str(readers[1]), root / "model")
    return root


@pytest.fixture
def in_answering(answering_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The workspace with a reader as working directory."""
    monkeypatch.chdir(answering_root)
    return answering_root


def _link_weights(source: str, target: str) -> None:
    if source.endswith(".safetensors"):
        os.link(source, target)
    else:
        shutil.copy2(source, target)
