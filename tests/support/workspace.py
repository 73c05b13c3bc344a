# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A workspace as `dpr-haystack quickstart` makes it: made once, copied where a test changes it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest


@pytest.fixture(scope="session")
def workspace_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace that all tests share; they read it only. Nothing has been fitted for its model: equal weights."""
    from dpr_haystack.workflows.workspace import make_workspace

    root = tmp_path_factory.mktemp("quickstart") / "demo"
    make_workspace(root)
    (root / "model" / "hybrid.json").unlink()
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


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two model directories with vectors of 32 numbers and different weights, quick to load and to run."""
    from dpr_haystack.engines.towers.conversion import convert
    from support.checkpoints import tiny_dpr

    root = tmp_path_factory.mktemp("tiny-models")
    for number in (1, 2):
        question = tiny_dpr(root / f"question-{number}", "question", seed=10 * number)
        passage = tiny_dpr(root / f"passage-{number}", "passage", seed=10 * number + 1)
        convert(str(question), str(passage), root / f"model-{number}")
    return root / "model-1", root / "model-2"


class Ran(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Runs the command line in this process; what was printed before is thrown away."""
    from dpr_haystack.cli import main

    def run(*arguments: object) -> Ran:
        capfd.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        return Ran(code, *capfd.readouterr())

    return run
