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


def under_torchrun(file: Path, command: str, settings: dict[str, Any], *arguments: str) -> None:
    """Run a training command in two processes.

    :param file: The configuration to write.
    :param command: ``"train"`` or ``"train-reader"``.
    :param settings: The settings.
    :param arguments: Further arguments of the command.
    """
    file.write_text(yaml.safe_dump(settings))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m"]
    ended = subprocess.run(
        [*torchrun, "dpr_haystack.cli", command, str(file), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        timeout=100,
    )
    assert ended.returncode == 0, ended.stderr
