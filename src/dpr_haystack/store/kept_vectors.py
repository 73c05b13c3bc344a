# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Which documents keep their vectors when they are overwritten by documents without one."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from haystack import logging

from dpr_haystack.store.batch import Batch
from dpr_haystack.store.sql_values import listed

logger = logging.getLogger(__name__)

#: Row and checksum of a stored vector, by the id of its document.
KeptVectors = dict[str, tuple[int, int]]


def vectors_to_keep(connection: sqlite3.Connection, batch: Batch, store: str) -> KeptVectors:
    """The stored vectors that remain valid although their documents are overwritten.

    Search results carry no embeddings. Whoever changes the metadata of one and writes it back means to keep its vector.
    If the text or blob has changed, the vector is that of another text: it is removed, and a warning says so.

    :param connection: Inside the write transaction that overwrites.
    :param batch: The new documents.
    :param store: The store's directory, for the warning.
    """
    new = {record.id: record for record, at in zip(batch.records, batch.vector_of, strict=True) if at is None}
    query = (
        "SELECT id, content, blob, row, checksum FROM documents "
        "WHERE row IS NOT NULL AND id IN (SELECT value FROM json_each(?))"
    )
    kept, lost = KeptVectors(), []
    for name, content, blob, row, checksum in connection.execute(query, (listed(new),)):
        if (content, blob) == (new[name].content, new[name].blob):
            kept[name] = (row, checksum)
        else:
            lost.append(name)
    if lost:
        _warn(store, lost)
    return kept


def _warn(store: str, ids: Sequence[str]) -> None:
    logger.warning(
        "{store}: {count} documents were overwritten by another text without an embedding and have no vector now, so "
        "dense search does not find them: {ids}. Embed them, e.g. with DPRDocumentEmbedder, and write them again.",
        store=store,
        count=len(ids),
        ids=", ".join(repr(name) for name in ids[:5]) + (", ..." if len(ids) > 5 else ""),
    )
