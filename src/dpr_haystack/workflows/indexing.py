# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Indexing files into a store or into Elasticsearch; only new and changed text is embedded."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from haystack import logging
from haystack.dataclasses import Document

from dpr_haystack.backends.origins import (
    Comparison,
    PassagesRead,
    Reading,
    combine,
    compared,
    existence,
    remove_replaced,
    write_with_old_vectors,
)
from dpr_haystack.backends.passage_writer import PassageWriter
from dpr_haystack.backends.registry import writer_over
from dpr_haystack.components.document_embedder import DPRDocumentEmbedder
from dpr_haystack.components.file_reading import Sources, as_document
from dpr_haystack.core.batching import batched
from dpr_haystack.core.checks import check_integer
from dpr_haystack.core.origins import origins_of
from dpr_haystack.core.passages import Passage
from dpr_haystack.core.progress import Progress
from dpr_haystack.errors import DataError, InputError
from dpr_haystack.formats import TableOptions
from dpr_haystack.formats.open_text import check_encoding
from dpr_haystack.workflows.batch_sizes import FIRST, next_size
from dpr_haystack.workflows.encoder_checks import check_encoder, check_similarity, update_encoder_path
from dpr_haystack.workflows.finding import find_files
from dpr_haystack.workflows.index_report import IndexReport
from dpr_haystack.workflows.pruning import check_known
from dpr_haystack.workflows.pruning import prune as prune_passages

if TYPE_CHECKING:
    from dpr_haystack.components.retrievers.common import AnyStore

logger = logging.getLogger(__name__)

_AT_ONCE = 1_000


def index_paths(
    paths: str | Path | Sequence[str | Path],
    store: AnyStore,
    embedder: DPRDocumentEmbedder,
    *,
    words: int = 100,
    keep_old: bool = False,
    prune: bool = False,
    skip_bad: bool = False,
    id_prefix: str = "",
    encoding: str | None = None,
    tables: TableOptions | None = None,
    language: str | None = None,
    progress: Progress | None = None,
) -> IndexReport:
    """Index files and folders. Safe to interrupt and to run again.

    A file that was indexed before replaces the passages that it had. A passage that several files contain stays until
    none of them contains it; its metadata is that of the first by name, and lists the others under ``also_in``.

    A passage's ``file`` is relative to the folder that contains the store, for files below that folder: it stays valid
    if store and files are moved together. For other files, and in Elasticsearch, it is absolute.

    :param paths: Files and folders, or a single one.
    :param store: The store or index; an index that is missing in Elasticsearch is created.
    :param embedder: The passage tower.
    :param words: Words per passage, for files without passages of their own.
    :param keep_old: Keep passages that their file no longer contains.
    :param prune: Also remove passages from files below these paths that no longer exist; a path may then be missing or
        an empty folder.
    :param skip_bad: Skip bad lines, records and files and list them in the report; passages indexed before stay.
    :param id_prefix: Put before the ids that files give their passages, so that those of several sources differ.
    :param encoding: The encoding of text that is not UTF-8 and has no byte order mark; None to refuse it.
    :param tables: How to read TSV and CSV files.
    :param language: Language of an index created in Elasticsearch; None for English.
    :param progress: Called with the number of passages done since the last call.
    :raises InputError: If a path does not exist, contains nothing readable, or is a file of unknown kind.
    :raises DataError: If a file cannot be read and ``skip_bad`` is False; the files before it are indexed.
    :raises EncoderMismatch: If another encoder made the store's vectors.
    :raises SearchServerError: If Elasticsearch rejects a request or is unreachable for too long; documents that it
        accepted stay.
    """
    check_integer("words", words)
    if keep_old and prune:
        msg = "keep_old and prune exclude each other: prune removes what keep_old keeps"
        raise InputError(msg)
    check_encoding(encoding)
    paths = [paths] if isinstance(paths, str | Path) else paths
    target = writer_over(store, language)
    try:
        if prune:
            check_known(target, paths)
        found = find_files(paths, may_be_gone=prune, any_kind=skip_bad)
        sources = Sources(
            found.files,
            target.base,
            words=words,
            skip_bad=skip_bad,
            id_prefix=id_prefix,
            encoding=encoding,
            tables=tables,
        )
        report = IndexReport(
            files=len(found.files),
            passed_over=found.passed_over,
            empty=sources.empty,
            bad=sources.bad,
            bad_records=sources.bad_records,
        )
        indexing = _Indexing(target, embedder, report, progress)
        try:
            indexing.take_in(sources)
        except DataError:
            indexing.finish([] if keep_old else sources.complete)
            for rejected in report.failed:
                logger.warning("{place} rejected {id}: {reason}", place=target.location, **rejected._asdict())
            raise
        indexing.finish([] if keep_old else sources.complete, paths if prune else None)
        return report
    finally:
        target.close()


