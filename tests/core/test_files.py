# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Directories are written atomically and with the permissions of the umask."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dpr_haystack.core.files import atomic_directory


@pytest.fixture(params=[0o022, 0o077, 0o002])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_it_is_as_readable_as_the_umask_says(tmp_path: Path, umask: int) -> None:
    with atomic_directory(tmp_path / "made") as folder:
        (folder / "below").mkdir(mode=0o700)
        (folder / "below" / "weights").touch(mode=0o600)
        (folder / "text").touch()
    modes = {path.name: path.stat().st_mode & 0o777 for path in [tmp_path / "made", *(tmp_path / "made").rglob("*")]}
    whole, file = 0o777 & ~umask, 0o666 & ~umask
    assert modes == {"made": whole, "below": whole, "weights": file, "text": file}


def test_one_that_is_there_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "old").touch()

    def interrupted() -> None:
        with atomic_directory(tmp_path / "made") as folder:
            (folder / "new").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [path.name for path in tmp_path.rglob("*")] == ["made", "old"]
    with atomic_directory(tmp_path / "made") as folder:
        (folder / "new").touch()
        assert (tmp_path / "made" / "old").exists()
    assert [path.name for path in tmp_path.rglob("*")] == ["made", "new"]
