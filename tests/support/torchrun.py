# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Training in two processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

_TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
_CUT = """
import sys
import yaml
from dpr_haystack import ReaderTrainingConfig, train_reader

def progress(done, total, logged):
    if done == int(sys.argv[2]):
        raise SystemExit(9)

train_reader(ReaderTrainingConfig(**yaml.safe_load(open(sys.argv[1]))), progress=progress)
"""


def under_torchrun(file: Path, command: str, settings: dict[str, Any], *arguments: str) -> None:
    """Run a training command in two processes.

    :param file: The configuration to write.
    :param command: ``"train"`` or ``"train-reader"``.
    :param settings: The settings.
    :param arguments: Further arguments of the command.
    """
    file.write_text(yaml.safe_dump(settings))
    ended = _run("-m", "dpr_haystack.cli", command, str(file), *arguments)
    assert ended.returncode == 0, ended.stderr


def cut_off_under_torchrun(file: Path, settings: dict[str, Any], step: int) -> None:
    """Begin to train a reader in two processes and end both after a step, before its checkpoint.

    :param file: The configuration to write.
    :param settings: The settings.
    :param step: The step.
    """
    file.write_text(yaml.safe_dump(settings))
    script = file.with_suffix(".py")
    script.write_text(_CUT)
    ended = _run(str(script), str(file), str(step))
    assert "exitcode  : 9" in ended.stderr, ended.stderr


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*_TORCHRUN, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        timeout=100,
    )
