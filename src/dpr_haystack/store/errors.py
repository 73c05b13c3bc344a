# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The store's exceptions, each also one of Haystack's, so that either can be caught."""

from __future__ import annotations

from haystack.document_stores.errors import DocumentStoreError, DuplicateDocumentError
from haystack.errors import FilterError

from dpr_haystack.errors import DataError, EncoderMismatch, IndexMismatch, InputError, StoreBusy, StoreError


class StoreFailure(StoreError, DocumentStoreError):
    """The store cannot be opened, read or written."""


class StoreReadOnly(StoreFailure):
    """The store is on read-only media, or this process has no permission to write to it."""


class NotAStore(InputError, DocumentStoreError):
    """There is no store in the directory, or something else."""


class StoreLocked(StoreBusy, DocumentStoreError):
    """Another process or thread held a lock for longer than the timeout."""


class BadDocument(InputError, DocumentStoreError):
    """A document, or an argument of a store method, that the store cannot accept."""


class DoesNotFit(IndexMismatch, DocumentStoreError):
    """A vector or setting that does not match the store."""


class OtherEncoder(EncoderMismatch, DocumentStoreError):
    """Vectors of another encoder than those of the store."""


class DuplicateDocuments(InputError, DuplicateDocumentError):
    """Documents whose ids already exist."""


class NotReadable(DataError, DocumentStoreError):
    """A file to be imported has the wrong content."""


class BadFilter(InputError, FilterError):
    """The filter is invalid or cannot be applied."""
