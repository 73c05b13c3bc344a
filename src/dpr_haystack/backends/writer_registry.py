# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Which target goes with a document store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpr_haystack.backends.local_writer import LocalTarget
from dpr_haystack.backends.passage_writer import IndexTarget
from dpr_haystack.components.document_store import FAISSDocumentStore

if TYPE_CHECKING:
    from dpr_haystack.backends.registry import AnyStore


def target_over(store: AnyStore, language: str | None = None) -> IndexTarget:
    """The target for a document store: ours, or the official one of Elasticsearch.

    :param store: The store.
    :param language: Language of an index that has to be made in Elasticsearch; None for English.
    """
    if isinstance(store, FAISSDocumentStore):
        return LocalTarget(store)
    # its engine loads the client of Elasticsearch
    from dpr_haystack.backends.elasticsearch.writer import ElasticsearchTarget

    return ElasticsearchTarget(store, language)
