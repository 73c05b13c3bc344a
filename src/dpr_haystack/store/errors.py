# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The store's exceptions: ours and Haystack's at once, so that either ``except`` clause finds them."""

from __future__ import annotations

from haystack.document_stores.errors import DocumentStoreError, DuplicateDocumentError
from haystack.errors import FilterError

from dpr_haystack.errors import DataError, IndexMismatch, InputError, StoreBusy, StoreError


class StoreFailure(StoreError, DocumentStoreError):
    """A store that cannot be opened, read or written."""


class NotAStore(InputError, DocumentStoreError):
    """A directory that holds something else."""


class StoreLocked(StoreBusy, DocumentStoreError):
    """Another process kept writing for longer than this one was told to wait."""


class BadDocument(InputError, DocumentStoreError):
    """A document that the store cannot keep."""


class DoesNotFit(IndexMismatch, DocumentStoreError):
    """A vector or a setting that does not fit the store."""


class DuplicateDocuments(InputError, DuplicateDocumentError):
    """Documents whose ids are already there."""


class NotReadable(DataError, DocumentStoreError):
    """A file that was to be taken over and is not what it should be."""


class BadFilter(InputError, FilterError):
    """A filter that cannot be applied."""
