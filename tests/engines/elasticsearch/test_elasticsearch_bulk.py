# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Bulk requests: how they are split, and the steps of one, without a server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpr_haystack.engines.elasticsearch.bulk import Action, Refused, chunks_of, writing
from dpr_haystack.errors import (
    SearchIndexMissing,
    SearchServerDenied,
    SearchServerError,
    SearchServerUnavailable,
)
from support.bulk_server import Server, action

GONE = SearchServerUnavailable("gone", 503)
TOO_LARGE = SearchServerError("too large", 413)
MOST_ACTIONS = 500


# --- requests ---------------------------------------------------------------------------------------------------------


@given(
    st.lists(st.integers(1, 3000), max_size=1500),
    st.sampled_from([1_000, 5_000, 1 << 20]),
    st.sampled_from([1, 7, 500]),
)
def test_requests_are_bounded_and_nothing_is_lost(lengths: list[int], most_bytes: int, most: int) -> None:
    actions = [Action(str(number), (b"x", b"y" * (length - 1))) for number, length in enumerate(lengths)]
    chunks = list(chunks_of(iter(actions), most_bytes=most_bytes, most_actions=most))
    assert [each for chunk in chunks for each in chunk] == actions
    sizes = [sum(len(line) for each in chunk for line in each.lines) for chunk in chunks]
    for chunk, size in zip(chunks, sizes, strict=True):
        assert 1 <= len(chunk) <= most
        assert size <= most_bytes or len(chunk) == 1
    for (chunk, size), following in zip(zip(chunks, sizes, strict=True), chunks[1:], strict=False):
        first = sum(map(len, following[0].lines))
        assert len(chunk) == most or size + first > most_bytes, "a request was smaller than necessary"


def test_requests_are_read_one_at_a_time() -> None:
    made = []

    def documents() -> Iterator[Action]:
        for number in range(3 * MOST_ACTIONS):
            made.append(number)
            yield action(str(number))

    next(chunks_of(documents()))
    assert len(made) == MOST_ACTIONS + 1


def test_default_limits_of_requests() -> None:
    large = [Action(str(number), (b"x" * (1 << 20),)) for number in range(9)]
    assert [len(chunk) for chunk in chunks_of(large)] == [4, 4, 1]
    small = [Action(str(number), (b"x",)) for number in range(1_001)]
    assert [len(chunk) for chunk in chunks_of(small)] == [500, 500, 1]


# --- the steps of one request -----------------------------------------------------------------------------------------

STATUS = st.sampled_from([200, 400, 429, 503])


@given(st.lists(st.lists(STATUS, max_size=4), min_size=1, max_size=12), st.lists(st.sampled_from([None, GONE])))
def test_each_document_is_taken_or_refused_once(statuses: list[list[int]], whole: list[Exception | None]) -> None:
    told = {str(number): list(each) for number, each in enumerate(statuses)}
    refused_at_last = {
        name: next((status for status in each if status not in (429, 503)), 200) == 400 for name, each in told.items()
    }
    server = Server(told, whole[:8])
    refused = server(writing("there", [action(name) for name in told], retries=20))
    assert sorted(each.id for each in refused) == sorted(name for name, is_so in refused_at_last.items() if is_so)
    assert sorted(server.taken) == sorted(name for name, is_so in refused_at_last.items() if not is_so)


def test_only_what_the_server_was_too_busy_for_is_sent_again() -> None:
    server = Server({"b": [429, 503], "c": 400})
    refused = server(writing("there", [action(name) for name in "abcd"]))
    assert server.asked == [["a", "b", "c", "d"], ["b"], ["b"]]
    assert sorted(server.taken) == ["a", "b", "d"]
    assert refused == [Refused("c", "Elasticsearch refused the request: it says 400 of c")]
    assert server.pauses == sorted(server.pauses)
    assert all(each > 0 for each in server.pauses)
    assert len(server.pauses) == 2


def test_permanently_busy_is_reported_by_id() -> None:
    server = Server({"b": [429] * 99})
    refused = server(writing("there", [action(name) for name in "ab"], retries=3))
    assert server.asked == [["a", "b"], ["b"], ["b"], ["b"]]
    assert [each.id for each in refused] == ["b"]
    assert "busy" in refused[0].reason


def test_an_unavailable_server_is_retried_and_then_an_error() -> None:
    server = Server(whole=[GONE, GONE])
    assert server(writing("there", [action("a")], retries=2)) == []
    assert (server.asked, list(server.taken)) == ([["a"]] * 3, ["a"])
    server = Server(whole=[GONE] * 9)
    with pytest.raises(SearchServerUnavailable, match="gone"):
        server(writing("there", [action("a")], retries=2))
    assert len(server.asked) == 3


def test_no_retries_after_closing() -> None:
    server = Server(whole=[GONE] * 9)
    with pytest.raises(SearchServerUnavailable):
        server(writing("there", [action("a")], lambda: True))
    assert (len(server.asked), server.pauses) == (1, [])


@given(st.sets(st.integers(0, 40)), st.integers(1, 41))
def test_invalid_documents_are_isolated_and_the_others_written(spoiling: set[int], count: int) -> None:
    names = [str(number) for number in range(count)]
    bad = frozenset(str(number) for number in spoiling if number < count)
    server = Server(bad=bad)
    refused = server(writing("there", [action(name) for name in names]))
    assert [each.id for each in refused] == sorted(bad, key=int)
    assert sorted(server.taken) == sorted(set(names) - bad)
    assert len(server.asked) <= 1 + 2 * len(bad) * 6


def test_a_request_that_is_too_large_for_a_proxy_is_halved() -> None:
    server = Server(whole=[TOO_LARGE, TOO_LARGE])
    assert server(writing("there", [action(name) for name in "abcd"])) == []
    assert server.asked == [["a", "b", "c", "d"], ["a", "b"], ["a"], ["b"], ["c", "d"]]
    server = Server(whole=[TOO_LARGE])
    assert server(writing("there", [action("a")])) == [Refused("a", "too large")]


@pytest.mark.parametrize(("status", "error"), [(401, SearchServerDenied), (403, SearchServerDenied)])
def test_errors_that_concern_every_document_are_raised(status: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        Server({"a": status})(writing("there", [action(name) for name in "ab"]))
    with pytest.raises(SearchIndexMissing):
        Server({"a": 404})(writing("there", [action(name) for name in "ab"]))
    with pytest.raises(SearchServerDenied):
        Server(whole=[SearchServerDenied("no", status)])(writing("there", [action(name) for name in "ab"]))


def test_a_reason_is_one_line_of_bounded_length() -> None:
    name = "n" * 4_000
    (refused,) = Server({name: 400})(writing("there", [action(name)]))
    assert "\n" not in refused.reason
    assert refused.reason.startswith("Elasticsearch refused the request: it says 400 of nnn")
    assert refused.reason.endswith("nnn")
    assert len(refused.reason) < 600
