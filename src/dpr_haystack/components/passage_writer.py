# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Writing passages as a Haystack component."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from haystack import Document, component, default_to_dict, logging
from haystack.document_stores.types import DuplicatePolicy

from dpr_haystack.backends.origins import Comparison, PassagesRead, compared, existence, remove_replaced
from dpr_haystack.backends.registry import check_serializable, writer_over
from dpr_haystack.components._basics import ComponentBasics
from dpr_haystack.core.batching import batched

if TYPE_CHECKING:
    from dpr_haystack.backends.passage_writer import PassageWriter
    from dpr_haystack.components.retrievers.common import AnyStore

logger = logging.getLogger(__name__)

_AT_ONCE = 1_000


@component
class DPRPassageWriter(ComponentBasics):
    """Writes passages as the command "index" does, to a FAISSDocumentStore or Haystack's Elasticsearch store.

    Unlike Haystack's ``DocumentWriter`` it knows that one text may come from several files: the passage stays until
    none of them contains it. Files that were read again replace the passages that they had. New passages are durable
    before old ones are removed.

    :param document_store: The store.
    :param keep_old: Keep passages that their file no longer contains.
    :raises InputError: If the store is of an unknown kind.
    """

    __module__ = "haystack_integrations.components.writers.dpr"

    def __init__(self, document_store: AnyStore, *, keep_old: bool = False) -> None:
        writer_over(document_store)  # refuses others
        self.document_store = document_store
        self.keep_old = keep_old

    def to_dict(self) -> dict[str, Any]:
        """Serialise the settings.

        :raises InputError: If the store has secrets in plain text.
        """
        check_serializable(self.document_store)
        return default_to_dict(self, document_store=self.document_store, keep_old=self.keep_old)

    @component.output_types(documents_written=int, documents_removed=int)
    def run(self, documents: list[Document], files: list[str] | None = None) -> dict[str, int]:
        """Write passages.

        :param documents: The passages, with embeddings and distinct ids.
        :param files: What ``meta`` calls the files of which these are all the passages, from
            :class:`DPRFileConverter`: other passages that came from them are removed. None to remove nothing.
        :returns: ``documents_written``: new and changed passages; ``documents_removed``.
        """
        target = writer_over(self.document_store)
        try:
            written, removed = 0, 0
            read, exists = PassagesRead(), existence(target)
            for batch in batched(documents, _AT_ONCE):
                for document in batch:
                    read.add(document)
                kept = target.kept([document.id for document in batch]) if target.is_there() else {}
                written += self._write(compared(batch, kept, exists), target)
            if target.is_there() and files and not self.keep_old:
                target.settle()
                removed = remove_replaced(target, read, files)
            if target.is_there():
                target.settle()
        finally:
            target.close()
        return {"documents_written": written, "documents_removed": removed}

    @component.output_types(documents_written=int, documents_removed=int)
    async def run_async(self, documents: list[Document], files: list[str] | None = None) -> dict[str, int]:
        """See :meth:`run`; works in a thread."""
        return await asyncio.to_thread(self.run, documents, files)

    def close(self) -> None:
        """Release the store's files; the next use opens them again."""
        if hasattr(self.document_store, "close"):
            self.document_store.close()

    def _write(self, comparison: Comparison, target: PassageWriter) -> int:
        documents: Sequence[Document] = [*comparison.to_embed, *comparison.moved]
        if comparison.foreign:
            name, source = next(iter(comparison.foreign.items()))
            logger.warning(
                "{place}: {count} passages replaced those of another source with the same ids, e.g. {id} of {source}",
                place=target.location,
                count=len(comparison.foreign),
                id=name,
                source=source,
            )
        if documents:
            self.document_store.write_documents(list(documents), policy=DuplicatePolicy.OVERWRITE)
        return len(documents)
