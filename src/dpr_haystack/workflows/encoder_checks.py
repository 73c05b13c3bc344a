# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Checks that a passage tower fits the vectors that are already in a store or an index."""

from __future__ import annotations

from pathlib import Path

from dpr_haystack.backends.passage_writer import PassageWriter
from dpr_haystack.components.document_embedder import DPRDocumentEmbedder
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.errors import EncoderMismatch


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
    """Check that all existing vectors are recorded to be of this passage tower.

    :param target: Where passages are written.
    :param embedder: The passage tower.
    :raises EncoderMismatch: If another tower made them, or it is not known which one made some of them.
    """
    if target.is_there():  # nothing is created before there is something to write
        target.origin().check_continuation(embedder.identity.passage_record())


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
