# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Reading the passages of files; the converters for HTML and PDF are Haystack's."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from dpr_haystack._optional import require
from dpr_haystack.core.passages import Passage, clean_title, split_passages
from dpr_haystack.errors import DataError
from dpr_haystack.formats import PASSAGE_SUFFIXES, read_passages
from dpr_haystack.formats.open_text import OnBad, stem_of, suffix_of

#: Media types of the files that are converted, by suffix.
CONVERTED = {".html": "text/html", ".htm": "text/html", ".pdf": "application/pdf"}

SUFFIXES = tuple(sorted({*PASSAGE_SUFFIXES, *CONVERTED}))
"""The suffixes of all files that can be read, each also with ``.gz``."""


def read_file(path: Path, *, words: int = 100, on_bad: OnBad | None = None) -> Iterator[Passage]:
    """The passages of one file.

    :param path: Text, Markdown, HTML, PDF, JSON lines, DPR's passage TSV or SQuAD JSON, each also gzipped.
    :param words: Words per passage, for files without passages of their own.
    :param on_bad: Called with the error of each bad line or record, which is skipped; None to raise the first.
    :returns: Its passages; none if it contains no text, e.g. a PDF of scanned pages.
    :raises DataError: If it cannot be read as the type that its name says.
    :raises MissingExtra: If a package needed to read it is not installed.
    """
    kind = CONVERTED.get(suffix_of(path))
    if kind is None:
        yield from read_passages(path, words=words, on_bad=on_bad)
    else:
        yield from _converted(path, kind, words)


class Sources:
    """The passages of several files; the metadata ``file`` of each passage names its source.

    :param files: The files.
    :param base: ``file`` is relative to this folder for files below it, absolute for others; None: always absolute.
    :param words: Words per passage, for files without passages of their own.
    :param skip_bad: Skip bad lines and unreadable files instead of raising.
    """

    def __init__(self, files: Sequence[Path], base: Path | None, *, words: int = 100, skip_bad: bool = False) -> None:
        self._files = files
        self._base = None if base is None else base.resolve()
        self._words = words
        self._skip_bad = skip_bad
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
        for passage in read_file(file, words=self._words, on_bad=on_bad):
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
    content = _convert(path, data, kind)
    name = clean_title(stem_of(path).replace("-", " "))
    title = name if kind == "application/pdf" else _html_title(data) or name
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


def _convert(path: Path, data: bytes, kind: str) -> str:
    """The text of a file, converted by Haystack."""
    from haystack.components.converters import HTMLToDocument, PyPDFToDocument
    from haystack.dataclasses import ByteStream

    require("pypdf" if kind == "application/pdf" else "trafilatura", "files", f"Reading {path.name}")
    converter = PyPDFToDocument() if kind == "application/pdf" else HTMLToDocument()
    documents = converter.run(sources=[ByteStream(data=data, mime_type=kind)])["documents"]
    if not documents and kind == "application/pdf":
        raise DataError(path, "cannot be read as PDF")
    return (documents[0].content or "") if documents else ""


class _TitleParser(HTMLParser):
    """Collects the text of the title element."""

    def __init__(self) -> None:
        super().__init__()
        self.title = ""
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._inside = tag == "title" and not self.title

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "title"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.title += data


def _html_title(data: bytes) -> str:
    parser = _TitleParser()
    try:
        parser.feed(data.decode("utf-8"))
    except UnicodeDecodeError:
        parser.feed(data.decode("cp1252", errors="replace"))  # the fallback of browsers
    return " ".join(parser.title.split())