class _Indexing:
    """One run.

    :param target: Where passages are written.
    :param embedder: The passage tower.
    :param report: Counts what is done.
    :param progress: Called with the number of passages done since the last call.
    """

    def __init__(
        self, target: PassageWriter, embedder: DPRDocumentEmbedder, report: IndexReport, progress: Progress | None
    ) -> None:
        self._target = target
        self._embedder = embedder
        self._report = report
        self._progress = progress
        self._read = PassagesRead()
        self._exists = existence(target)
        self._elsewhere: list[Document] = []

    def take_in(self, passages: Iterable[Passage]) -> None:
        """Index passages, read as needed; those before a bad file are written before its error is raised.

        :param passages: The passages.
        """
        check_similarity(self._embedder, self._target.similarity, self._target.location)
        check_encoder(self._target, self._embedder)
        update_encoder_path(self._target, self._embedder)
        remaining, size = iter(passages), FIRST
        failure: DataError | None = None
        while failure is None:
            batch, failure = _taken(remaining, size)
            if not batch:
                break
            embedded, started = self._report.embedded, time.monotonic()
            self._write_first_ones([as_document(passage) for passage in batch])
            if self._progress is not None:
                self._progress(len(batch))
            size = next_size(size, self._report.embedded - embedded, time.monotonic() - started)
        if failure is not None:
            raise failure

    def finish(self, complete: Sequence[str], pruned: Sequence[str | Path] | None = None) -> None:
        """Wait until everything is durable, and only then remove what is no longer in its files.

        :param complete: Files that were read completely, whose passages replace those that they had.
        :param pruned: Paths below which files may have gone; None to keep what came from missing files.
        """
        if not self._target.is_there():
            return  # without anything to write, no store is created
        self._settle()
        if self._elsewhere:
            self._add_origins()
            self._settle()
        if self._report.failed:
            return  # what was refused may be what replaces the old passages
        if pruned is not None:
            bad = [*self._report.bad, *self._report.bad_records]
            self._report.removed = prune_passages(self._target, self._read, pruned, bad)
        else:
            self._report.removed = remove_replaced(self._target, self._read, complete)
        if self._report.removed:
            self._settle()

    def _settle(self) -> None:
        self._report.failed += self._target.settle()

    def _write_first_ones(self, documents: Sequence[Document]) -> None:
        """Write the passages that were not read before in this run."""
        first, report = [], self._report
        for document in documents:
            reading = self._read.add(document)
            if reading is Reading.FIRST:
                first.append(document)
            elif reading is Reading.CONFLICT:
                report.left_out.append(document.id)
            else:
                report.duplicates += 1
                if reading is Reading.ELSEWHERE:
                    self._elsewhere.append(document)
        report.read += len(documents)
        kept = self._target.kept([document.id for document in first])
        comparison = compared(first, kept, self._exists)
        self._write(comparison)
        report.new += len(comparison.new)
        report.replaced += len(comparison.replaced)
        report.updated += len(comparison.without_vector) + len(comparison.moved)
        report.unchanged += len(comparison.unchanged)
        report.replaced_elsewhere.update(comparison.foreign)

    def _add_origins(self) -> None:
        """Add to passages the other files that they were read from."""
        by_id: dict[str, Document] = {}
        for document in self._elsewhere:
            known = by_id.get(document.id)
            by_id[document.id] = document if known is None else combine(document, origins_of(known.meta), self._exists)
        for documents in batched(by_id.values(), _AT_ONCE):
            kept = self._target.kept([document.id for document in documents])
            present = [document for document in documents if document.id in kept]  # others were refused, or deleted
            self._write(compared(present, kept, self._exists))

    def _write(self, comparison: Comparison) -> None:
        # a server need not return vectors
        to_embed = comparison.to_embed + write_with_old_vectors(self._target, comparison.moved)
        if to_embed:
            embedded = self._embedder.run(to_embed)["documents"]
            self._target.prepare(self._embedder.identity.passage_record(), len(embedded[0].embedding))
            self._target.write(embedded)
        self._report.embedded += len(to_embed)


def _taken(passages: Iterator[Passage], size: int) -> tuple[list[Passage], DataError | None]:
    """The next passages, and the error that ended the reading, if any: the passages before it are kept."""
    batch: list[Passage] = []
    try:
        for passage in islice(passages, size):
            batch.append(passage)
    except DataError as error:
        return batch, error
    return batch, None
