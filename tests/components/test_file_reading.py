# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF001
"""Reading the passages of files."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfWriter

from dpr_haystack.components.file_reading import Sources, read_file
from dpr_haystack.errors import DataError
from support.files import BEES, html, pdf


def test_offsets_and_pages_of_a_pdf(tmp_path: Path) -> None:
    pages = [" ".join(f"w{page}x{number}" for number in range(30)) for page in range(3)]
    (tmp_path / "three-pages.pdf").write_bytes(pdf(*pages))
    passages = list(read_file(tmp_path / "three-pages.pdf", words=20))
    assert [passage.meta["page_number"] for passage in passages] == [1, 1, 2, 2, 3, 3]
    assert {passage.title for passage in passages} == {"three pages"}
    whole = "\f".join(pages)
    for passage in passages:
        assert whole[passage.meta["offset"] :].startswith(passage.text)
        assert len(passage.text.split()) <= 20


PAGES = {
    "shift_jis": ("蜂とはちみつの話", "ミツバチは花の蜜を集めて巣に運ぶ。冬の間はそれを食べて暮らす。"),
    "iso-2022-jp": ("蜂とはちみつの話", "ミツバチは花の蜜を集めて巣に運ぶ。冬の間はそれを食べて暮らす。"),
    "gbk": ("蜜蜂的生活", "蜜蜂采集花蜜,把它带回蜂巢。冬天它们靠这些蜂蜜生活。"),
    "gb2312": ("蜜蜂的生活", "蜜蜂采集花蜜,把它带回蜂巢。冬天它们靠这些蜂蜜生活。"),
    "windows-1251": ("Пчёлы и мёд", "Пчёлы собирают нектар и приносят его в улей, а зимой едят мёд."),
    "utf-16": ("Bienen", "Bienen sammeln Nektar und bringen ihn in den Stock."),
}


@pytest.mark.parametrize("encoding", PAGES)
@pytest.mark.parametrize(
    "declared", ["<meta charset={}>", "<META http-equiv='Content-Type' content='text/html; charset={}'>"]
)
def test_title_and_text_of_a_page_have_one_encoding(tmp_path: Path, encoding: str, declared: str) -> None:
    title, text = PAGES[encoding]
    page = html(title, *[text] * 3).replace("<head>", f"<head>{declared.format(encoding)}")
    (tmp_path / "page.html").write_bytes(page.encode(encoding))
    passages = list(read_file(tmp_path / "page.html"))
    assert {passage.title for passage in passages} == {title}
    assert text in " ".join(passage.text for passage in passages)


def test_a_docx(tmp_path: Path) -> None:
    docx = pytest.importorskip("docx")
    document = docx.Document()
    document.add_paragraph("Bees make honey.")
    document.add_table(1, 2).rows[0].cells[1].text = "wax"
    document.save(tmp_path / "some-bees.docx")
    document.core_properties.title = "All about bees"
    document.save(tmp_path / "titled.docx")
    (passage,) = read_file(tmp_path / "some-bees.docx")
    assert (passage.title, passage.meta) == ("some bees", {"file": str(tmp_path / "some-bees.docx"), "offset": 0})
    assert passage.text.startswith("Bees make honey.")
    assert "wax" in passage.text
    assert [each.title for each in read_file(tmp_path / "titled.docx")] == ["All about bees"]
    (tmp_path / "bad.docx").write_bytes(b"PK not a document")
    with pytest.raises(DataError, match="cannot be read as docx"):
        list(read_file(tmp_path / "bad.docx"))


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_the_title_of_a_page(tmp_path: Path, encoding: str) -> None:
    text = html("Bienen &amp; Blüten", *BEES).replace("<head>", f"<head><meta charset='{encoding}'>")
    (tmp_path / "page.html").write_bytes(text.encode(encoding))
    assert {passage.title for passage in read_file(tmp_path / "page.html")} == {"Bienen & Blüten"}
    (tmp_path / "no_title.htm").write_text("<html><body><article><p>" + " ".join(BEES) + "</p></article></body></html>")
    assert {passage.title for passage in read_file(tmp_path / "no_title.htm")} == {"no title"}


@pytest.mark.parametrize(("password", "message"), [("secret", "a.pdf: is encrypted: .*without password"), ("", None)])
def test_an_encrypted_pdf_says_so_unless_it_opens_without_a_password(
    tmp_path: Path, password: str, message: str | None
) -> None:
    writer = PdfWriter(clone_from=BytesIO(pdf("Glaciers melt.")))
    writer.encrypt(password, owner_password="owner", algorithm="RC4-128")
    writer.write(tmp_path / "a.pdf")
    if message is None:
        assert [passage.text for passage in read_file(tmp_path / "a.pdf")] == ["Glaciers melt."]
    else:
        with pytest.raises(DataError, match=message):
            list(read_file(tmp_path / "a.pdf"))


@pytest.mark.parametrize(("data", "reason"), [(b"", "empty file"), (pdf("a")[:200], "startxref|ended unexpectedly")])
def test_a_damaged_pdf_says_what_is_wrong(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "a.pdf").write_bytes(data)
    with pytest.raises(DataError, match=f"a.pdf: cannot be read as PDF: .*({reason})"):
        list(read_file(tmp_path / "a.pdf"))


def test_records_may_name_their_own_source_or_none(tmp_path: Path) -> None:
    rows = [{"text": "one"}, {"text": "two", "meta": {"file": "b.md"}}, {"text": "three", "meta": {"file": None}}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    sources = Sources([tmp_path / "a.jsonl"], tmp_path)
    assert [passage.meta for passage in sources] == [{"file": "a.jsonl"}, {"file": "b.md"}, {}]
    assert sources.complete == ["a.jsonl"]


def test_a_missing_reader_is_said_with_the_pip_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    (tmp_path / "a.pdf").write_bytes(pdf("a"))
    monkeypatch.setitem(sys.modules, "pypdf", None)
    with pytest.raises(ImportError, match=r"a\.pdf.*pypdf"):
        list(read_file(tmp_path / "a.pdf"))
