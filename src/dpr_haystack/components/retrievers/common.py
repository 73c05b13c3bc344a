# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What all retrievers share: how many documents to return, and which filter applies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from haystack.document_stores.types import FilterPolicy

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


def check_default_top_k(top_k: int, min_top_k: int = 0) -> None:
    """Refuse default numbers of results that are too low.

    :param top_k: The number.
    :param min_top_k: The lowest number of results of a run.
    :raises InputError: If they are not integers of at least 1 and 0.
    """
    check_integer("top_k", top_k)
    check_integer("min_top_k", min_top_k, minimum=0)


def chosen_top_k(top_k: int | None, default: int, minimum: int = 0) -> int:
    """The number of results of one run.

    :param top_k: The number that was asked for; 0 for no results, None for the default.
    :param default: The component's own.
    :param minimum: The component's ``min_top_k``: the lowest number.
    :returns: The number.
    :raises InputError: If it is not an integer of at least 0.
    """
    if top_k is None:
        return max(default, minimum)
    check_integer("top_k", top_k, minimum=0)
    return max(top_k, minimum)


def policy_of(filter_policy: str | FilterPolicy) -> FilterPolicy:
    """The filter policy of a name.

    :param filter_policy: ``"replace"`` or ``"merge"``, or the policy itself.
    :returns: The policy.
    :raises ValueError: If the name is unknown.
    """
    return filter_policy if isinstance(filter_policy, FilterPolicy) else FilterPolicy.from_str(filter_policy)


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
