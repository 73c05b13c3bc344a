# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""New vectors for a whole store, by another passage tower: safe to interrupt and to run again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dpr_haystack.components.document_store import FAISSDocumentStore
from dpr_haystack.workflows.indexing import FIRST, check_similarity, next_size

if TYPE_CHECKING:
    from haystack.dataclasses import Document

    from dpr_haystack.components.document_embedder import DPRDocumentEmbedder
    from dpr_haystack.store.reembedding import Reembedding

Progress = Callable[[int], None]

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
    """What was done.

    :param model: The passage tower.
    :param embedded: Passages embedded now.
    :param found: Vectors of an interrupted run that were there already.
    :param without_text: Documents without a text, which have no vector now.
    :param is_new: False: the store's vectors are of this tower already, and nothing was done.
    """

    model: str
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
    """Embed every document of a store anew, as :func:`~dpr_haystack.workflows.indexing.index_paths` does.

    The new vectors lie beside the old ones, which the store answers with until all are there; then it switches in one
    step, and its indexes catch up. Documents that are written meanwhile are embedded too. Interrupted, the same call
    goes on where it was.

    :param store: The store.
    :param embedder: The passage tower; its vectors may have another length.
    :param restart: Throw away what an interrupted run has left, also one by another tower.
    :param progress: Called with how many passages are done and how many there are; gives what is called with the number
        of passages done since the last call.
    :raises EncoderMismatch: If the tower was trained for another similarity than the store's, or a run by another tower
        was interrupted and is not to be thrown away.
    :raises StoreFailure: If the disk has no room for the new vectors.
    :raises StoreLocked: If another process embeds the store anew.
    """
    check_similarity(embedder, store.similarity, str(store.directory))
    record = embedder.identity.passage_record()
    recorded = store.recorded_encoder or {}
    if recorded.get("fingerprint") == record["fingerprint"] and not store.count_documents_by_filter(_WITHOUT_VECTOR):
        if restart:
            store.drop_reembedding()
        return ReembedReport(embedder.model, is_new=False)
    with store.reembedding(record, embedder.dimension, restart=restart) as staging:
        staging.check_space()
        found, remaining = staging.done, staging.remaining
        step = progress(found, found + remaining) if progress is not None else (lambda _: None)
        embedded = _embed_all(staging, embedder, step)
    store.catch_up()
    return ReembedReport(embedder.model, embedded, found, store.count_documents_by_filter(_WITHOUT_TEXT))


def _embed_all(staging: Reembedding, embedder: DPRDocumentEmbedder, step: Progress) -> int:
    embedded, size = 0, FIRST

    def embed(documents: list[Document]) -> list[Document]:
        nonlocal embedded
        found: list[Document] = embedder.run(documents)["documents"]
        embedded += len(found)
        return found

    while True:
        pending, started = staging.pending(size), time.monotonic()
        if not pending and staging.switch(embed):
            return embedded
        staging.add(pending, embed(pending.documents) if pending.documents else [])
        step(len(pending.documents))
        size = next_size(size, len(pending.documents), time.monotonic() - started)
