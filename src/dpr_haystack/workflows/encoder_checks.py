# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Checks that a passage tower fits the vectors that are already in a store or an index."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from haystack.dataclasses import Document

from dpr_haystack.backends.passage_writer import PassageWriter
from dpr_haystack.components.document_embedder import DPRDocumentEmbedder
from dpr_haystack.core.batching import batched
from dpr_haystack.core.identity import belongs
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.errors import EncoderMismatch

# How many vectors of unknown origin are compared, and the largest relative difference: bfloat16 and float32 differ too.
_COMPARED = 8
_LARGEST_DIFFERENCE = 0.1


def check_similarity(embedder: DPRDocumentEmbedder, similarity: Similarity, location: str) -> None:
    """Check that vectors are compared by the similarity that their tower was trained for.

    :param embedder: The passage tower.
    :param similarity: The similarity of the store or index.
    :param location: The store or index, for the message.
    :raises EncoderMismatch: If the tower was trained for Euclidean distance and the similarity is another one.
    """
    if embedder.similarity == Similarity.L2 != similarity:
        msg = (
            f"{location} compares vectors by {similarity}, but {embedder.model} was trained for Euclidean distance "
            "(l2): `dpr-haystack index --store DIR` with a new directory makes a store that fits"
        )
        raise EncoderMismatch(msg)


def check_encoder(target: PassageWriter, embedder: DPRDocumentEmbedder) -> None:
    """Check that the existing vectors were made by this passage tower: by the record, or else by some of the vectors.

    :param target: Where passages are written.
    :param embedder: The passage tower.
    :raises EncoderMismatch: If another tower made them.
    """
    if not target.is_there():
        return  # nothing is created before there is something to write
    recorded = target.recorded_encoder
    if recorded is not None and belongs(embedder.identity, recorded) is False:
        msg = (
            f"the vectors in {target.location} were made by {recorded.get('model')} and cannot be compared with those "
            f"of {embedder.model}; use another store or index for this model"
        )
        raise EncoderMismatch(msg)
    if belongs(embedder.identity, recorded) is None:
        _check_vectors(target, embedder)


def _check_vectors(target: PassageWriter, embedder: DPRDocumentEmbedder) -> None:
    """Compare some vectors of unknown origin with what this tower makes of the same texts.

    :param target: Where passages are written.
    :param embedder: The passage tower.
    :raises EncoderMismatch: If they differ, except in length: the first write refuses another length.
    """
    documents = _some_with_vectors(target)
    again = embedder.run(documents)["documents"]
    for document, expected in zip(documents, again, strict=True):
        old, new = np.array(document.embedding), np.array(expected.embedding)
        if target.similarity == Similarity.COSINE:
            old, new = old / np.linalg.norm(old), new / np.linalg.norm(new)
        if len(old) == len(new) and np.linalg.norm(old - new) > _LARGEST_DIFFERENCE * np.linalg.norm(new):
            msg = (
                f"{target.location} does not record which encoder made its vectors, and {embedder.model} gives another "
                f"vector for document {document.id}: index with the encoder that made them, use another store or "
                "index, or replace a store's vectors with dpr-haystack reembed"
            )
            raise EncoderMismatch(msg)


def _some_with_vectors(target: PassageWriter) -> list[Document]:
    """The first documents with text and vector; a server need not return vectors."""
    for ids in batched((name for name, _ in target.metas()), 1_000):
        kept = {name: old for name, old in target.kept(ids).items() if old.has_vector and old.content}
        vectors = target.vectors(list(kept)[:_COMPARED])
        found = [
            Document(id=name, content=kept[name].content, meta=kept[name].meta, embedding=vector)
            for name, vector in vectors.items()
            if vector is not None
        ]
        if found:
            return found
    return []


def update_encoder_path(target: PassageWriter, embedder: DPRDocumentEmbedder) -> None:
    """Record the new path of the encoder that made the vectors, if it is no longer at the recorded one.

    :param target: Where passages are written.
    :param embedder: The passage tower.
    """
    if not target.is_there():
        return
    current, recorded = embedder.identity.passage_record(), target.recorded_encoder
    if recorded is None or not recorded.get("fingerprint") or recorded["fingerprint"] != current["fingerprint"]:
        return
    path = Path(str(recorded.get("model")))
    if path.is_absolute() and not path.exists():
        target.record_encoder({**recorded, "model": current["model"]})
