# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Files and folders to passages, whatever the files are."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from dpr_haystack._optional import require
from dpr_haystack.core.passages import Passage, clean_title, passages_of
from dpr_haystack.errors import DataError, InputError
from dpr_haystack.formats import PASSAGE_SUFFIXES, read_passages
from dpr_haystack.formats.open_text import suffix_of

_CONVERTED = {".html": "text/html", ".htm": "text/html", ".pdf": "application/pdf"}


def find_files(paths: Sequence[str | Path]) -> list[Path]:
    """The files that a list of paths means: files themselves, and all readable files under folders.

    :param paths: Files and folders; in folders hidden files and files of unknown kinds are passed over.
    :returns: The files, each once, in the order of the paths and sorted inside a folder.
    :raises InputError: If a path does not exist.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if path.is_dir():
            below = (file for file in sorted(path.rglob("*")) if file.is_file())
            found.update(dict.fromkeys(file for file in below if _is_wanted(file.relative_to(path))))
        elif path.is_file():
            found[path] = None
        else:
            msg = f"{path} does not exist"
            raise InputError(msg)
    if not found:
        known = ", ".join(sorted({*PASSAGE_SUFFIXES, *_CONVERTED}))
        msg = f"no files to read in {', '.join(map(str, paths))}; readable are {known}, each also with .gz"
        raise InputError(msg)
    return list(found)


def read_file(path: Path, *, words: int = 100) -> Iterator[Passage]:
    """The passages of one file.

    :param path: Text, Markdown, HTML, PDF, JSON lines, DPR's passage TSV or SQuAD JSON, each also gzipped.
    :param words: Words a passage, where the file itself does not say what a passage is.
    :raises DataError: If it cannot be read as what its name says.
    :raises MissingExtra: If a package to read it is not installed.
    """
    kind = _CONVERTED.get(suffix_of(path))
    if kind is None:
        yield from read_passages(path, words=words)
    else:
        yield from _converted(path, kind, words)


def _is_wanted(path: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.parts)
    return not hidden and suffix_of(path) in {*PASSAGE_SUFFIXES, *_CONVERTED}


def _converted(path: Path, kind: str, words: int) -> Iterator[Passage]:
    data = _bytes_of(path)
    content = _convert(path, data, kind)
    name = clean_title(path.name.removesuffix(".gz").rsplit(".", 1)[0])
    title = name if kind == "application/pdf" else _html_title(data) or name
    pages = content.split("\f") if kind == "application/pdf" else [content]
    offset = 0
    for number, page in enumerate(pages, 1):
        meta: dict[str, Any] = {"file": path.as_posix()}
        if kind == "application/pdf":
            meta["page"] = number
        yield from passages_of(title, page, meta, words=words, offset=offset)
        offset += len(page) + 1


def _bytes_of(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except OSError as error:
        raise DataError(path, f"cannot be read: {error}") from error


def _convert(path: Path, data: bytes, kind: str) -> str:
    """The text of a file, by Haystack's converter."""
    from haystack.components.converters import HTMLToDocument, PyPDFToDocument
    from haystack.dataclasses import ByteStream

    require("pypdf" if kind == "application/pdf" else "trafilatura", "files", f"Reading {path.name}")
    converter = PyPDFToDocument() if kind == "application/pdf" else HTMLToDocument()
    documents = converter.run(sources=[ByteStream(data=data, mime_type=kind)])["documents"]
    content = documents[0].content if documents else None
    if not content:
        raise DataError(path, "no text was found in it")
    return str(content)


class _TitleParser(HTMLParser):
    """Collects what stands in the title element."""

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
    parser.feed(data.decode("utf-8", errors="replace"))
    return " ".join(parser.title.split())
