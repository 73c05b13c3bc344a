# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Haystack's own conformance classes, all of them, on every kind of index."""

from dataclasses import replace

import numpy as np
import pytest
from haystack.dataclasses import Document
from haystack.document_stores.errors import DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy
from haystack.testing import document_store as sync_tests
from haystack.testing import document_store_async as async_tests

from dpr_haystack import FAISSDocumentStore


def as_float32(documents: list[Document]) -> list[Document]:
    """The store keeps float32; the conformance tests write doubles."""
    return [
        replace(document, embedding=np.array(document.embedding, dtype=np.float32).tolist())
        if document.embedding is not None
        else document
        for document in documents
    ]


class WithStore:
    @pytest.fixture(params=["Flat", pytest.param("HNSW16", marks=pytest.mark.slow)])
    def document_store(self, request, tmp_path):
        store = FAISSDocumentStore(str(tmp_path / "store"), request.param)
        store.write_documents([])  # reading does not create a store
        yield store
        store.close()

    @staticmethod
    def assert_documents_are_equal(received, expected):
        assert as_float32(received) == as_float32(expected)


class TestSync(
    WithStore,
    sync_tests.DocumentStoreBaseExtendedTests,
    sync_tests.CountDocumentsByFilterTest,
    sync_tests.CountUniqueMetadataByFilterTest,
    sync_tests.GetMetadataFieldsInfoTest,
    sync_tests.GetMetadataFieldMinMaxTest,
    sync_tests.GetMetadataFieldUniqueValuesTest,
    sync_tests.FilterableDocsFixtureMixin,
):
    def test_write_documents(self, document_store):
        document = Document(content="test doc")
        assert document_store.write_documents([document]) == 1
        with pytest.raises(DuplicateDocumentError):
            document_store.write_documents([document], DuplicatePolicy.NONE)
        self.assert_documents_are_equal(document_store.filter_documents(), [document])


# hundreds of stores; make check asks the synchronous half
@pytest.mark.slow
class TestAsync(
    WithStore,
    async_tests.CountDocumentsAsyncTest,
    async_tests.WriteDocumentsAsyncTest,
    async_tests.DeleteDocumentsAsyncTest,
    async_tests.DeleteAllAsyncTest,
    async_tests.DeleteByFilterAsyncTest,
    async_tests.UpdateByFilterAsyncTest,
    async_tests.FilterDocumentsAsyncTest,
    async_tests.CountDocumentsByFilterAsyncTest,
    async_tests.CountUniqueMetadataByFilterAsyncTest,
    async_tests.GetMetadataFieldsInfoAsyncTest,
    async_tests.GetMetadataFieldMinMaxAsyncTest,
    async_tests.GetMetadataFieldUniqueValuesAsyncTest,
    sync_tests.FilterableDocsFixtureMixin,
):
    @pytest.mark.asyncio
    async def test_write_documents_async(self, document_store):
        document = Document(content="test doc")
        assert await document_store.write_documents_async([document]) == 1
        with pytest.raises(DuplicateDocumentError):
            await document_store.write_documents_async([document], DuplicatePolicy.NONE)
        self.assert_documents_are_equal(await document_store.filter_documents_async(), [document])
