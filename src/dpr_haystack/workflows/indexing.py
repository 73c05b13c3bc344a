# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Indexing files into a store or into Elasticsearch; only new and changed text is embedded."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from haystack import logging
from haystack.dataclasses import Document

from dpr_haystack.backends.passage_writer import NotWritten, PassageWriter
from dpr_haystack.backends.registry import writer_over
from dpr_haystack.components.document_embedder import DPRDocumentEmbedder
from dpr_haystack.components.file_reading import Sources
from dpr_haystack.core.passages import Passage
from dpr_haystack.core.progress import Progress
from dpr_haystack.errors import DataError, InputError
from dpr_haystack.formats import TableOptions
from dpr_haystack.workflows.batch_sizes import FIRST, next_size
from dpr_haystack.workflows.encoder_checks import check_encoder, check_similarity, update_encoder_path
from dpr_haystack.workflows.finding import find_files
from dpr_haystack.workflows.pruning import check_known
from dpr_haystack.workflows.pruning import prune as prune_passages

if TYPE_CHECKING:
    from dpr_haystack.components.retrievers.common import AnyStore

logger = logging.getLogger(__name__)


@dataclass
class IndexReport:
    """What indexing did, in numbers of passages.

    :param read: Passages read from the files.
    :param embedded: New passages and passages with changed text.
    :param updated: Passages with known text and changed metadata.
    :param unchanged: Passages that were indexed already, or were read twice.
    :param pruned: Passages removed because their source no longer has them.
    :param empty: Files without text.
    :param bad: Errors of files that could not be read completely.
    :param bad_records: Errors of lines and records that were skipped.
    :param failed: Documents that the store rejected, and why.
    :param left_out: Ids that were read again with another text; the first text of a run is kept.
    :param seen: For each id read in this run a hash of title and text.
    """

    read: int = 0
    embedded: int = 0
    updated: int = 0
    unchanged: int = 0
    pruned: int = 0
    empty: list[Path] = field(default_factory=list)
    bad: list[DataError] = field(default_factory=list)
    bad_records: list[DataError] = field(default_factory=list)
    failed: list[NotWritten] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict, repr=False)


def index_paths(  # noqa: PLR0913
    paths: Sequence[str | Path],
    store: AnyStore,
    embedder: DPRDocumentEmbedder,
    *,
    words: int = 100,
    prune: bool = False,
    skip_bad: bool = False,
    tables: TableOptions | None = None,
    language: str | None = None,
    progress: Progress | None = None,
) -> IndexReport:
    """Index files and folders. Safe to interrupt and to run again.

    A passage's ``file`` is relative to the folder that contains the store, for files below that folder: it stays valid
    if store and files are moved together. For other files, and in Elasticsearch, it is absolute.

    :param paths: Files and folders.
    :param store: The store or index; an index that is missing in Elasticsearch is created.
    :param embedder: The passage tower.
    :param words: Words per passage, for files without passages of their own.
    :param prune: Remove passages that came from under these paths and are no longer there; a path may then be missing
        or an empty folder.
    :param skip_bad: Skip bad lines, records and files and list them in the report; passages indexed before stay.
    :param tables: How to read TSV and CSV files.
    :param language: Language of an index created in Elasticsearch; None for English.
    :param progress: Called with the number of passages done since the last call.
    :raises InputError: If a path does not exist or contains nothing readable.
    :raises DataError: If a file cannot be read and ``skip_bad`` is False; the files before it are indexed.
    :raises EncoderMismatch: If another encoder made the store's vectors.
    :raises SearchServerError: If Elasticsearch rejects a request or is unreachable for too long; documents that it
        accepted stay.
    """
    if words < 1:
        msg = f"words must be at least 1: got {words}"
        raise InputError(msg)
    target = writer_over(store, language)
    try:
        if prune:
            check_known(target, paths)
        sources = Sources(
            find_files(paths, may_be_gone=prune), target.base, words=words, skip_bad=skip_bad, tables=tables
        )
        report = IndexReport(empty=sources.empty, bad=sources.bad, bad_records=sources.bad_records)
        try:
            _index(sources, target, embedder, report, progress)
        except DataError:
            _settle(target, report)
            for rejected in report.failed:
                logger.warning("{place} rejected {id}: {reason}", place=target.location, **rejected._asdict())
            raise
        _settle(target, report)
        if prune and target.is_there():
            report.pruned = prune_passages(target, paths, report.seen, [*report.bad, *report.bad_records])
            _settle(target, report)
        return report
    finally:
        target.close()


def _settle(target: PassageWriter, report: IndexReport) -> None:
    if target.is_there():  # without anything to write, no store is created
        report.failed += target.settle()


def _index(
    passages: Iterable[Passage],
    target: PassageWriter,
    embedder: DPRDocumentEmbedder,
    report: IndexReport,
    progress: Progress | None,
) -> None:
    """Index passages, read as needed; those before a bad file are written before its error is raised."""
    check_similarity(embedder, target.similarity, target.location)
    check_encoder(target, embedder)
    update_encoder_path(target, embedder)
    remaining, size = iter(passages), FIRST
    failure: DataError | None = None
    while failure is None:
        batch, failure = _taken(remaining, size)
        if not batch:
            break
        embedded, started = report.embedded, time.monotonic()
        report.read += len(batch)
        _index_batch(_first_ones(batch, report), target, embedder, report)
        if progress is not None:
            progress(len(batch))
        size = next_size(size, report.embedded - embedded, time.monotonic() - started)
    if failure is not None:
        raise failure


def _taken(passages: Iterator[Passage], size: int) -> tuple[list[Passage], DataError | None]:
    """The next passages, and the error that ended the reading, if any: the passages before it are kept."""
    batch: list[Passage] = []
    try:
        for passage in islice(passages, size):
            batch.append(passage)
    except DataError as error:
        return batch, error
    return batch, None


def as_document(passage: Passage) -> Document:
    """The Haystack document of a passage; the title becomes metadata.

    :param passage: The passage.
    """
    meta: dict[str, Any] = dict(passage.meta)
    if passage.title:
        meta["title"] = passage.title
    return Document(id=passage.id, content=passage.text, meta=meta)


def _index_batch(
    passages: Sequence[Passage], target: PassageWriter, embedder: DPRDocumentEmbedder, report: IndexReport
) -> None:
    documents = [as_document(passage) for passage in passages]
    kept = target.kept([document.id for document in documents])
    new, moved = [], []
    for document in documents:
        old = kept.get(document.id)
        if old is None or not old.has_vector or _text(old.content, old.meta) != _text(document.content, document.meta):
            new.append(document)
        elif old.meta != document.meta:
            moved.append(document)
    if moved:
        vectors = target.vectors([document.id for document in moved])
        new += [document for document in moved if vectors.get(document.id) is None]  # a server need not return vectors
        moved = [document for document in moved if vectors.get(document.id) is not None]
        target.write([replace(document, embedding=vectors[document.id]) for document in moved])
    if new:
        embedded = embedder.run(new)["documents"]
        target.prepare(embedder.identity.passage_record(), len(embedded[0].embedding))
        target.write(embedded)
    report.embedded += len(new)
    report.updated += len(moved)
    report.unchanged += len(documents) - len(new) - len(moved)


def _text(content: str | None, meta: dict[str, Any]) -> tuple[str | None, Any]:
    """The text that is embedded."""
    return content, meta.get("title")


def _first_ones(passages: Iterable[Passage], report: IndexReport) -> list[Passage]:
    """The passages whose ids were not read before in this run."""
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
