# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Filters in SQL against ``document_matches_filter``, on random documents and filters."""

from datetime import UTC, date, datetime

import pytest
from haystack.dataclasses import Document
from haystack.errors import FilterError
from haystack.utils.filters import document_matches_filter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dpr_haystack import FAISSDocumentStore

KEYS = ["a", "b", "long name", "ü"]
DATES = ["2024-01-01", "2024-01-01T00:00:00", "2024-01-01T01:00:00+01:00", "2024-01-01T00:00:00Z", "2023-12-31 23:00"]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-2, 2).map(lambda number: round(number, 1)),
    st.sampled_from(["", "x", "X", "1", "null", "ü", 'q"uote', "2024", "9780306406157", "[1]", *DATES]),
    st.text(max_size=3).filter(lambda text: text.isprintable()),
)
values = st.one_of(
    scalars,
    st.sampled_from([float("nan"), float("inf"), 1 << 70, b"bytes", datetime(2024, 1, 1, tzinfo=UTC)]),
    st.lists(scalars, max_size=2),
    st.lists(scalars, max_size=2).map(tuple),
    st.dictionaries(st.sampled_from(KEYS), scalars, max_size=2),
)
metas = st.dictionaries(st.sampled_from(KEYS), values, max_size=4)
fields = st.sampled_from(
    [
        "meta.a",
        "meta.b",
        "a",
        "meta.a.b",
        "meta.long name",
        "meta.ü",
        "content",
        "id",
        "score",
        "meta.no",
        "nothing.here",
    ]
)
comparisons = st.builds(
    lambda field, operator, value: {"field": field, "operator": operator, "value": value},
    fields,
    st.sampled_from(["==", "!=", ">", ">=", "<", "<=", "in", "not in"]),
    st.one_of(scalars, st.lists(scalars, max_size=3), st.just(datetime(2024, 1, 1))),
)
filters = st.recursive(
    comparisons,
    lambda inner: st.builds(
        lambda operator, conditions: {"operator": operator, "conditions": conditions},
        st.sampled_from(["AND", "OR", "NOT"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=5,
)


def expected(documents, condition):
    """The ids that match according to Haystack's own function; None if it raises for any document."""
    try:
        return [document.id for document in documents if document_matches_filter(condition, document)]
    except (FilterError, TypeError, OverflowError):
        return None


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = FAISSDocumentStore(str(tmp_path_factory.mktemp("filters") / "store"), embedding_dim=2)
    yield store
    store.close()


@pytest.mark.slow
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    st.lists(st.tuples(metas, st.sampled_from([None, "x", "2024-01-01"]), st.sampled_from([None, 0.5])), max_size=6),
    st.lists(filters, min_size=1, max_size=4),
)
def test_filters_match_what_haystack_matches(store, contents, conditions):
    documents = [
        Document(id=f"d{number}", content=content, meta=meta, score=score)
        for number, (meta, content, score) in enumerate(contents)
    ]
    store.delete_all_documents()
    store.write_documents(documents)
    index = store.opened().filter_index
    for condition in conditions:
        wanted = expected(documents, condition)
        for index.fewest in (1_000, 0):  # without the index of metadata, and with it
            if wanted is None:
                with pytest.raises(FilterError):
                    store.filter_documents(condition)
            else:
                assert [document.id for document in store.filter_documents(condition)] == wanted


@given(metas)
@settings(max_examples=200, deadline=None)
def test_metadata_comes_back_as_it_was(store, meta):
    store.delete_all_documents()
    store.write_documents([Document(id="d", meta=meta)])
    assert repr(store.filter_documents()[0].meta) == repr(meta)


def test_filters_that_are_evaluated_in_python(store):
    store.delete_all_documents()
    store.write_documents([Document(id="1", embedding=[1.0, 2.0]), Document(id="2", meta={"a": 1})])

    def found(condition):
        return [document.id for document in store.filter_documents(condition)]

    assert found({"field": "embedding", "operator": "==", "value": None}) == ["2"]
    assert found({"field": "embedding", "operator": "!=", "value": None}) == ["1"]
    assert found({"field": "embedding", "operator": "==", "value": [1.0, 2.0]}) == ["1"]
    assert found({"field": "meta", "operator": "==", "value": {"a": 1}}) == ["2"]
    assert found({"operator": "NOT", "conditions": [{"field": "blob", "operator": "==", "value": None}]}) == []


@pytest.mark.parametrize(
    "condition",
    [
        {"operator": "AND"},
        {"conditions": []},
        {"field": "meta.a", "value": 1},
        {"field": "meta.a", "operator": "=="},
        {"field": "meta.a", "operator": "like", "value": "x"},
        {"operator": "XOR", "conditions": []},
        {"operator": "AND", "conditions": {"field": "a", "operator": "==", "value": 1}},
        {"operator": "AND", "conditions": ["a"]},
        {"field": 3, "operator": "==", "value": 1},
    ],
)
def test_malformed_filters_are_refused_even_by_an_empty_store(store, condition):
    store.delete_all_documents()
    with pytest.raises(FilterError) as refused:
        store.filter_documents(condition)
    assert isinstance(refused.value, ValueError)


def test_a_misspelt_field_is_named(store):
    with pytest.raises(FilterError, match="the key 'field' is missing"):
        store.filter_documents({"feild": "meta.a", "operator": "==", "value": 1})


@pytest.mark.slow
def test_thousands_of_conditions(store):
    store.delete_all_documents()
    store.write_documents(
        [Document(id=str(number), meta={"n": number, "day": date(2024, 1, 1)}) for number in range(9)]
    )
    many = [{"field": "meta.n", "operator": "==", "value": number} for number in range(5, 2000)]
    assert [d.id for d in store.filter_documents({"operator": "OR", "conditions": many})] == ["5", "6", "7", "8"]
    none_of = {"operator": "AND", "conditions": [{**leaf, "operator": "!="} for leaf in many]}
    assert [d.id for d in store.filter_documents(none_of)] == ["0", "1", "2", "3", "4"]
