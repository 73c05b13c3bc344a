# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Reading the passages of files; the converters for HTML and PDF are Haystack's."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

from haystack.dataclasses import ByteStream, Document

from dpr_haystack._optional import require
from dpr_haystack.core.origins import FILE, PAGE
from dpr_haystack.core.passages import Passage, clean_title, passage_id, split_passages
from dpr_haystack.errors import DataError
from dpr_haystack.formats import TableOptions, read_passages
from dpr_haystack.formats.html_text import decoded_html, html_title
from dpr_haystack.formats.kinds import CONVERTED, DOCX, HTML, PDF
from dpr_haystack.formats.open_text import OnBad, stem_of, suffix_of


def read_file(
    path: Path,
    *,
    words: int = 100,
    encoding: str | None = None,
    on_bad: OnBad | None = None,
    tables: TableOptions | None = None,
) -> Iterator[Passage]:
    """The passages of one file.

    :param path: A file with one of :data:`~dpr_haystack.formats.kinds.SUFFIXES`, also gzipped.
    :param words: Words per passage, for files without passages of their own.
    :param encoding: The encoding of text that is not UTF-8 and has no byte order mark; None to refuse it.
    :param on_bad: Called with the error of each bad line or record, which is skipped; None to raise the first.
    :param tables: How to read TSV and CSV files.
    :returns: Its passages; none if it contains no text, e.g. a PDF of scanned pages.
    :raises DataError: If it cannot be read as the type that its name says.
    :raises MissingExtra: If a package needed to read it is not installed.
    """
    kind = CONVERTED.get(suffix_of(path))
    if kind is None:
        yield from read_passages(path, words=words, encoding=encoding, on_bad=on_bad, tables=tables)
    else:
        yield from _converted(path, kind, words)


def as_document(passage: Passage) -> Document:
    """The Haystack document of a passage; the title becomes metadata.

    :param passage: The passage.
    """
    meta: dict[str, Any] = dict(passage.meta)
    if passage.title:
        meta["title"] = passage.title
    return Document(id=passage.id, content=passage.text, meta=meta)


class Sources:
    """The passages of several files; the metadata ``file`` of each passage names its source.

    :param files: The files.
    :param base: ``file`` is relative to this folder for files below it, absolute for others; None: always absolute.
    :param words: Words per passage, for files without passages of their own.
    :param skip_bad: Skip bad lines and unreadable files instead of raising.
    :param id_prefix: Put before the ids that files give their passages.
    :param encoding: As for :func:`read_file`.
    :param tables: How to read TSV and CSV files.
    """

    def __init__(
        self,
        files: Sequence[Path],
        base: Path | None,
        *,
        words: int = 100,
        skip_bad: bool = False,
        id_prefix: str = "",
        encoding: str | None = None,
        tables: TableOptions | None = None,
    ) -> None:
        self._files = files
        self._base = None if base is None else base.resolve()
        self._words = words
        self._skip_bad = skip_bad
        self._id_prefix = id_prefix
        self._encoding = encoding
        self._tables = tables
        self.empty: list[Path] = []
        """Files without text."""
        self.bad: list[DataError] = []
        """Errors of files that could not be read completely."""
        self.bad_records: list[DataError] = []
        """Errors of lines and records that were skipped."""
        self.complete: list[str] = []
        """What metadata calls the files that were read without any error, as far as they have names."""

    def __iter__(self) -> Iterator[Passage]:
        for file in self._files:
            try:
                yield from self._passages(file)
            except DataError as error:
                if not self._skip_bad:
                    raise
                self.bad.append(error)

    def _passages(self, file: Path) -> Iterator[Passage]:
        source, has_any, bad_before = self.name_of(file), False, len(self.bad_records)
        on_bad = self.bad_records.append if self._skip_bad else None
        passages = read_file(file, words=self._words, encoding=self._encoding, on_bad=on_bad, tables=self._tables)
        for passage in passages:
            has_any = True
            yield self._with_source(passage, str(file), source)
        if not has_any:
            self.empty.append(file)
        if len(self.bad_records) == bad_before and self.has_name(file):
            self.complete.append(source)

    def _with_source(self, passage: Passage, file: str, source: str) -> Passage:
        """The passage as it is indexed; a record may name its own source, or none by null."""
        meta = passage.meta
        if FILE in meta and meta[FILE] is None:
            meta = {key: value for key, value in meta.items() if key != FILE}
        elif meta.get(FILE) in (None, file):
            meta = {**meta, FILE: source}
        name = passage.id
        if self._id_prefix and name != passage_id(passage.title, passage.text):
            name = self._id_prefix + name
        return replace(passage, id=name, meta=meta)

    def has_name(self, file: Path) -> bool:  # noqa: ARG002
        """Whether a file has a name of its own, under which it can be read again.

        :param file: The file.
        """
        return True

    def name_of(self, file: Path) -> str:
        """What metadata calls a file.

        :param file: The file.
        """
        path = file.resolve()
        if self._base is not None and path.is_relative_to(self._base):
            path = path.relative_to(self._base)
        return path.as_posix()


def _converted(path: Path, kind: str, words: int) -> Iterator[Passage]:
    data = _bytes_of(path)
    title = ""
    if kind == HTML:
        page = decoded_html(data)  # once, for title and text
        data, title = page.encode(errors="replace"), html_title(page)
    document = _convert(path, data, kind)
    content = document.content or ""
    if kind == DOCX:
        title = document.meta["docx"]["title"] or ""
    title = title or clean_title(stem_of(path).replace("-", " "))
    pages = content.split("\f") if kind == PDF else [content]
    offset = 0
    for number, page in enumerate(pages, 1):
        meta: dict[str, Any] = {"file": str(path)}
        if kind == PDF:
            meta[PAGE] = number
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
        PDF: ("pypdf", "PDF", PyPDFToDocument),
        DOCX: ("docx", "docx", DOCXToDocument),
        HTML: ("trafilatura", "HTML", HTMLToDocument),
    }[kind]
    require(package, "files", f"Reading {path.name}")
    converter: Any = make()
    documents = converter.run(sources=[ByteStream(data=data, mime_type=kind)])["documents"]
    if not documents and kind != HTML:
        raise DataError(path, _problem_of_pdf(data) if kind == PDF else f"cannot be read as {name}")
    return documents[0] if documents else Document(content="")


def _problem_of_pdf(data: bytes) -> str:
    from pypdf import PdfReader

    try:
        is_encrypted = PdfReader(BytesIO(data)).is_encrypted
    except Exception as error:  # a damaged file makes pypdf raise anything
        return f"cannot be read as PDF: {error}"
    if is_encrypted:
        return "is encrypted: save a copy without password, e.g. qpdf --decrypt --password=... IN OUT"
    return "cannot be read as PDF"
