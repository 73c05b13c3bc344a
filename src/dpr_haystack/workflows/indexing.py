# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Passages into a store: only what is new or has changed is embedded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
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
    """

    read: int = 0
    embedded: int = 0
    updated: int = 0
    unchanged: int = 0
    pruned: int = 0
    seen: set[str] = field(default_factory=set, repr=False)


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
    files = find_files(paths)
    passages = (passage for file in files for passage in read_file(file, words=words))
    report = index_passages(passages, store, embedder, progress=progress)
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
    claim_store(store, embedder)
    report = IndexReport()
    for batch in _batches(passages):
        distinct = [passage for passage in _first_ones(batch) if passage.id not in report.seen]
        report.read += len(batch)
        report.unchanged += len(batch) - len(distinct)
        report.seen.update(passage.id for passage in distinct)
        _index_batch(distinct, store, embedder, report)
        if progress is not None:
            progress(len(batch))
    return report


def claim_store(store: FAISSDocumentStore, embedder: DPRDocumentEmbedder) -> None:
    """Record in the store which passage tower makes its vectors.

    :raises EncoderMismatch: If another one has made those that are there.
    """
    embedder.warm_up()
    if embedder.identity is None:
        return
    mine, recorded = embedder.identity.passage_record(), store.recorded_encoder
    if recorded is None:
        store.record_encoder(dict(mine))
    elif recorded.get("fingerprint", mine["fingerprint"]) != mine["fingerprint"]:
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
        store.write_documents(embedder.run(new)["documents"], DuplicatePolicy.OVERWRITE)
    if moved:
        vectors = {old.id: old.embedding for old in store.get_documents_by_id([document.id for document in moved])}
        with_vectors = [replace(document, embedding=vectors[document.id]) for document in moved]
        store.write_documents(with_vectors, DuplicatePolicy.OVERWRITE)
    report.embedded += len(new)
    report.updated += len(moved)
    report.unchanged += len(documents) - len(new) - len(moved)


def _text(content: str | None, meta: dict[str, Any]) -> tuple[str | None, Any]:
    """What an embedding is made from."""
    return content, meta.get("title")


def _prune(store: FAISSDocumentStore, paths: Sequence[str | Path], seen: set[str]) -> int:
    roots = [Path(path).as_posix() for path in paths]
    below = tuple(root.rstrip("/") + "/" for root in roots)
    gone = []
    for name, meta in store.searching().metas():
        source = meta.get("file")
        if (
            name not in seen
            and isinstance(source, str)
            and (source in roots or source.startswith(below) or "." in roots)
        ):
            gone.append(name)
    store.delete_documents(gone)
    return len(gone)


def _batches(passages: Iterable[Passage]) -> Iterator[list[Passage]]:
    iterator = iter(passages)
    while batch := list(islice(iterator, _AT_ONCE)):
        yield batch


def _first_ones(passages: Iterable[Passage]) -> list[Passage]:
    first: dict[str, Passage] = {}
    for passage in passages:
        first.setdefault(passage.id, passage)
    return list(first.values())
