# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A tiny reader for the tests of the reader component."""

from __future__ import annotations

from pathlib import Path

import pytest

from dpr_haystack import DPRReader
from support.checkpoints import tiny_dpr


@pytest.fixture(scope="session")
def reader_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_dpr(tmp_path_factory.mktemp("dpr") / "reader", "reader")


@pytest.fixture(scope="session")
def reader(reader_folder: Path) -> DPRReader:
    return DPRReader(str(reader_folder), dtype="float32")
