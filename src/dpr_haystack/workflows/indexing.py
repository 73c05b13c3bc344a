# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Passages into a store, ours or Elasticsearch: only what is new or has changed is embedded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from haystack import logging
from haystack.dataclasses import Document

from dpr_haystack.backends.passage_writer import NotWritten, PassageWriter
from dpr_haystack.backends.registry import writer_over
from dpr_haystack.components.document_embedder import DPRDocumentEmbedder
from dpr_haystack.core.identity import belongs
from dpr_haystack.core.passages import Passage
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.errors import DataError, EncoderMismatch, InputError
from dpr_haystack.workflows.sources import Sources, find_files

if TYPE_CHECKING:
    from dpr_haystack.components.retrievers.common import AnyStore

logger = logging.getLogger(__name__)

# Passages a write, which is what an interruption costs: few at first, then as many as take some seconds to embed.
FIRST, _FEWEST, _MOST = 64, 32, 4096
_SECONDS_A_WRITE = 5.0

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
    :param bad: What was wrong with files that could not be read, or not to their end.
    :param bad_records: What was wrong with lines and records that were passed over.
    :param failed: Documents that the store did not take, and why.
    :param left_out: Ids that came again with another text; the first text of a run stands.
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


def index_paths(
    paths: Sequence[str | Path],
    store: AnyStore,
    embedder: DPRDocumentEmbedder,
    *,
    words: int = 100,
    prune: bool = False,
    skip_bad: bool = False,
    language: str | None = None,
    progress: Progress | None = None,
) -> IndexReport:
    """Index files and folders; safe to interrupt and to run again.

    A passage's ``file`` is its path from the folder that the store lies in, or the absolute path of a file elsewhere:
    the same wherever this runs, and still right where both are moved together. In Elasticsearch it is always absolute.

    :param paths: Files and folders.
    :param store: Where to; an index that is missing in Elasticsearch is made.
    :param embedder: The passage tower.
    :param words: Words a passage, where a file does not say itself what a passage is.
    :param prune: Take out passages that came from under these paths before and are not there any more; then a path
        may be gone, or an empty folder.
    :param skip_bad: Go on where a line or record is no passage, or a file cannot be read, and say so in the report;
        what was indexed from it stays.
    :param language: Language of an index that is made in Elasticsearch; None for English.
    :param progress: Called with the number of passages done since the last call.
    :raises InputError: If a path does not exist or holds nothing readable.
    :raises DataError: If a file cannot be read and is not to be skipped; the files before it are indexed.
    :raises EncoderMismatch: If the store's vectors are another encoder's.
    :raises SearchServerError: If Elasticsearch does not do it, or is gone for too long; what it took stays.
    """
    if words < 1:
        msg = f"words must be at least 1, got {words}"
        raise InputError(msg)
    target = writer_over(store, language)
    try:
        if prune:
            _check_known(target, paths)
        sources = Sources(find_files(paths, may_be_gone=prune), target.base, words=words, skip_bad=skip_bad)
        report = IndexReport(empty=sources.empty, bad=sources.bad, bad_records=sources.bad_records)
        try:
            _index(sources, target, embedder, report, progress)
        except DataError:
            _settle(target, report)
            for each in report.failed:
                logger.warning("{place} did not take {id}: {reason}", place=target.location, **each._asdict())
            raise
        _settle(target, report)
        if prune and target.is_there():
            report.pruned = _prune(target, paths, report)
            _settle(target, report)
        return report
    finally:
        target.close()


def _settle(target: PassageWriter, report: IndexReport) -> None:
    if target.is_there():  # no empty store is made where there was nothing to write
        report.failed += target.settle()


def _index(
    passages: Iterable[Passage],
    target: PassageWriter,
    embedder: DPRDocumentEmbedder,
    report: IndexReport,
    progress: Progress | None,
) -> None:
    """Index passages, read as they are needed; what was before a bad file is written."""
    check_similarity(embedder, target.similarity, target.location)
    check_encoder(target, embedder)
    _follow_encoder(target, embedder)
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
    """The next passages, and what was wrong behind them: those before a bad file are not to be lost."""
    batch: list[Passage] = []
    try:
        for passage in islice(passages, size):
            batch.append(passage)
    except DataError as error:
        return batch, error
    return batch, None


