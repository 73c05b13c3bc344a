# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Checking documents before they are written, and question embeddings before they are searched with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from haystack.dataclasses import Document
from haystack.document_stores.types import DuplicatePolicy

from dpr_haystack.core.encoder_mark import checksums
from dpr_haystack.core.exact import Floats
from dpr_haystack.store.errors import BadDocument, DoesNotFit, DuplicateDocuments
from dpr_haystack.store.records import Record, record_of


@dataclass(frozen=True)
class Batch:
    """Checked documents, ready to be written; only existing ids can still be refused.

    :param records: One per document; ids are distinct.
    :param vectors: The embeddings of those that have one, shape (n, dim).
    :param vector_of: For each record the position of its vector in ``vectors``, or None.
    :param checksums: A checksum of each vector.
    :param encoders: For each vector the passage tower that its document's mark names; None if it has no mark, or one
        that was made for another vector.
    """

    records: list[Record]
    vectors: Floats
    vector_of: list[int | None]
    checksums: list[int]
    encoders: list[dict[str, str] | None]

    def __len__(self) -> int:
        return len(self.records)


def checked_policy(policy: Any) -> DuplicatePolicy:
    """A policy, also by its name.

    :param policy: The policy, or its name in any case.
    :raises BadDocument: If there is no such policy.
    """
    if isinstance(policy, DuplicatePolicy):
        return policy
    known = {known.value: known for known in DuplicatePolicy}
    if not isinstance(policy, str) or policy.lower() not in known:
        msg = f"policy must be a DuplicatePolicy or one of {', '.join(known)}: got {policy!r}; nothing was written"
        raise BadDocument(msg)
    return known[policy.lower()]


def prepare(documents: Any, policy: DuplicatePolicy, dimension: int | None) -> Batch:
    """Check documents and convert them to database records.

    :param documents: What was passed to ``write_documents``.
    :param policy: For repeated ids, FAIL and NONE raise, SKIP keeps the first document, OVERWRITE the last.
    :param dimension: Required length of the embeddings; None for that of the first one.
    :raises BadDocument: If an item is not a Document or cannot be stored.
    :raises DoesNotFit: If an embedding has another length.
    :raises DuplicateDocuments: If an id is repeated and the policy is FAIL or NONE.
    """
    distinct = _distinct(_checked_types(documents), policy)
    vectors = vectors_of([document for document in distinct if document.embedding is not None], dimension)
    positions, sums = iter(range(len(vectors))), checksums(vectors)
    pairs = [record_of(document) for document in distinct]
    marks = [mark for document, (_, mark) in zip(distinct, pairs, strict=True) if document.embedding is not None]
    return Batch(
        records=[record for record, _ in pairs],
        vectors=vectors,
        vector_of=[next(positions) if document.embedding is not None else None for document in distinct],
        checksums=sums,
        encoders=[
            mark.record if mark is not None and mark.checksum == actual else None
            for mark, actual in zip(marks, sums, strict=True)
        ],
    )


