# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Readers and writers of common retrieval file formats. Nothing in a file is evaluated or unpickled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from dpr_haystack.core.passages import Passage
from dpr_haystack.errors import DataError
from dpr_haystack.formats.dpr_tsv import read_dpr_tsv
from dpr_haystack.formats.jsonl import parse_passage, read_jsonl
from dpr_haystack.formats.open_text import OnBad, parse_json, read_text, suffix_of
from dpr_haystack.formats.question import Question
from dpr_haystack.formats.questions import read_questions
from dpr_haystack.formats.records import parse_rows
from dpr_haystack.formats.squad import is_squad, squad_passages
from dpr_haystack.formats.text_files import read_markdown, read_text_file

__all__ = ["PASSAGE_SUFFIXES", "Question", "read_passages", "read_questions"]


def read_passages(path: str | Path, *, words: int = 100, on_bad: OnBad | None = None) -> Iterator[Passage]:
    """Read the passages of a file one by one; its suffix determines the format.

    ``.txt`` and ``.md`` are split into passages; ``.jsonl``, ``.tsv`` (DPR's ``psgs_w100.tsv``) and ``.json`` (SQuAD,
    or a list of objects as in JSON lines) contain passages, which are kept as they are. Each may be gzipped
    (``.tsv.gz``).

    :param path: The file.
    :param words: Words in a passage, for files with running text.
    :param on_bad: Called with the error of each bad line or record, which is skipped; None to raise the first. Errors
        that concern the whole file are always raised.
    :returns: Passages in the order of the file; an id may occur more than once.
    :raises DataError: If the suffix is unknown, or the file cannot be read in the format of its suffix.
    """
    reader = _READERS.get(suffix_of(path))
    if reader is None:
        known = ", ".join(PASSAGE_SUFFIXES)
        raise DataError(path, f"unknown suffix {suffix_of(path)!r}; known: {known}, each also with .gz")
    return reader(path, words, on_bad)


def _read_json(path: str | Path, _: int, on_bad: OnBad | None) -> Iterator[Passage]:
    content = parse_json(read_text(path), path)
    if is_squad(content):
        yield from squad_passages(content, path)
        return
    if not isinstance(content, list):
        raise DataError(
            path, "must be SQuAD or a list of passages; name a file with one object per line .jsonl instead of .json"
        )
    numbered = enumerate(content, 1)
    yield from parse_rows(numbered, lambda row: parse_passage(row[1], path, where=f"passage {row[0]}: "), on_bad)


_READERS: dict[str, Callable[[str | Path, int, OnBad | None], Iterator[Passage]]] = {
    ".json": _read_json,
    ".jsonl": lambda path, _, on_bad: read_jsonl(path, on_bad),
    ".markdown": lambda path, words, _: read_markdown(path, words=words),
    ".md": lambda path, words, _: read_markdown(path, words=words),
    ".tsv": lambda path, _, on_bad: read_dpr_tsv(path, on_bad),
    ".txt": lambda path, words, _: read_text_file(path, words=words),
}

PASSAGE_SUFFIXES = tuple(_READERS)
"""The suffixes that :func:`read_passages` supports."""
