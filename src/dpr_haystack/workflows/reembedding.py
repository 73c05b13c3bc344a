# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Re-embedding a whole store with another passage tower. Safe to interrupt and to run again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dpr_haystack.components.document_store import FAISSDocumentStore
from dpr_haystack.core.progress import Progress
from dpr_haystack.core.vector_origin import VectorOrigin
from dpr_haystack.workflows.batch_sizes import FIRST, next_size
from dpr_haystack.workflows.encoder_checks import check_similarity

if TYPE_CHECKING:
    from haystack.dataclasses import Document

    from dpr_haystack.components.document_embedder import DPRDocumentEmbedder
    from dpr_haystack.store.reembedding import Reembedding

_WITHOUT_TEXT = {"field": "content", "operator": "==", "value": None}
_WITHOUT_VECTOR = {
    "operator": "AND",
    "conditions": [
        {"field": "content", "operator": "!=", "value": None},
        {"field": "embedding", "operator": "==", "value": None},
    ],
}


@dataclass(frozen=True)
class ReembedReport:
    """What re-embedding did.

    :param model: The passage tower.
    :param before: What was known about the vectors before.
    :param embedded: Passages embedded in this run.
    :param found: Vectors reused from an interrupted run.
    :param without_text: Documents without text, which have no vector.
    :param is_new: False if the store already had this tower's vectors and nothing was done.
    """

    model: str
    before: VectorOrigin
    embedded: int = 0
    found: int = 0
    without_text: int = 0
    is_new: bool = True


def reembed(
    store: FAISSDocumentStore,
    embedder: DPRDocumentEmbedder,
    *,
    restart: bool = False,
    progress: Callable[[int, int], Progress] | None = None,
) -> ReembedReport:
    """Replace the vectors of every document of a store, as if it had been indexed with this tower.

    New vectors are written beside the old ones. The store searches the old ones until the new ones are complete; then
    it switches in one step and its indexes catch up. Documents written in the meantime are embedded too. After an
    interruption, the same call resumes.

    :param store: The store.
    :param embedder: The passage tower; its vectors may have another dimension.
    :param restart: Discard the vectors of an interrupted run, even of another tower.
    :param progress: Called once with the number of passages done and in all; returns the callback that is called with
        the number of passages done since the last call.
    :raises EncoderMismatch: If the tower was trained for another similarity than the store's, or a run with another
        tower was interrupted and ``restart`` is False.
    :raises StoreFailure: If the disk has no room for the new vectors.
    :raises StoreLocked: If another process is re-embedding the store.
    """
    check_similarity(embedder, store.settings().similarity, str(store.directory))
    record = embedder.identity.passage_record()
    before = store.origin()
    is_known = before.encoder is not None and before.encoder.get("fingerprint") == record["fingerprint"]
    if is_known and not before.unknown and not store.count_documents_by_filter(_WITHOUT_VECTOR):
        if restart:
            store.drop_reembedding()
        return ReembedReport(embedder.model, before, is_new=False)
    with store.reembedding(record, embedder.dimension, restart=restart) as staging:
        staging.check_space()
        done, remaining = staging.done, staging.remaining
        step = progress(done, done + remaining) if progress is not None else (lambda _: None)
        embedded = _embed_all(staging, embedder, step)
    store.catch_up()
    return ReembedReport(embedder.model, before, embedded, done, store.count_documents_by_filter(_WITHOUT_TEXT))


def _embed_all(staging: Reembedding, embedder: DPRDocumentEmbedder, step: Progress) -> int:
    embedded, size = 0, FIRST

    def embed(documents: list[Document]) -> list[Document]:
        nonlocal embedded
        with_vectors: list[Document] = embedder.run(documents)["documents"]
        embedded += len(with_vectors)
        return with_vectors

    while True:
        pending, started = staging.pending(size), time.monotonic()
        if not pending and staging.switch(embed):
            return embedded
        staging.add(pending, embed(pending.documents) if pending.documents else [])
        step(len(pending.documents))
        size = next_size(size, len(pending.documents), time.monotonic() - started)