def vectors_of(documents: Sequence[Document], dimension: int | None) -> Floats:
    """The embeddings of documents as one matrix.

    :param documents: Documents with embeddings.
    :param dimension: Required length; None for that of the first embedding.
    :returns: Shape (n, dim).
    :raises DoesNotFit: If one has another length.
    :raises BadDocument: If one contains something other than finite float32 numbers.
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
                f"For this encoder, create a store with embedding_dim={got}, or None for the dimension of its first "
                "vector; nothing was written."
            )
            raise DoesNotFit(f"embedding dimension of document {document.id!r}", expected, got, advice)
    try:
        with np.errstate(over="ignore"):
            vectors = np.array([document.embedding for document in documents], dtype=np.float32)
    except OverflowError as error:
        msg = f"an embedding contains a number outside the range of float32 ({error}); nothing was written"
        raise BadDocument(msg) from error
    invalid = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if invalid.size:
        ids = ", ".join(repr(documents[position].id) for position in invalid[:5])
        msg = (
            f"{invalid.size} of {len(vectors)} embeddings contain NaN, infinity or numbers outside the range of "
            f"float32 (documents {ids}); nothing was written"
        )
        raise BadDocument(msg)
    return vectors


def question_vectors(questions: Any, dimension: int | None) -> Floats:
    """Question embeddings as float32.

    :param questions: Shape (m, dim): an array or lists of numbers.
    :param dimension: Required dimension; None for any.
    :returns: Shape (m, dim).
    :raises DoesNotFit: If the dimension is another one.
    :raises BadDocument: If they are not a matrix of finite numbers.
    """
    try:
        given = np.asarray(questions)
    except (TypeError, ValueError) as error:
        msg = f"question embeddings must be numbers of shape (questions, dimension): {error}"
        raise BadDocument(msg) from error
    if given.dtype.kind == "U":
        text = str(given.ravel()[0])
        msg = (
            f"question embeddings must be numbers of shape (questions, dimension): got the text {text!r:.80}; "
            "embed it first, or use a DPRRetriever"
        )
        raise BadDocument(msg)
    if given.ndim != 2 or (given.size and given.dtype.kind not in "fiu"):
        msg = f"question embeddings must be numbers of shape (questions, dimension): got {given.dtype} {given.shape}"
        raise BadDocument(msg)
    with np.errstate(over="ignore"):
        vectors = given.astype(np.float32)
    if dimension is not None and vectors.shape[1] != dimension:
        advice = "Use the question encoder that belongs to the passage encoder of this store."
        raise DoesNotFit("dimension of the question embedding", dimension, vectors.shape[1], advice)
    if not np.isfinite(vectors).all():
        msg = "a question embedding contains NaN or infinity"
        raise BadDocument(msg)
    return vectors


def _check_numbers(document: Document) -> None:
    """Refuse values that numpy would convert although they are not numbers: text, None, nested lists."""
    embedding: Any = document.embedding
    is_numeric = isinstance(embedding, (list, tuple)) and all(
        issubclass(kind, (int, float, np.integer, np.floating)) for kind in set(map(type, embedding))
    )
    if not is_numeric:
        msg = f"the embedding of document {document.id!r} is not a list of numbers; nothing was written"
        raise BadDocument(msg)


def _checked_types(documents: Any) -> list[Document]:
    if not isinstance(documents, Iterable) or isinstance(documents, (str, bytes, dict)):
        msg = f"documents must be a list of Document objects: got {type(documents).__name__}"
        raise BadDocument(msg)
    listed = list(documents)
    for position, document in enumerate(listed):
        if not isinstance(document, Document):
            msg = f"documents must be a list of Document objects: got {type(document).__name__} as item {position}"
            raise BadDocument(msg)
        if not isinstance(document.id, str):
            msg = f"item {position}: the id of a document must be a str: got {type(document.id).__name__}"
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
        raise duplicates(repeated, "are repeated in this batch")
    return documents


def check_dimension(batch: Batch, dimension: int | None) -> None:
    """Refuse a batch whose vectors have another length than those of the store.

    :param batch: The batch.
    :param dimension: Length of the store's vectors.
    :raises DoesNotFit: With both lengths.
    """
    if batch.vectors.shape[1] != dimension:
        advice = "Another writer has set it in the meantime; nothing was written."
        raise DoesNotFit("embedding dimension", dimension, batch.vectors.shape[1], advice)


def without(batch: Batch, ids: set[str]) -> Batch:
    """The batch without some of its documents.

    :param batch: The batch.
    :param ids: Ids of the documents to leave out.
    """
    kept = [position for position, record in enumerate(batch.records) if record.id not in ids]
    positions = [batch.vector_of[position] for position in kept]
    chosen = [position for position in positions if position is not None]
    new_positions = iter(range(len(chosen)))
    return Batch(
        records=[batch.records[position] for position in kept],
        vectors=batch.vectors[chosen],
        vector_of=[next(new_positions) if position is not None else None for position in positions],
        checksums=[batch.checksums[position] for position in chosen],
        encoders=[batch.encoders[position] for position in chosen],
    )


def duplicates(ids: Sequence[str], problem: str) -> DuplicateDocuments:
    """The error for duplicate ids.

    :param ids: The ids.
    :param problem: What is wrong with them, as the end of a sentence.
    """
    named = ", ".join(repr(name) for name in list(ids)[:5]) + (", ..." if len(ids) > 5 else "")
    msg = (
        f"{len(ids)} document ids {problem}: {named}; nothing was written. "
        "Pass policy=DuplicatePolicy.SKIP or DuplicatePolicy.OVERWRITE to allow it."
    )
    return DuplicateDocuments(msg)
