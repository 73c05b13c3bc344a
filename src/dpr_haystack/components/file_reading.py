# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Reading the passages of files; the converters for HTML and PDF are Haystack's."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from haystack.dataclasses import ByteStream, Document

from dpr_haystack._optional import require
from dpr_haystack.core.passages import Passage, clean_title, split_passages
from dpr_haystack.errors import DataError
from dpr_haystack.formats import PASSAGE_SUFFIXES, TableOptions, read_passages
from dpr_haystack.formats.html_text import decoded_html, html_title
from dpr_haystack.formats.open_text import OnBad, stem_of, suffix_of

_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

#: Media types of the files that are converted, by suffix.
CONVERTED = {".docx": _DOCX, ".html": "text/html", ".htm": "text/html", ".pdf": "application/pdf"}

SUFFIXES = tuple(sorted({*PASSAGE_SUFFIXES, *CONVERTED}))
"""The suffixes of all files that can be read, each also with ``.gz``."""


def read_file(
    path: Path, *, words: int = 100, on_bad: OnBad | None = None, tables: TableOptions | None = None
) -> Iterator[Passage]:
    """The passages of one file.

    :param path: A file with one of :data:`SUFFIXES`, also gzipped.
    :param words: Words per passage, for files without passages of their own.
    :param on_bad: Called with the error of each bad line or record, which is skipped; None to raise the first.
    :param tables: How to read TSV and CSV files.
    :returns: Its passages; none if it contains no text, e.g. a PDF of scanned pages.
    :raises DataError: If it cannot be read as the type that its name says.
    :raises MissingExtra: If a package needed to read it is not installed.
    """
    kind = CONVERTED.get(suffix_of(path))
    if kind is None:
        yield from read_passages(path, words=words, on_bad=on_bad, tables=tables)
    else:
        yield from _converted(path, kind, words)


class Sources:
    """The passages of several files; the metadata ``file`` of each passage names its source.

    :param files: The files.
    :param base: ``file`` is relative to this folder for files below it, absolute for others; None: always absolute.
    :param words: Words per passage, for files without passages of their own.
    :param skip_bad: Skip bad lines and unreadable files instead of raising.
    :param tables: How to read TSV and CSV files.
    """

    def __init__(
        self,
        files: Sequence[Path],
        base: Path | None,
        *,
        words: int = 100,
        skip_bad: bool = False,
        tables: TableOptions | None = None,
    ) -> None:
        self._files = files
        self._base = None if base is None else base.resolve()
        self._words = words
        self._skip_bad = skip_bad
        self._tables = tables
        self.empty: list[Path] = []
        """Files without text."""
        self.bad: list[DataError] = []
        """Errors of files that could not be read completely."""
        self.bad_records: list[DataError] = []
        """Errors of lines and records that were skipped."""

    def __iter__(self) -> Iterator[Passage]:
        for file in self._files:
            try:
                yield from self._passages(file)
            except DataError as error:
                if not self._skip_bad:
                    raise
                self.bad.append(error)

    def _passages(self, file: Path) -> Iterator[Passage]:
        source, has_any = self._source(file), False
        on_bad = self.bad_records.append if self._skip_bad else None
        for passage in read_file(file, words=self._words, on_bad=on_bad, tables=self._tables):
            has_any = True
            has_source = passage.meta.get("file") != str(file)  # a record may name its own source
            yield passage if has_source else replace(passage, meta={**passage.meta, "file": source})
        if not has_any:
            self.empty.append(file)

    def _source(self, file: Path) -> str:
        path = file.resolve()
        if self._base is not None and path.is_relative_to(self._base):
            path = path.relative_to(self._base)
        return path.as_posix()


def _converted(path: Path, kind: str, words: int) -> Iterator[Passage]:
    data = _bytes_of(path)
    title = ""
    if kind == "text/html":
        page = decoded_html(data)  # once, for title and text
        data, title = page.encode(errors="replace"), html_title(page)
    document = _convert(path, data, kind)
    content = document.content or ""
    if kind == _DOCX:
        title = document.meta["docx"]["title"] or ""
    title = title or clean_title(stem_of(path).replace("-", " "))
    pages = content.split("\f") if kind == "application/pdf" else [content]
    offset = 0
    for number, page in enumerate(pages, 1):
        meta: dict[str, Any] = {"file": str(path)}
        if kind == "application/pdf":
            meta["page"] = number
        yield from split_passages(title, page, meta, words=words, offset=offset)
        offset += len(page) + 1


def _bytes_of(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(path, f"cannot be read: {error}") from error


def _convert(path: Path, data: bytes, kind: str) -> Document:
    """The text of a file, converted by Haystack; empty for a page without text."""
    from haystack.components.converters import DOCXToDocument, HTMLToDocument, PyPDFToDocument

    package, name, make = {
        "application/pdf": ("pypdf", "PDF", PyPDFToDocument),
        _DOCX: ("docx", "docx", DOCXToDocument),
        "text/html": ("trafilatura", "HTML", HTMLToDocument),
    }[kind]
    require(package, "files", f"Reading {path.name}")
    converter: Any = make()
    documents = converter.run(sources=[ByteStream(data=data, mime_type=kind)])["documents"]
    if not documents and name != "HTML":
        raise DataError(path, f"cannot be read as {name}")
    return documents[0] if documents else Document(content="")
