# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Which search goes with a document store."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from dpr_haystack.backends.elasticsearch.search import ElasticsearchSearch
from dpr_haystack.backends.local import LocalSearch
from dpr_haystack.backends.passage_search import PassageSearch
from dpr_haystack.components.document_store import FAISSDocumentStore
from dpr_haystack.errors import InputError

if TYPE_CHECKING:
    from haystack_integrations.document_stores.elasticsearch import ElasticsearchDocumentStore

    AnyStore: TypeAlias = FAISSDocumentStore | ElasticsearchDocumentStore

_ELASTICSEARCH = "haystack_integrations.document_stores.elasticsearch"


def search_over(document_store: AnyStore, *, purpose: str = "a search", retries: int = 3) -> PassageSearch:
    """The search over a document store: ours, or the official one of Elasticsearch.

    :param document_store: The store.
    :param purpose: Who needs it, for the message if an extra is missing.
    :param retries: How often to ask Elasticsearch again while it is busy.
    :raises InputError: If it is another store.
    """
    if isinstance(document_store, FAISSDocumentStore):
        return LocalSearch(document_store)
    kind = type(document_store)
    if any(each.__module__.startswith(_ELASTICSEARCH) for each in kind.__mro__):
        return ElasticsearchSearch(document_store, purpose, retries=retries)
    msg = (
        "document_store must be a FAISSDocumentStore of dpr_haystack or an ElasticsearchDocumentStore of "
        f"elasticsearch-haystack, got {kind.__module__}.{kind.__name__}"
    )
    raise InputError(msg)
