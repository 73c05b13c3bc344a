# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Which filter applies: under MERGE no run can undo the filter of the constructor, whatever filter it brings."""

from __future__ import annotations

from typing import Any

import pytest
from haystack.errors import FilterError
from haystack.utils.filters import document_matches_filter

from dpr_haystack import FAISSDocumentStore
from support.retrievers import KINDS, QUESTION, Asking, make_retriever
from support.stores import make_tenant_store, tenant_documents

every_kind = pytest.mark.parametrize("kind", KINDS)


def where(field: str, value: Any, operator: str = "==") -> dict[str, Any]:
    return {"field": f"meta.{field}", "operator": operator, "value": value}


def all_of(*conditions: dict[str, Any]) -> dict[str, Any]:
    return {"operator": "AND", "conditions": list(conditions)}


def any_of(*conditions: dict[str, Any]) -> dict[str, Any]:
    return {"operator": "OR", "conditions": list(conditions)}


def none_of(*conditions: dict[str, Any]) -> dict[str, Any]:
    return {"operator": "NOT", "conditions": list(conditions)}


A, B, OLD = where("tenant", "a"), where("tenant", "b"), where("year", 2003, "<=")
DEFAULTS = {"comparison": A, "and": all_of(A, OLD), "or": any_of(A, where("year", 2000)), "not": none_of(B)}
ONES_OF_A_RUN = {
    "same field, other value": B,
    "same field, not equal": where("tenant", "a", "!="),
    "same field, in": where("tenant", ["a", "b"], "in"),
    "other field": OLD,
    "and": all_of(where("year", 2001, ">="), where("is_public", True)),
    "or with the other tenant": any_of(A, B),
    "or without the tenant": any_of(where("year", 2001), where("year", 2005)),
    "not": none_of(A),
    "not of something else": none_of(where("year", 2001)),
    "nested": any_of(all_of(B, OLD), none_of(any_of(A, B))),
    "nothing": {},
    "none": None,
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FAISSDocumentStore:
    return make_tenant_store(tmp_path_factory.mktemp("filters") / "store")


@pytest.fixture(scope="module")
def asking() -> Asking:
    return Asking()


@pytest.fixture(scope="module")
def retrievers(store: FAISSDocumentStore) -> dict[str, Any]:
    return {kind: make_retriever(kind, store, top_k=100) for kind in KINDS}


@pytest.fixture
def retriever(kind: str, retrievers: dict[str, Any]) -> Any:
    """The shared one with settings of the test's own; its model is not loaded again."""
    shared = retrievers[kind]
    before = shared.filters, shared.filter_policy
    yield shared
    shared.filters, shared.filter_policy = before


def matching(*filters: dict[str, Any] | None) -> set[str]:
    """By Haystack's own reference: the documents that pass all of the filters."""
    return {
        document.id
        for document in tenant_documents()
        if all(not each or document_matches_filter(each, document) for each in filters)
    }


def findable(kind: str, retriever: Any, asking: Asking) -> set[str]:
    """Without a filter: all documents, or with BM25 those that share a word with the question."""
    now, retriever.filters = retriever.filters, None
    found = {document.id for document in retriever.run(**asking.inputs(kind, QUESTION))["documents"]}
    retriever.filters = now
    return found


@every_kind
@pytest.mark.parametrize("default", list(DEFAULTS))
def test_merged_filters_must_both_pass(kind: str, default: str, retriever: Any, asking: Asking) -> None:
    inputs = asking.inputs(kind, QUESTION)
    reachable = findable(kind, retriever, asking)
    retriever.filters = DEFAULTS[default]
    retriever.filter_policy = type(retriever.filter_policy).MERGE
    for name, now in ONES_OF_A_RUN.items():
        found = {document.id for document in retriever.run(**inputs, filters=now)["documents"]}
        assert found == matching(DEFAULTS[default], now) & reachable, name
        assert found <= matching(DEFAULTS[default]), name


@every_kind
def test_a_run_replaces_the_filter_under_replace(kind: str, retriever: Any, asking: Asking) -> None:
    inputs = asking.inputs(kind, QUESTION)
    reachable = findable(kind, retriever, asking)
    retriever.filters = A
    for now in (B, OLD, any_of(A, B)):
        found = {document.id for document in retriever.run(**inputs, filters=now)["documents"]}
        assert found == matching(now) & reachable
    nothing: Any
    for nothing in ({}, None):  # as in Haystack, nothing does not clear the filter of the constructor
        found = {document.id for document in retriever.run(**inputs, filters=nothing)["documents"]}
        assert found == matching(A) & reachable


@every_kind
def test_policies_of_the_constructor(kind: str, store: FAISSDocumentStore) -> None:
    assert make_retriever(kind, store, filters=A).filter_policy.value == "replace"
    assert make_retriever(kind, store, filters=A, filter_policy="merge").filter_policy.value == "merge"


@every_kind
def test_filters_are_not_changed_by_a_run(kind: str, retriever: Any, asking: Asking) -> None:
    retriever.filters = all_of(A, OLD)
    retriever.filter_policy = type(retriever.filter_policy).MERGE
    now = any_of(B, OLD)
    retriever.run(**asking.inputs(kind, QUESTION), filters=now)
    assert retriever.filters == all_of(A, OLD)
    assert now == any_of(B, OLD)


@every_kind
@pytest.mark.parametrize("policy", ["REPLACE", "MERGE"])
def test_what_is_no_filter_is_refused(kind: str, policy: str, retriever: Any, asking: Asking) -> None:
    retriever.filters, retriever.filter_policy = A, type(retriever.filter_policy)[policy]
    for bad in ({"field": "meta.year"}, {"operator": "XOR", "conditions": []}, where("year", 3, "~")):
        with pytest.raises(FilterError):
            retriever.run(**asking.inputs(kind, QUESTION), filters=bad)


@every_kind
def test_a_filter_costs_no_recall(kind: str, retriever: Any, asking: Asking) -> None:
    """The two passages of a year are found although nearly all others are better."""
    found = retriever.run(**asking.inputs(kind, QUESTION), filters=where("title", "Rhine"), top_k=1)["documents"]
    assert [document.meta["title"] for document in found] == ["Rhine"]
