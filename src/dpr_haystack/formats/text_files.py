# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Split plain text and Markdown files into passages; Markdown is split at headings first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dpr_haystack.core.passages import Passage, clean_title, split_passages
from dpr_haystack.formats.open_text import read_text, stem_of

_LINE = re.compile(r"[^\n]*\n?")
_HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]+(?P<title>.*?))?(?:[ \t]+#+)?[ \t]*\n?")
_FENCE = re.compile(r" {0,3}(?P<mark>`{3,}|~{3,})(?P<rest>.*)", re.DOTALL)
_FRONT_MATTER = re.compile(r"---[ \t]*\n(?:.*\n)*?(?:---|\.\.\.)[ \t]*(?:\n|\Z)")


class _Section(NamedTuple):
    title: str
    start: int
    end: int


def read_text_file(path: str | Path, *, words: int = 100, encoding: str | None = None) -> Iterator[Passage]:
    """Split a plain text file into passages, with the file's name as their title.

    Underscores and hyphens in the name become spaces.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :param words: Words in a passage.
    :param encoding: As for :func:`~dpr_haystack.formats.open_text.read_text`.
    :returns: Passages with ``file`` and ``offset`` in meta. Offsets count the characters of the decoded text: a byte
        order mark does not count, a line end counts as one.
    :raises DataError: If the file cannot be read or decoded.
    """
    yield from split_passages(_title_of(path), read_text(path, encoding), {"file": str(path)}, words=words)


def read_markdown(path: str | Path, *, words: int = 100, encoding: str | None = None) -> Iterator[Passage]:
    """Split a Markdown file into passages: each lies within a section and has the section's heading as its title.

    The title of the text before the first heading is the file's name. Headings are lines that start with ``#``,
    outside of code blocks; front matter is skipped; other markup is kept.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :param words: Words in a passage; longer sections are split.
    :param encoding: As for :func:`~dpr_haystack.formats.open_text.read_text`.
    :returns: Passages with ``file`` and ``offset`` in meta, counted as in :func:`read_text_file`.
    :raises DataError: If the file cannot be read or decoded.
    """
    text = read_text(path, encoding)
    for title, start, end in _sections(text, _title_of(path)):
        yield from split_passages(title, text[start:end], {"file": str(path)}, words=words, offset=start)


def _title_of(path: str | Path) -> str:
    return clean_title(stem_of(path).replace("-", " "))


def _sections(text: str, title: str) -> Iterator[_Section]:
    front = _FRONT_MATTER.match(text)
    start = front.end() if front else 0
    fence = ""
    for line in _LINE.finditer(text, start):
        if not fence and (heading := _HEADING.fullmatch(line[0])):
            yield _Section(title, start, line.start())
            title, start = heading["title"] or "", line.end()
        else:
            fence = _fence_after(line[0], fence)
    yield _Section(title, start, len(text))


def _fence_after(line: str, fence: str) -> str:
    """The fence of the code block that is open after a line, given the one open before it; empty if none is."""
    mark = _FENCE.match(line)
    if mark is None:
        return fence
    if not fence:
        return "" if mark["mark"][0] == "`" and "`" in mark["rest"] else mark["mark"]
    return "" if mark["mark"].startswith(fence) and not mark["rest"].strip() else fence
