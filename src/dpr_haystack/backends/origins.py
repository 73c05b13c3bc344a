# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Bringing passages that were read into a place, where the same texts may be known from other files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

from haystack.dataclasses import Document

from dpr_haystack.backends.passage_writer import PassageWriter
from dpr_haystack.core.batching import batched
from dpr_haystack.core.encoder_mark import MARK, without_mark
from dpr_haystack.core.hits import Kept
from dpr_haystack.core.origins import file_of, merged, ordered, origins_of, with_origins

_AT_ONCE = 1_000

Exists = Callable[[str], bool]
"""Whether a file exists, by its name in metadata."""


class Reading(Enum):
    """What a passage is to the run that has just read it."""

    FIRST = "its id was not read before"
    ELSEWHERE = "the same text was read from another file"
    REPEATED = "the same text was read from the same file"
    CONFLICT = "another text with this id was read"


class PassagesRead:
    """The passages that a run has read, and from which files."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[int, tuple[str | None, ...]]] = {}
        self._single: dict[str | None, tuple[str | None, ...]] = {}

    def add(self, document: Document) -> Reading:
        """Note a passage.

        :param document: The passage.
        :returns: What it is; a passage in conflict is not noted.
        """
        text = hash((document.content, document.meta.get("title")))
        files = tuple(file_of(origin) for origin in origins_of(document.meta))
        if len(files) == 1:
            files = self._single.setdefault(files[0], files)  # there are many passages and few files
        known = self._read.get(document.id)
        if known is None:
            self._read[document.id] = (text, files)
            return Reading.FIRST
        if known[0] != text:
            return Reading.CONFLICT
        more = tuple(file for file in files if file not in known[1])
        if not more:
            return Reading.REPEATED
        self._read[document.id] = (text, known[1] + more)
        return Reading.ELSEWHERE

    def came_from(self, name: str, file: str) -> bool:
        """Whether a passage was read from a file.

        :param name: Its id.
        :param file: The file.
        """
        return name in self._read and file in self._read[name][1]


@dataclass
class Comparison:
    """What is to be done about passages that were read.

    :param new: Passages that are not there.
    :param replaced: Passages that are there with another text.
    :param without_vector: Passages that are there without a vector.
    :param moved: Passages that are there with other metadata.
    :param unchanged: Ids of passages that are there as they are.
    :param foreign: Ids of those replaced passages that no file read now had contributed, with where they came from.
    """

    new: list[Document] = field(default_factory=list)
    replaced: list[Document] = field(default_factory=list)
    without_vector: list[Document] = field(default_factory=list)
    moved: list[Document] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    foreign: dict[str, str | None] = field(default_factory=dict)

    @property
    def to_embed(self) -> list[Document]:
        """The passages that need a vector."""
        return [*self.new, *self.replaced, *self.without_vector]


def compared(documents: Iterable[Document], kept: Mapping[str, Kept], exists: Exists) -> Comparison:
    """Compare passages that were read with what a place holds under their ids.

    A passage whose text is there gets the origins of both.

    :param documents: Passages that were read, with distinct ids.
    :param kept: What the place holds.
    :param exists: Whether a file exists.
    """
    found = Comparison()
    for document in documents:
        old = kept.get(document.id)
        if old is None:
            found.new.append(document)
        elif _text(old.content, old.meta) != _text(document.content, document.meta):
            found.replaced.append(document)
            before = [file_of(origin) for origin in origins_of(old.meta)]
            if not {file_of(origin) for origin in origins_of(document.meta)} & set(before):
                found.foreign[document.id] = before[0]
        else:
            combined = combine(document, origins_of(old.meta), exists)
            if not old.has_vector:
                found.without_vector.append(combined)
            elif without_mark(combined.meta)[0] != old.meta:
                found.moved.append(combined)
            else:
                found.unchanged.append(document.id)
    return found


def combine(document: Document, old: Iterable[dict[str, Any]], exists: Exists) -> Document:
    """A passage with its own origins and older ones.

    :param document: The passage.
    :param old: The older origins.
    :param exists: Whether a file exists.
    """
    origins = ordered(merged(old, origins_of(document.meta)), exists)
    meta = with_origins(origins, document.meta.get("title"))
    if MARK in document.meta:
        meta[MARK] = document.meta[MARK]
    return replace(document, meta=meta)


def write_with_old_vectors(target: PassageWriter, documents: Sequence[Document]) -> list[Document]:
    """Write passages with the vectors that they have already.

    :param target: Where they are.
    :param documents: The passages, without vectors.
    :returns: Those that were not written, because the place does not return their vectors.
    """
    if not documents:
        return []
    vectors = target.vectors([document.id for document in documents])
    known = [document for document in documents if vectors.get(document.id) is not None]
    target.write([replace(document, embedding=vectors[document.id]) for document in known])
    return [document for document in documents if vectors.get(document.id) is None]


def release(
    target: PassageWriter,
    candidates: Iterable[tuple[str, Mapping[str, Any]]],
    is_gone: Callable[[str, str], bool],
    exists: Exists,
) -> int:
    """Take origins away from passages, and remove the passages that have none left.

    Passages that name no file stay.

    :param target: Where they are; everything that was read must be durable there.
    :param candidates: Id and metadata of passages.
    :param is_gone: Whether a passage is no longer in a file: its id, and the file.
    :param exists: Whether a file exists.
    :returns: How many passages were removed.
    """
    removed: list[str] = []
    reduced: list[str] = []
    for name, meta in candidates:
        files = [file_of(origin) for origin in origins_of(meta)]
        staying = [file for file in files if file is None or not is_gone(name, file)]
        if not staying:
            removed.append(name)
        elif len(staying) < len(files):
            reduced.append(name)
    for ids in batched(reduced, _AT_ONCE):
        documents = []
        for name, old in target.kept(ids).items():
            origins = [o for o in origins_of(old.meta) if (file := file_of(o)) is None or not is_gone(name, file)]
            if origins:  # another process may have taken them in the meantime
                meta = with_origins(ordered(origins, exists), old.meta.get("title"))
                documents.append(Document(id=name, content=old.content, meta=meta))
        write_with_old_vectors(target, documents)
    target.delete(removed)
    return len(removed)


def remove_replaced(target: PassageWriter, read: PassagesRead, files: Collection[str]) -> int:
    """Remove what files contained when they were read before, and contain no longer.

    What other files contain stays.

    :param target: Where passages are written; what was read must be durable.
    :param read: The passages that were read.
    :param files: The files that were read completely.
    :returns: How many passages were removed.
    """
    if not files:
        return 0
    candidates = list(target.from_files(list(files)))
    complete = frozenset(files)
    return release(
        target,
        candidates,
        lambda name, file: file in complete and not read.came_from(name, file),
        existence(target),
    )


def existence(target: PassageWriter) -> Exists:
    """Whether files exist, by their names in metadata; each is looked for once.

    :param target: Where passages are written.
    """
    return cache(lambda file: source_path(target, file).exists())


def source_path(target: PassageWriter, file: str) -> Path:
    """The path of a file.

    :param target: Where passages are written.
    :param file: Its name in metadata.
    """
    return (target.base or Path()) / file


def _text(content: str | None, meta: Mapping[str, Any]) -> tuple[str | None, Any]:
    """The text that is embedded."""
    return content, meta.get("title")
