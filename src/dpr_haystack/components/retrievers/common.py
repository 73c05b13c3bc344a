# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What all retrievers share: how many documents to return, and which filter applies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from haystack.document_stores.types import FilterPolicy

from dpr_haystack.components._basics import ComponentBasics
from dpr_haystack.components.document_store import FAISSDocumentStore
from dpr_haystack.core.checks import check_integer
from dpr_haystack.errors import InputError

if TYPE_CHECKING:
    from haystack_integrations.document_stores.elasticsearch import ElasticsearchDocumentStore

    AnyStore: TypeAlias = FAISSDocumentStore | ElasticsearchDocumentStore

Filters = dict[str, Any]


def check_store(document_store: Any) -> None:
    """Refuse a store that is not a ``FAISSDocumentStore`` of this package.

    :param document_store: The store.
    :raises InputError: If it is another one.
    """
    if not isinstance(document_store, FAISSDocumentStore):
        msg = (
            "document_store must be a FAISSDocumentStore of dpr_haystack: "
            f"got {type(document_store).__module__}.{type(document_store).__name__}"
        )
        raise InputError(msg)


class RetrieverBasics(ComponentBasics):
    """What all retrievers share: how many documents a run returns, and which filter applies."""

    top_k: int
    min_top_k: int
    filters: Filters | None
    filter_policy: FilterPolicy

    def _set_defaults(
        self, top_k: int, min_top_k: int, filters: Filters | None, filter_policy: str | FilterPolicy
    ) -> None:
        check_integer("top_k", top_k)
        check_integer("min_top_k", min_top_k, minimum=0)
        self.top_k = top_k
        self.min_top_k = min_top_k
        self.filters = filters
        self.filter_policy = (
            filter_policy if isinstance(filter_policy, FilterPolicy) else FilterPolicy.from_str(filter_policy)
        )

    def _parameters(self) -> dict[str, Any]:
        """These settings, for ``to_dict``."""
        return {
            "top_k": self.top_k,
            "min_top_k": self.min_top_k,
            "filters": self.filters,
            "filter_policy": self.filter_policy.value,
        }

    def _chosen(self, top_k: int | None, filters: Filters | None) -> tuple[int, Filters | None]:
        """The number of results and the filter of one run, which gives ``None`` for what it leaves to the defaults."""
        if top_k is not None:
            check_integer("top_k", top_k, minimum=0)
        count = max(self.top_k if top_k is None else top_k, self.min_top_k)
        return count, combined(self.filter_policy, self.filters, filters)


def combined(policy: FilterPolicy, default: Filters | None, now: Filters | None) -> Filters | None:
    """The filter that applies to one run.

    Under MERGE a document must match both filters: a run cannot undo a filter that separates tenants. Under REPLACE
    the run's own filter is used alone.

    :param policy: How to combine them.
    :param default: The filter of the constructor.
    :param now: The filter of this run.
    :returns: The filter; None for all documents.
    """
    if not now or not default:
        return now or default
    if policy is FilterPolicy.MERGE:
        return {"operator": "AND", "conditions": [default, now]}
    return now
