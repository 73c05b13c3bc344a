# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Haystack's document store protocol: writing, deleting, filtering and counting documents and their metadata."""

from __future__ import annotations

import asyncio
from typing import Any

from haystack.dataclasses import Document
from haystack.document_stores.types import DuplicatePolicy

from dpr_haystack.core.metadata import fields_info, min_max, unique_values
from dpr_haystack.store.batch import checked_policy
from dpr_haystack.store.errors import BadDocument
from dpr_haystack.store.handle import StoreHandle


class DocumentMethods(StoreHandle):
    """Haystack's document store protocol; each method also as a coroutine that runs in a thread."""

    def count_documents(self) -> int:
        """How many documents there are."""
        return self.opened().state().count

    def filter_documents(self, filters: dict[str, Any] | None = None) -> list[Document]:
        """The documents that match a filter, with their embeddings, in the order of writing.

        :param filters: A Haystack filter; None for all documents.
        :raises FilterError: If it is not valid.
        """
        with self.opened().view() as view:
            return view.documents(filters)

    def get_documents_by_id(self, document_ids: list[str]) -> list[Document]:
        """Documents by id, in the order of the ids; unknown ids are left out.

        :param document_ids: Their ids.
        """
        with self.opened().view() as view:
            documents = view.documents_by("id", document_ids, with_vectors=True)
        return [documents[name] for name in document_ids if name in documents]

    def write_documents(self, documents: list[Document], policy: DuplicatePolicy | str = DuplicatePolicy.NONE) -> int:
        """Write documents and their vectors; both are durable when this returns. Creates the store if there is none.

        A document without an embedding that overwrites one with the same content and blob keeps the vector of that one:
        search results, which carry no embeddings, can be written back with other metadata. If the content is another
        one, the vector is removed and a warning says so.

        :param documents: Documents with or without embeddings.
        :param policy: What to do with ids that exist: SKIP, OVERWRITE or FAIL, also by name; NONE means FAIL.
        :returns: How many were written.
        :raises ValueError: If something is not a Document, has an embedding of the wrong length or with NaN, or holds
            values that cannot be stored. Nothing is written then.
        :raises DuplicateDocumentError: If ids exist under FAIL, or occur twice. Nothing is written then.
        :raises DocumentStoreError: If the store cannot be written, or another process kept writing for too long.
        """
        return self.writer(create=True).write(documents, checked_policy(policy))

    def delete_documents(self, document_ids: list[str]) -> None:
        """Delete documents by id; unknown ids are ignored.

        :param document_ids: Their ids.
        """
        self.writer().delete(document_ids)

    def delete_all_documents(self, recreate_index: bool = False) -> None:
        """Delete every document and its vector. Creates an empty store if there is none.

        :param recreate_index: Also delete the derived indexes, instead of updating them.
        """
        self.writer(create=True).delete_all()
        if recreate_index:
            self.opened().drop_indexes()

    def delete_by_filter(self, filters: dict[str, Any], refresh: bool = False) -> int:  # noqa: ARG002
        """Delete the documents that match a filter.

        :param filters: A Haystack filter; an empty one is refused.
        :param refresh: Has no effect: writes are always visible at once.
        :returns: How many were deleted.
        """
        return self.writer().delete_matching(filters)

    def update_by_filter(self, filters: dict[str, Any], meta: dict[str, Any], refresh: bool = False) -> int:  # noqa: ARG002
        """Merge metadata into the documents that match a filter.

        :param filters: A Haystack filter; an empty one is refused.
        :param meta: The fields to add or replace.
        :param refresh: Has no effect: writes are always visible at once.
        :returns: How many were updated.
        """
        return self.writer().update_matching(filters, meta)

    def count_documents_by_filter(self, filters: dict[str, Any]) -> int:
        """How many documents match a filter.

        :param filters: A Haystack filter; an empty one for all documents.
        """
        if not filters:
            return self.count_documents()
        with self.opened().view() as view:
            return len(view.select(filters).keys)

    def count_unique_metadata_by_filter(self, filters: dict[str, Any], metadata_fields: list[str]) -> dict[str, int]:
        """How many distinct values each field has among the documents that match a filter.

        :param filters: A Haystack filter.
        :param metadata_fields: Names with or without ``meta.``; the result has them without.
        """
        with self.opened().view() as view:
            metas = list(view.metas(filters))
        return {field.removeprefix("meta."): len(unique_values(metas, field)) for field in metadata_fields}

    def get_metadata_fields_info(self) -> dict[str, dict[str, str]]:
        """Every metadata field and its type, as ``{"name": {"type": "keyword"}}``."""
        with self.opened().view() as view:
            return fields_info(view.metas())

    def get_metadata_field_min_max(
        self, metadata_field: str | None = None, *, field_name: str | None = None
    ) -> dict[str, Any]:
        """The smallest and largest value of a field as ``{"min": ..., "max": ...}``; None for both if it has no values.

        :param metadata_field: Name with or without ``meta.``.
        :param field_name: Another name of this argument, which other document stores use.
        """
        field = _only_one(metadata_field, field_name)
        with self.opened().view() as view:
            return min_max(view.metas(), field)

    def get_metadata_field_unique_values(
        self,
        metadata_field: str,
        search_term: str | None = None,
        from_: int = 0,
        size: int = 10,
        filters: dict[str, Any] | None = None,
    ) -> tuple[list[Any], int]:
        """A page of the distinct values of a field, and their total number.

        :param metadata_field: Name with or without ``meta.``.
        :param search_term: Only values that contain this string, ignoring case.
        :param from_: Index of the first value on the page.
        :param size: Number of values on the page.
        :param filters: Only values of documents that match this filter.
        """
        with self.opened().view() as view:
            values = unique_values(view.metas(filters), metadata_field)
        if search_term:
            values = [value for value in values if search_term.lower() in str(value).lower()]
        return values[from_ : from_ + size], len(values)

    async def count_documents_async(self) -> int:
        """See :meth:`count_documents`."""
        return await asyncio.to_thread(self.count_documents)

    async def filter_documents_async(self, filters: dict[str, Any] | None = None) -> list[Document]:
        """See :meth:`filter_documents`."""
        return await asyncio.to_thread(self.filter_documents, filters)

    async def get_documents_by_id_async(self, document_ids: list[str]) -> list[Document]:
        """See :meth:`get_documents_by_id`."""
        return await asyncio.to_thread(self.get_documents_by_id, document_ids)

    async def write_documents_async(
        self, documents: list[Document], policy: DuplicatePolicy | str = DuplicatePolicy.NONE
    ) -> int:
        """See :meth:`write_documents`."""
        return await asyncio.to_thread(self.write_documents, documents, policy)

    async def delete_documents_async(self, document_ids: list[str]) -> None:
        """See :meth:`delete_documents`."""
        await asyncio.to_thread(self.delete_documents, document_ids)

    async def delete_all_documents_async(self, recreate_index: bool = False) -> None:
        """See :meth:`delete_all_documents`."""
        await asyncio.to_thread(self.delete_all_documents, recreate_index)

    async def delete_by_filter_async(self, filters: dict[str, Any], refresh: bool = False) -> int:
        """See :meth:`delete_by_filter`."""
        return await asyncio.to_thread(self.delete_by_filter, filters, refresh)

    async def update_by_filter_async(self, filters: dict[str, Any], meta: dict[str, Any], refresh: bool = False) -> int:
        """See :meth:`update_by_filter`."""
        return await asyncio.to_thread(self.update_by_filter, filters, meta, refresh)

    async def count_documents_by_filter_async(self, filters: dict[str, Any]) -> int:
        """See :meth:`count_documents_by_filter`."""
        return await asyncio.to_thread(self.count_documents_by_filter, filters)

    async def count_unique_metadata_by_filter_async(
        self, filters: dict[str, Any], metadata_fields: list[str]
    ) -> dict[str, int]:
        """See :meth:`count_unique_metadata_by_filter`."""
        return await asyncio.to_thread(self.count_unique_metadata_by_filter, filters, metadata_fields)

    async def get_metadata_fields_info_async(self) -> dict[str, dict[str, str]]:
        """See :meth:`get_metadata_fields_info`."""
        return await asyncio.to_thread(self.get_metadata_fields_info)

    async def get_metadata_field_min_max_async(
        self, metadata_field: str | None = None, *, field_name: str | None = None
    ) -> dict[str, Any]:
        """See :meth:`get_metadata_field_min_max`."""
        return await asyncio.to_thread(self.get_metadata_field_min_max, metadata_field, field_name=field_name)

    async def get_metadata_field_unique_values_async(
        self,
        metadata_field: str,
        search_term: str | None = None,
        from_: int = 0,
        size: int = 10,
        filters: dict[str, Any] | None = None,
    ) -> tuple[list[Any], int]:
        """See :meth:`get_metadata_field_unique_values`."""
        return await asyncio.to_thread(
            self.get_metadata_field_unique_values, metadata_field, search_term, from_, size, filters
        )


def _only_one(metadata_field: Any, field_name: Any) -> str:
    given = [name for name in (metadata_field, field_name) if name is not None]
    if len(given) != 1 or not isinstance(given[0], str):
        msg = f"pass the name of one field, as metadata_field: got {given}"
        raise BadDocument(msg)
    return given[0]
