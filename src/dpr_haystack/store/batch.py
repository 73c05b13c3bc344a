# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Checking documents before a write changes anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from haystack.dataclasses import Document
from haystack.document_stores.types import DuplicatePolicy

from dpr_haystack.core.exact import Floats
from dpr_haystack.store.errors import BadDocument, DoesNotFit, DuplicateDocuments
from dpr_haystack.store.records import Record, checksums, record_of


@dataclass(frozen=True)
class Batch:
    """Documents ready to be written: nothing in them can be refused any more but for ids that are already there.

    :param records: One for each document; ids are distinct.
    :param vectors: The embeddings of those that have one, shape (n, dim).
    :param vector_of: For each record the position of its vector in ``vectors``, or None.
    :param checksums: A checksum for each vector.
    """

    records: list[Record]
    vectors: Floats
    vector_of: list[int | None]
    checksums: list[int]

    def __len__(self) -> int:
        return len(self.records)


def prepare(documents: Any, policy: DuplicatePolicy, dimension: int | None) -> Batch:
    """Check documents and turn them into what the store keeps.

    :param documents: What was passed to ``write_documents``.
    :param policy: FAIL and NONE refuse an id that comes twice, SKIP keeps the first, OVERWRITE the last.
    :param dimension: Length that the embeddings must have; None: that of the first one.
    :raises BadDocument: If something is no Document, or cannot be kept.
    :raises DoesNotFit: If an embedding has another length.
    :raises DuplicateDocuments: If an id comes twice under FAIL or NONE.
    """
    distinct = _distinct(_checked_types(documents), policy)
    vectors = vectors_of([document for document in distinct if document.embedding is not None], dimension)
    positions = iter(range(len(vectors)))
    return Batch(
        records=[record_of(document) for document in distinct],
        vectors=vectors,
        vector_of=[next(positions) if document.embedding is not None else None for document in distinct],
        checksums=checksums(vectors),
    )


def vectors_of(documents: Sequence[Document], dimension: int | None) -> Floats:
    """The embeddings of documents that have one.

    :param dimension: Length that they must have; None: that of the first one.
    :returns: Shape (n, dim).
    :raises DoesNotFit: If one has another length.
    :raises BadDocument: If one holds what is no finite float32.
    """
    if not documents:
        return np.empty((0, dimension or 0), dtype=np.float32)
    for document in documents:
        _check_numbers(document)
    expected = dimension if dimension is not None else len(documents[0].embedding or ())
    for document in documents:
        got = len(document.embedding or ())
        if got != expected or not got:
            advice = (
                f"For this encoder make a store with embedding_dim={got}, or None for that of its first vector; "
                "nothing was written."
            )
            raise DoesNotFit(f"embedding dimension of document {document.id!r}", expected, got, advice)
    try:
        with np.errstate(over="ignore"):
            vectors = np.array([document.embedding for document in documents], dtype=np.float32)
    except OverflowError as error:
        msg = f"an embedding holds a number beyond float32 ({error}); nothing was written"
        raise BadDocument(msg) from error
    broken = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if broken.size:
        ids = ", ".join(repr(documents[position].id) for position in broken[:5])
        msg = (
            f"{broken.size} of {len(vectors)} embeddings hold NaN, infinity or a number beyond float32 "
            f"(documents {ids}); nothing was written"
        )
        raise BadDocument(msg)
    return vectors


