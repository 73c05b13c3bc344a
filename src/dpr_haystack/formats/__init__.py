# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Readers and writers of the files of the field, without eval and without pickle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from dpr_haystack.core.passages import Passage
from dpr_haystack.errors import DataError
from dpr_haystack.formats.dpr_tsv import read_dpr_tsv
from dpr_haystack.formats.jsonl import passage_from, read_jsonl
from dpr_haystack.formats.open_text import OnBad, parse_json, read_text, suffix_of
from dpr_haystack.formats.question import Question
from dpr_haystack.formats.questions import read_questions
from dpr_haystack.formats.records import good
from dpr_haystack.formats.squad import is_squad, squad_passages
from dpr_haystack.formats.text_files import read_markdown, read_text_file

__all__ = ["PASSAGE_SUFFIXES", "Question", "read_passages", "read_questions"]


def read_passages(path: str | Path, *, words: int = 100, on_bad: OnBad | None = None) -> Iterator[Passage]:
    """The passages of a file, read as its suffix says, one by one.

    ``.txt`` and ``.md`` are cut into passages; ``.jsonl``, ``.tsv`` (DPR's ``psgs_w100.tsv``) and ``.json`` (SQuAD, or
    a list of objects as in JSON lines) hold passages, which stay as they are. Each may be gzipped (``.tsv.gz``).

    :param path: The file.
    :param words: Words in a passage, where the file holds running text.
    :param on_bad: Told of lines and records that are no passages, which are passed over; None to raise the first. A
        file that cannot be read as a whole is always raised.
    :returns: Passages in the order of the file; an id may come more than once.
    :raises DataError: If the suffix is unknown, or the file cannot be read as what it says.
    """
    reader = _READERS.get(suffix_of(path))
    if reader is None:
        known = ", ".join(PASSAGE_SUFFIXES)
        raise DataError(
            path, f"what is in it? The suffix {suffix_of(path)!r} is unknown; known are {known}, each also .gz"
        )
    return reader(path, words, on_bad)


def _read_json(path: str | Path, _: int, on_bad: OnBad | None) -> Iterator[Passage]:
    content = parse_json(read_text(path), path)
    if is_squad(content):
        yield from squad_passages(content, path)
        return
    if not isinstance(content, list):
        raise DataError(path, "expected SQuAD or a list of passages; a file with one object a line ends in .jsonl")
    numbered = enumerate(content, 1)
    yield from good(numbered, lambda each: passage_from(each[1], path, where=f"passage {each[0]}: "), on_bad)


_READERS: dict[str, Callable[[str | Path, int, OnBad | None], Iterator[Passage]]] = {
    ".json": _read_json,
    ".jsonl": lambda path, _, on_bad: read_jsonl(path, on_bad),
    ".markdown": lambda path, words, _: read_markdown(path, words=words),
    ".md": lambda path, words, _: read_markdown(path, words=words),
    ".tsv": lambda path, _, on_bad: read_dpr_tsv(path, on_bad),
    ".txt": lambda path, words, _: read_text_file(path, words=words),
}

PASSAGE_SUFFIXES = tuple(_READERS)
"""The suffixes that :func:`read_passages` knows."""
