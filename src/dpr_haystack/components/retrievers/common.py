# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What all retrievers do the same way: how many to return, and which filter applies."""

from __future__ import annotations

from typing import Any

from haystack.document_stores.types import FilterPolicy

from dpr_haystack.components.document_store import FAISSDocumentStore
from dpr_haystack.errors import InputError

Filters = dict[str, Any]


def check_store(document_store: Any) -> None:
    """Refuse a store that is not ours.

    :raises InputError: With the class that it should be.
    """
    if not isinstance(document_store, FAISSDocumentStore):
        msg = (
            "document_store must be a FAISSDocumentStore of dpr_haystack, "
            f"got {type(document_store).__module__}.{type(document_store).__name__}"
        )
        raise InputError(msg)


def check_default_top_k(top_k: int) -> None:
    """Refuse a default number of results below 1.

    :raises InputError: If it is no whole number of at least 1.
    """
    if not isinstance(top_k, int) or isinstance(top_k, bool) or top_k < 1:
        msg = f"top_k must be a whole number of at least 1, got {top_k!r}"
        raise InputError(msg)


def chosen_top_k(top_k: int | None, default: int) -> int:
    """The number of results of one run: 0 means none, None the default.

    :raises InputError: If it is negative or no whole number.
    """
    if top_k is None:
        return default
    if not isinstance(top_k, int) or isinstance(top_k, bool) or top_k < 0:
        msg = f"top_k must be a whole number of at least 0, got {top_k!r}"
        raise InputError(msg)
    return top_k


def policy_of(filter_policy: str | FilterPolicy) -> FilterPolicy:
    """The filter policy by its name.

    :raises ValueError: If there is none of that name.
    """
    return filter_policy if isinstance(filter_policy, FilterPolicy) else FilterPolicy.from_str(filter_policy)


def combined(policy: FilterPolicy, default: Filters | None, now: Filters | None) -> Filters | None:
    """The filter that applies to one run.

    Under MERGE both filters must let a document through, whatever they are: a filter that keeps tenants apart cannot
    be undone by a run. Under REPLACE a run's own filter stands alone.

    :param policy: How to combine them.
    :param default: The filter of the constructor.
    :param now: The filter of this run.
    """
    if not now or not default:
        return now or default
    if policy is FilterPolicy.MERGE:
        return {"operator": "AND", "conditions": [default, now]}
    return now
