# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Which files of the given paths are indexed."""

from __future__ import annotations

from pathlib import Path

import pytest

from dpr_haystack.errors import InputError
from dpr_haystack.workflows.finding import find_files


def test_files_come_once_in_the_order_of_the_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b/2.md", "b/10.md", "b/a/z.txt.gz", "b/a/y.HTML", "b/x.png", "b/.c.md", "a.pdf"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("")
    below = ["b/10.md", "b/2.md", "b/a/y.HTML", "b/a/z.txt.gz"]
    assert [path.as_posix() for path in find_files(["b"])] == below
    assert [path.as_posix() for path in find_files(["b/2.md", "b", "./b", "a.pdf"])] == [
        *("b/2.md", "b/10.md", "b/a/y.HTML", "b/a/z.txt.gz", "a.pdf"),
    ]
    with pytest.raises(InputError, match="nowhere does not exist"):
        find_files(["b", "nowhere"])


def test_a_named_file_is_read_whatever_its_folder(tmp_path: Path) -> None:
    (tmp_path / ".hidden").mkdir()
    file = tmp_path / ".hidden" / ".a.md"
    file.write_text("# A\n\nText.")
    assert find_files([file]) == [file]
    with pytest.raises(InputError, match=r"no readable files.*\.pdf"):
        find_files([tmp_path])


def test_a_circle_of_links_has_an_end(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("text")
    (tmp_path / "again").symlink_to(tmp_path)
    (tmp_path / "gone.md").symlink_to(tmp_path / "nowhere.md")
    assert find_files([tmp_path]) == [tmp_path / "a.md"]
