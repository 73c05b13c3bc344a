# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Reading the passages of files."""

from __future__ import annotations

from pathlib import Path

import pytest

from dpr_haystack.components.file_reading import read_file
from support.files import BEES, html, pdf


def test_offsets_and_pages_of_a_pdf(tmp_path: Path) -> None:
    pages = [" ".join(f"w{page}x{number}" for number in range(30)) for page in range(3)]
    (tmp_path / "three-pages.pdf").write_bytes(pdf(*pages))
    passages = list(read_file(tmp_path / "three-pages.pdf", words=20))
    assert [passage.meta["page"] for passage in passages] == [1, 1, 2, 2, 3, 3]
    assert {passage.title for passage in passages} == {"three pages"}
    whole = "\f".join(pages)
    for passage in passages:
        assert whole[passage.meta["offset"] :].startswith(passage.text)
        assert len(passage.text.split()) <= 20


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_the_title_of_a_page(tmp_path: Path, encoding: str) -> None:
    text = html("Bienen &amp; Blüten", *BEES).replace("<head>", f"<head><meta charset='{encoding}'>")
    (tmp_path / "page.html").write_bytes(text.encode(encoding))
    assert {passage.title for passage in read_file(tmp_path / "page.html")} == {"Bienen & Blüten"}
    (tmp_path / "no_title.htm").write_text("<html><body><article><p>" + " ".join(BEES) + "</p></article></body></html>")
    assert {passage.title for passage in read_file(tmp_path / "no_title.htm")} == {"no title"}


def test_a_missing_reader_is_said_with_the_pip_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    (tmp_path / "a.pdf").write_bytes(pdf("a"))
    monkeypatch.setitem(sys.modules, "pypdf", None)
    with pytest.raises(ImportError, match=r"a\.pdf.*dpr-haystack\[files\]"):
        list(read_file(tmp_path / "a.pdf"))