def next_size(size: int, embedded: int, seconds: float) -> int:
    """How many passages to take next, after some of ``size`` were embedded in so many seconds."""
    if not embedded:
        return size
    wanted = int(embedded / max(seconds, 1e-3) * _SECONDS_A_WRITE)
    return min(max(wanted, _FEWEST), 2 * size, _MOST)


def check_similarity(embedder: DPRDocumentEmbedder, similarity: Similarity, place: str) -> None:
    """See that vectors are compared by what their tower was trained for.

    :param embedder: The passage tower.
    :param similarity: What they will be compared by.
    :param place: Where.
    :raises EncoderMismatch: If it was trained for Euclidean distance, and that is something else.
    """
    if embedder.similarity == Similarity.L2 != similarity:
        msg = (
            f"{place} compares by {similarity}, and {embedder.model} was trained for Euclidean distance (l2): "
            "`dpr-haystack index --store DIR`, with a directory that is not there yet, makes a store that fits"
        )
        raise EncoderMismatch(msg)


def check_encoder(target: PassageWriter, embedder: DPRDocumentEmbedder) -> None:
    """See that no other passage tower has made the vectors that are there.

    :raises EncoderMismatch: If one has.
    """
    if not target.is_there():
        return  # and none is made before there is something to write
    recorded = target.recorded_encoder
    if recorded is not None and belongs(embedder.identity, recorded) is False:
        msg = (
            f"the vectors in {target.location} were made by {recorded.get('model')}; those of {embedder.model} cannot "
            "be compared with them. Name another place for this model."
        )
        raise EncoderMismatch(msg)


def _follow_encoder(target: PassageWriter, embedder: DPRDocumentEmbedder) -> None:
    """Note beside the vectors where their encoder is now, if it is gone from where it was."""
    if not target.is_there():
        return
    mine, recorded = embedder.identity.passage_record(), target.recorded_encoder
    if recorded is None or not recorded.get("fingerprint") or recorded["fingerprint"] != mine["fingerprint"]:
        return
    place = Path(str(recorded.get("model")))
    if place.is_absolute() and not place.exists():
        target.record_encoder({**recorded, "model": mine["model"]})


def as_document(passage: Passage) -> Document:
    """The Haystack document of a passage: its title is metadata."""
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
        new += [document for document in moved if vectors.get(document.id) is None]  # a server may keep them to itself
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
    """What an embedding is made from."""
    return content, meta.get("title")


def _check_known(target: PassageWriter, paths: Sequence[str | Path]) -> None:
    """Refuse a path that is not there and that no passage came from: a slip, not a source that is gone."""
    gone = [path for path in map(Path, paths) if not path.exists()]
    if not gone:
        return
    files = {meta.get("file") for _, meta in target.metas()} if target.is_there() else set()
    known = [_place(target, file) for file in files if isinstance(file, str)]
    for path in gone:
        if not any(file.is_relative_to(path.resolve()) for file in known):
            msg = f"{path} does not exist, and no passage came from there"
            raise InputError(msg)


def _prune(target: PassageWriter, paths: Sequence[str | Path], report: IndexReport) -> int:
    """Take out what came from under the paths and was not seen; of a file that could not be read nothing is known."""
    roots = [Path(path).resolve() for path in paths]
    unknown = {error.path.resolve() for error in (*report.bad, *report.bad_records)}
    gone = []
    for name, meta in target.metas():
        source = meta.get("file")
        if name in report.seen or not isinstance(source, str):
            continue
        file = _place(target, source)
        if file not in unknown and any(file.is_relative_to(root) for root in roots):
            gone.append(name)
    target.delete(gone)
    return len(gone)


def _place(target: PassageWriter, file: str) -> Path:
    """Where a passage's source is."""
    return (target.base or Path()) / file


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