def question_vectors(questions: Any, dimension: int | None) -> Floats:
    """Question embeddings as float32.

    :param questions: Shape (m, dim): an array or lists of numbers.
    :param dimension: What dim must be; None: anything.
    :returns: Shape (m, dim).
    :raises DoesNotFit: If dim is another one.
    :raises BadDocument: If it is no matrix of finite numbers.
    """
    try:
        given = np.asarray(questions)
    except (TypeError, ValueError) as error:
        msg = f"question embeddings must be numbers of shape (questions, dimension): {error}"
        raise BadDocument(msg) from error
    if given.dtype.kind == "U":
        text = str(given.ravel()[0])
        msg = (
            f"question embeddings must be numbers of shape (questions, dimension), got the text {text!r:.80}: "
            "embed it first, or ask a DPRRetriever"
        )
        raise BadDocument(msg)
    if given.ndim != 2 or (given.size and given.dtype.kind not in "fiu"):
        msg = f"question embeddings must be numbers of shape (questions, dimension), got {given.dtype} {given.shape}"
        raise BadDocument(msg)
    with np.errstate(over="ignore"):
        vectors = given.astype(np.float32)
    if dimension is not None and vectors.shape[1] != dimension:
        advice = "Ask with the question encoder that belongs to the passage encoder of this store's vectors."
        raise DoesNotFit("dimension of the question embedding", dimension, vectors.shape[1], advice)
    if not np.isfinite(vectors).all():
        msg = "a question embedding holds NaN or infinity"
        raise BadDocument(msg)
    return vectors


def _check_numbers(document: Document) -> None:
    """Refuse what numpy would make numbers of, although it is none: text, None, nested lists."""
    embedding: Any = document.embedding
    numbers = isinstance(embedding, (list, tuple)) and all(
        issubclass(kind, (int, float, np.integer, np.floating)) for kind in set(map(type, embedding))
    )
    if not numbers:
        msg = f"the embedding of document {document.id!r} is no list of numbers; nothing was written"
        raise BadDocument(msg)


def _checked_types(documents: Any) -> list[Document]:
    if not isinstance(documents, Iterable) or isinstance(documents, (str, bytes, dict)):
        msg = f"documents must be a list of Document objects, got {type(documents).__name__}"
        raise BadDocument(msg)
    listed = list(documents)
    for position, document in enumerate(listed):
        if not isinstance(document, Document):
            msg = f"documents must be a list of Document objects, but item {position} is a {type(document).__name__}"
            raise BadDocument(msg)
        if not isinstance(document.id, str):
            msg = f"item {position}: the id of a document must be a str, got {type(document.id).__name__}"
            raise BadDocument(msg)
    return listed


def _distinct(documents: list[Document], policy: DuplicatePolicy) -> list[Document]:
    if policy == DuplicatePolicy.OVERWRITE:
        return list({document.id: document for document in documents}.values())
    if policy == DuplicatePolicy.SKIP:
        first: dict[str, Document] = {}
        for document in documents:
            first.setdefault(document.id, document)
        return list(first.values())
    repeated = [name for name, count in Counter(document.id for document in documents).items() if count > 1]
    if repeated:
        raise duplicates(repeated, "come more than once in this batch")
    return documents


def check_dimension(batch: Batch, dimension: int | None) -> None:
    """Refuse a batch whose vectors have another length than the store's.

    :raises DoesNotFit: With both lengths.
    """
    if batch.vectors.shape[1] != dimension:
        advice = "Another writer has decided it meanwhile; nothing was written."
        raise DoesNotFit("embedding dimension", dimension, batch.vectors.shape[1], advice)


def without(batch: Batch, ids: set[str]) -> Batch:
    """The batch without some of its documents."""
    kept = [position for position, record in enumerate(batch.records) if record.id not in ids]
    positions = [batch.vector_of[position] for position in kept]
    chosen = [position for position in positions if position is not None]
    numbers = iter(range(len(chosen)))
    return Batch(
        records=[batch.records[position] for position in kept],
        vectors=batch.vectors[chosen],
        vector_of=[next(numbers) if position is not None else None for position in positions],
        checksums=[batch.checksums[position] for position in chosen],
    )


def duplicates(ids: Sequence[str], what: str) -> DuplicateDocuments:
    """The error for ids that are there already."""
    named = ", ".join(repr(name) for name in list(ids)[:5]) + (", ..." if len(ids) > 5 else "")
    msg = (
        f"{len(ids)} document ids {what}: {named}; nothing was written. "
        "Pass policy=DuplicatePolicy.SKIP or DuplicatePolicy.OVERWRITE to allow it."
    )
    return DuplicateDocuments(msg)
