# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The name under which Haystack's YAML knows the store of dpr-haystack."""

from dpr_haystack.components.document_store import FAISSDocumentStore

__all__ = ["FAISSDocumentStore"]
