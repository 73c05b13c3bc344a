# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Which files of the given paths are indexed."""

from __future__ import annotations

from pathlib import Path

import pytest

from dpr_haystack.cli import index
from dpr_haystack.errors import InputError
from dpr_haystack.formats.kinds import SUFFIXES
from dpr_haystack.workflows.finding import described, find_files


def test_files_come_once_in_the_order_of_the_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b/2.md", "b/10.md", "b/a/z.txt.gz", "b/a/y.HTML", "b/x.png", "b/.c.md", "a.pdf"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("")
    below = ["b/10.md", "b/2.md", "b/a/y.HTML", "b/a/z.txt.gz"]
    assert [path.as_posix() for path in find_files(["b"]).files] == below
    assert [path.as_posix() for path in find_files(["b/2.md", "b", "./b", "a.pdf"]).files] == [
        *("b/2.md", "b/10.md", "b/a/y.HTML", "b/a/z.txt.gz", "a.pdf"),
    ]
    with pytest.raises(InputError, match="nowhere does not exist"):
        find_files(["b", "nowhere"])


def test_a_named_file_is_read_whatever_its_folder(tmp_path: Path) -> None:
    (tmp_path / ".hidden").mkdir()
    file = tmp_path / ".hidden" / ".a.md"
    file.write_text("# A\n\nText.")
    assert find_files([file]).files == [file]
    with pytest.raises(InputError, match=r"no readable files.*\.pdf"):
        find_files([tmp_path])


def test_a_circle_of_links_has_an_end(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("text")
    (tmp_path / "again").symlink_to(tmp_path)
    (tmp_path / "gone.md").symlink_to(tmp_path / "nowhere.md")
    assert find_files([tmp_path]).files == [tmp_path / "a.md"]


def test_files_of_unknown_kinds_are_counted(tmp_path: Path) -> None:
    for name in ("a.md", "b.rst", "c.RST", "d/e.rst", "d/f.xyz", "d/README", ".hidden.rst"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("text")
    found = find_files([tmp_path, tmp_path / "d" / "f.xyz"])
    assert [path.name for path in found.files] == ["a.md", "f.xyz"], "a file that is named is read, or refused"
    assert found.passed_over == {".rst": 3, "without suffix": 1}
    assert described(found.passed_over) == "4 files passed over: .rst 3, without suffix 1 (unknown)"
    with pytest.raises(InputError, match=r"no readable files in .*\(3 files passed over.*\); supported: .*\.md"):
        find_files([tmp_path / "d"])


@pytest.mark.parametrize("missing", ["", "queries.jsonl", "qrels/test.tsv"])
def test_of_a_beir_folder_the_corpus_is_read(tmp_path: Path, missing: str) -> None:
    names = ["scifact/corpus.jsonl", "scifact/queries.jsonl", "scifact/qrels/test.tsv", "notes.md"]
    for name in names:
        if not (missing and name.endswith(missing)):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("{}")
    found = find_files([tmp_path])
    assert [path.relative_to(tmp_path).as_posix() for path in found.files] == ["notes.md", "scifact/corpus.jsonl"]
    assert found.passed_over == {"beside a BEIR corpus": 1 if missing else 2}
    (tmp_path / "scifact" / "corpus.jsonl").unlink()
    assert len(find_files([tmp_path]).files) == len(names) - 1 - bool(missing), "without a corpus, they are just files"


def test_the_known_suffixes_are_those_that_can_be_read(tmp_path: Path) -> None:
    for suffix in SUFFIXES:
        (tmp_path / f"a{suffix}").write_text("")
    assert {path.suffix for path in find_files([tmp_path]).files} == set(SUFFIXES) >= {".md", ".pdf", ".tsv"}
    assert all(suffix in index.describe() for suffix in SUFFIXES)
