# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Passages into a store: only what is new or has changed is embedded."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from haystack.dataclasses import Document
from haystack.document_stores.types import DuplicatePolicy

from dpr_haystack.components.document_embedder import DPRDocumentEmbedder
from dpr_haystack.components.document_store import FAISSDocumentStore
from dpr_haystack.core.passages import Passage
from dpr_haystack.errors import EncoderMismatch, InputError
from dpr_haystack.store.layout import Layout, read_manifest
from dpr_haystack.workflows.sources import find_files, read_file

# Passages a write: what an interruption costs at most. Also what is sorted by length for the encoder.
_AT_ONCE = 512

Progress = Callable[[int], None]


@dataclass
class IndexReport:
    """What indexing did, in passages.

    :param read: How many came out of the files.
    :param embedded: New ones and ones whose text had changed.
    :param updated: Ones whose text was there, but from another place.
    :param unchanged: Ones that were there as they are, or came twice.
    :param pruned: Ones that were taken out because their source has them no more.
    :param empty: Files that hold no text.
    :param left_out: Ids that came again with another text; the first text of a run stands.
    """

    read: int = 0
    embedded: int = 0
    updated: int = 0
    unchanged: int = 0
    pruned: int = 0
    empty: list[Path] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict, repr=False)


def index_paths(
    paths: Sequence[str | Path],
    store: FAISSDocumentStore,
    embedder: DPRDocumentEmbedder,
    *,
    words: int = 100,
    prune: bool = False,
    progress: Progress | None = None,
) -> IndexReport:
    """Index files and folders; safe to interrupt and to run again.

    :param paths: Files and folders.
    :param store: Where to.
    :param embedder: The passage tower.
    :param words: Words a passage, where a file does not say itself what a passage is.
    :param prune: Take out passages that came from under these paths before and are not there any more.
    :param progress: Called with the number of passages done since the last call.
    :raises InputError: If a path does not exist or holds nothing readable.
    :raises DataError: If a file cannot be read.
    :raises EncoderMismatch: If the store's vectors are another encoder's.
    """
    if words < 1:
        msg = f"words must be at least 1, got {words}"
        raise InputError(msg)
    empty: list[Path] = []
    report = index_passages(_passages_of(find_files(paths), words, empty), store, embedder, progress=progress)
    report.empty = empty
    if prune:
        report.pruned = _prune(store, paths, report.seen)
    store.catch_up()
    return report


def index_passages(
    passages: Iterable[Passage],
    store: FAISSDocumentStore,
    embedder: DPRDocumentEmbedder,
    *,
    progress: Progress | None = None,
) -> IndexReport:
    """Index passages; those that the store has with the same text are not embedded again.

    :param passages: Read as they are needed, so they may be any number.
    :param store: Where to.
    :param embedder: The passage tower.
    :param progress: Called with the number of passages done since the last call.
    :raises EncoderMismatch: If the store's vectors are another encoder's.
    """
    check_encoder(store, embedder)
    report = IndexReport()
    for batch in _batches(passages):
        report.read += len(batch)
        _index_batch(_first_ones(batch, report), store, embedder, report)
        if progress is not None:
            progress(len(batch))
    return report


def check_encoder(store: FAISSDocumentStore, embedder: DPRDocumentEmbedder) -> None:
    """See that no other passage tower has made a store's vectors.

    :raises EncoderMismatch: If one has.
    """
    mine, recorded = embedder.identity.passage_record(), store.recorded_encoder
    if recorded is not None and recorded.get("fingerprint", mine["fingerprint"]) != mine["fingerprint"]:
        msg = (
            f"the vectors in {store.directory} were made by {recorded.get('model')}; those of {mine['model']} cannot "
            "be compared with them. Name another store for this model."
        )
        raise EncoderMismatch(msg)


def as_document(passage: Passage) -> Document:
    """The Haystack document of a passage: its title is metadata."""
    meta: dict[str, Any] = dict(passage.meta)
    if passage.title:
        meta["title"] = passage.title
    return Document(id=passage.id, content=passage.text, meta=meta)


def _index_batch(
    passages: Sequence[Passage], store: FAISSDocumentStore, embedder: DPRDocumentEmbedder, report: IndexReport
) -> None:
    documents = [as_document(passage) for passage in passages]
    kept = store.searching().kept([document.id for document in documents])
    new, moved = [], []
    for document in documents:
        old = kept.get(document.id)
        if old is None or not old.has_vector or _text(old.content, old.meta) != _text(document.content, document.meta):
            new.append(document)
        elif old.meta != document.meta:
            moved.append(document)
    if new:
        embedded = embedder.run(new)["documents"]
        _record_encoder(store, embedder, len(embedded[0].embedding))
        store.write_documents(embedded, DuplicatePolicy.OVERWRITE)
    if moved:
        vectors = {old.id: old.embedding for old in store.get_documents_by_id([document.id for document in moved])}
        with_vectors = [replace(document, embedding=vectors[document.id]) for document in moved]
        store.write_documents(with_vectors, DuplicatePolicy.OVERWRITE)
    report.embedded += len(new)
    report.updated += len(moved)
    report.unchanged += len(documents) - len(new) - len(moved)


def _record_encoder(store: FAISSDocumentStore, embedder: DPRDocumentEmbedder, dimension: int) -> None:
    """Say in the store who makes its vectors: before the first write, so that no interruption comes between."""
    manifest = read_manifest(Layout(store.directory or Path()))
    fits = manifest.dimension in (None, dimension)  # otherwise the write is about to be refused
    if fits and manifest.encoder is None:
        store.record_encoder(dict(embedder.identity.passage_record()))


def _passages_of(files: Sequence[Path], words: int, empty: list[Path]) -> Iterator[Passage]:
    """The passages of files, one after the other; files without any are added to ``empty``."""
    for file in files:
        has_any = False
        for passage in read_file(file, words=words):
            has_any = True
            yield passage
        if not has_any:
            empty.append(file)


def _text(content: str | None, meta: dict[str, Any]) -> tuple[str | None, Any]:
    """What an embedding is made from."""
    return content, meta.get("title")


def _prune(store: FAISSDocumentStore, paths: Sequence[str | Path], seen: Container[str]) -> int:
    roots = [Path(path) for path in paths]
    gone = []
    for name, meta in store.searching().metas():
        source = meta.get("file")
        if name not in seen and isinstance(source, str) and any(_is_below(Path(source), root) for root in roots):
            gone.append(name)
    store.delete_documents(gone)
    return len(gone)


def _is_below(source: Path, root: Path) -> bool:
    """Whether a file is, or lies under, a path; by their names, for the file may be gone."""
    if root == Path():
        return not source.is_absolute() and source.parts[:1] != ("..",)
    return source.is_relative_to(root)


def _batches(passages: Iterable[Passage]) -> Iterator[list[Passage]]:
    iterator = iter(passages)
    while batch := list(islice(iterator, _AT_ONCE)):
        yield batch


def _first_ones(passages: Iterable[Passage], report: IndexReport) -> list[Passage]:
    """The passages whose ids did not come before in this run."""
    first = []
    for passage in passages:
        text = hash((passage.title, passage.text))
        known = report.seen.get(passage.id)
        if known is None:
            report.seen[passage.id] = text
            first.append(passage)
        elif known == text:
            report.unchanged += 1
        else:
            report.left_out.append(passage.id)
    return first
