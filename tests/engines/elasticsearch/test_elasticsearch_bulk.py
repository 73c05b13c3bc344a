# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Writing many documents: the steps driven by hand, the writer with a server made of a function."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpr_haystack.engines.elasticsearch import bulk
from dpr_haystack.engines.elasticsearch.bulk import Action, BulkWriter, Refused, chunks_of, writing
from dpr_haystack.engines.elasticsearch.sending import Call, Pause, Steps
from dpr_haystack.errors import (
    SearchIndexMissing,
    SearchRequestRefused,
    SearchServerDenied,
    SearchServerError,
    SearchServerUnavailable,
)

GONE = SearchServerUnavailable("gone", 503)
TOO_LARGE = SearchServerError("too large", 413)
MOST_ACTIONS = 500


def action(name: str, source: Any = None) -> Action:
    return Action(name, (orjson.dumps({"index": {"_id": name}}), orjson.dumps(source or {"content": name})))


def ids_in(call: Call) -> list[str]:
    """The documents of a request; each has its line and its source."""
    lines = call.arguments["operations"]
    assert len(lines) % 2 == 0
    return [orjson.loads(line)["index"]["_id"] for line in lines[::2]]


class Server:
    """Answers the steps of requests as it is told, and keeps what it was asked.

    :param statuses: Status of a document by its id; a list is used up, one answer after the other.
    :param whole: What becomes of the next requests as wholes: None for an answer.
    :param bad: A whole request with one of these is refused.
    """

    def __init__(
        self,
        statuses: dict[str, Any] | None = None,
        whole: list[Exception | None] | None = None,
        bad: frozenset[str] = frozenset(),
    ) -> None:
        self.statuses, self.whole, self.bad = statuses or {}, whole or [], bad
        self.asked: list[list[str]] = []
        self.taken: dict[str, Any] = {}
        self.pauses: list[float] = []
        self._lock = threading.Lock()

    def __call__(self, steps: Steps[Any]) -> Any:
        try:
            step = next(steps)
            while True:
                step = self._next(steps, step)
        except StopIteration as done:
            return done.value

    def _next(self, steps: Steps[Any], step: Call | Pause) -> Call | Pause:
        if isinstance(step, Pause):
            self.pauses.append(step.seconds)
            return steps.send(None)
        with self._lock:
            told = self._answer(step)
        return steps.throw(told) if isinstance(told, Exception) else steps.send(told)

    def _answer(self, call: Call) -> Any:
        assert (call.name, call.arguments["index"]) == ("bulk", "there")
        ids = ids_in(call)
        self.asked.append(ids)
        failure = self.whole.pop(0) if self.whole else None
        if failure is not None:
            return failure
        if self.bad & set(ids):
            return SearchRequestRefused("an id is too long", 400)
        items = [{"index": self._item(name, call)} for name in ids]
        return {"errors": any("error" in each["index"] for each in items), "items": items}

    def _item(self, name: str, call: Call) -> dict[str, Any]:
        status = self.statuses.get(name, 200)
        if isinstance(status, list):
            status = status.pop(0) if status else 200
        if status == 200:
            self.taken[name] = call.arguments["operations"]
            return {"status": 200}
        kind = "index_not_found_exception" if status == 404 else "some_exception"
        return {"status": status, "error": {"type": kind, "reason": f"it says {status} of\n{name}"}}


# --- requests ---------------------------------------------------------------------------------------------------------


@given(
    st.lists(st.integers(1, 3000), max_size=1500),
    st.sampled_from([1_000, 5_000, 1 << 20]),
    st.sampled_from([1, 7, 500]),
)
def test_requests_are_bounded_and_nothing_is_lost(lengths: list[int], most_bytes: int, most: int) -> None:
    actions = [Action(str(number), (b"x", b"y" * (length - 1))) for number, length in enumerate(lengths)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk, "_MOST_BYTES", most_bytes)
        patch.setattr(bulk, "_MOST_ACTIONS", most)
        chunks = list(chunks_of(iter(actions)))
    assert [each for chunk in chunks for each in chunk] == actions
    sizes = [sum(len(line) for each in chunk for line in each.lines) for chunk in chunks]
    for chunk, size in zip(chunks, sizes, strict=True):
        assert 1 <= len(chunk) <= most
        assert size <= most_bytes or len(chunk) == 1
    for (chunk, size), following in zip(zip(chunks, sizes, strict=True), chunks[1:], strict=False):
        first = sum(map(len, following[0].lines))
        assert len(chunk) == most or size + first > most_bytes, "a request was sent half empty"


def test_requests_are_read_one_at_a_time() -> None:
    made = []

    def documents() -> Iterator[Action]:
        for number in range(3 * MOST_ACTIONS):
            made.append(number)
            yield action(str(number))

    next(chunks_of(documents()))
    assert len(made) == MOST_ACTIONS + 1


def test_requests_are_some_megabytes_at_most() -> None:
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


def test_busy_for_good_is_refused_by_name() -> None:
    server = Server({"b": [429] * 99})
    refused = server(writing("there", [action(name) for name in "ab"], retries=3))
    assert server.asked == [["a", "b"], ["b"], ["b"], ["b"]]
    assert [each.id for each in refused] == ["b"]
    assert "busy" in refused[0].reason


def test_a_server_that_is_gone_is_asked_again_and_then_it_is_an_error() -> None:
    server = Server(whole=[GONE, GONE])
    assert server(writing("there", [action("a")], retries=2)) == []
    assert (server.asked, list(server.taken)) == ([["a"]] * 3, ["a"])
    server = Server(whole=[GONE] * 9)
    with pytest.raises(SearchServerUnavailable, match="gone"):
        server(writing("there", [action("a")], retries=2))
    assert len(server.asked) == 3


def test_when_it_is_over_nothing_is_sent_again() -> None:
    server = Server(whole=[GONE] * 9)
    with pytest.raises(SearchServerUnavailable):
        server(writing("there", [action("a")], lambda: True))
    assert (len(server.asked), server.pauses) == (1, [])


@given(st.sets(st.integers(0, 40)), st.integers(1, 41))
def test_documents_that_spoil_a_request_are_found_and_the_others_taken(spoiling: set[int], count: int) -> None:
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
def test_what_is_true_of_every_document_is_an_error(status: int, error: type[Exception]) -> None:
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


# --- the writer -------------------------------------------------------------------------------------------------------


@contextmanager
def writer_over(carry_out: Callable[[Steps[Any]], Any], **settings: Any) -> Iterator[BulkWriter]:
    writer = BulkWriter(carry_out, "there", **settings)
    try:
        yield writer
    finally:
        writer.close()


def documents(count: int, start: int = 0) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((str(number), {"content": f"text {number}"}) for number in range(start, start + count))


def test_everything_arrives_and_what_is_refused_is_told_once() -> None:
    server = Server({"7": 400, "1500": 400, "8": [429]})
    with writer_over(server) as writer:
        writer.write(documents(1_200))
        writer.write(documents(800, 1_200))
        assert sorted(each.id for each in writer.settle()) == ["1500", "7"]
        assert writer.settle() == []
    assert sorted(server.taken, key=int) == [str(number) for number in range(2_000) if number not in (7, 1500)]


def test_vectors_arrive_as_the_numbers_they_are() -> None:
    vector = np.float32([0.1, -1.5, 3e-7])
    server = Server()
    with writer_over(server) as writer:
        writer.write([("a", {"embedding": vector})])
        writer.settle()
    told = orjson.loads(server.taken["a"][1])["embedding"]
    assert np.array_equal(np.float32(told), vector)


@pytest.mark.parametrize("value", [2**70, object(), "\ud800", {1: "a"}])
def test_what_is_no_json_is_refused_by_name_and_the_others_arrive(value: Any) -> None:
    server = Server()
    with writer_over(server) as writer:
        writer.write([("a", {"n": 1}), ("b", {"n": value}), ("c", {"n": 2})])
        (refused,) = writer.settle()
    assert refused.id == "b"
    assert "JSON" in refused.reason
    assert sorted(server.taken) == ["a", "c"]


class Blocked:
    """A server that answers nobody until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.server = Server()
        self.now = self.most = 0
        self.lock = threading.Lock()

    def __call__(self, steps: Steps[Any]) -> Any:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        assert self.go.wait(20)
        try:
            return self.server(steps)
        finally:
            with self.lock:
                self.now -= 1


def until(is_so: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.005)


@pytest.mark.parametrize("in_flight", [1, 3])
def test_requests_on_their_way_and_documents_held_are_bounded(in_flight: int) -> None:
    blocked, read = Blocked(), []

    def source() -> Iterator[tuple[str, dict[str, Any]]]:
        for name, each in documents(20 * MOST_ACTIONS):
            read.append(name)
            yield name, each

    with writer_over(blocked, in_flight=in_flight) as writer:
        thread = threading.Thread(target=lambda: writer.write(source()))
        thread.start()
        until(lambda: blocked.now == in_flight)
        time.sleep(0.2)
        assert thread.is_alive(), "nobody waited"
        held = len(read)
        blocked.go.set()
        thread.join(20)
        assert writer.settle() == []
    # what is on its way, one request ready to go, and the document that showed that this one is full
    assert held <= (in_flight + 1) * MOST_ACTIONS + 1
    assert blocked.most == in_flight
    assert len(blocked.server.taken) == 20 * MOST_ACTIONS


def test_an_error_of_a_request_reaches_who_writes_or_waits() -> None:
    with writer_over(Server(whole=[SearchServerDenied("no", 403)])) as writer:
        writer.write(documents(1))
        with pytest.raises(SearchServerDenied, match="no"):
            writer.settle()
    denying = Server(whole=[SearchServerDenied("no", 403)] * 99)
    with writer_over(denying) as writer, pytest.raises(SearchServerDenied, match="no"):
        writer.write(documents(20 * MOST_ACTIONS))
    with writer_over(lambda steps: 1 // 0) as writer:
        writer.delete(["a"])
        with pytest.raises(ZeroDivisionError):
            writer.settle()


def test_closing_waits_for_what_is_on_its_way() -> None:
    blocked = Blocked()
    writer = BulkWriter(blocked, "there")
    writer.write(documents(1))
    until(lambda: blocked.now == 1)
    threading.Timer(0.1, blocked.go.set).start()
    writer.close()
    assert list(blocked.server.taken) == ["0"]


def test_closing_while_the_server_is_gone_does_not_wait_for_it() -> None:
    asked = []

    def gone(steps: Steps[Any]) -> Any:
        step: Any = next(steps)
        while True:
            if isinstance(step, Pause):
                time.sleep(min(step.seconds, 0.2))
                step = steps.send(None)
            else:
                asked.append(step)
                step = steps.throw(SearchServerUnavailable("gone"))

    writer = BulkWriter(gone, "there")
    writer.write(documents(1))
    until(lambda: len(asked) > 2)
    before, started = len(asked), time.monotonic()
    writer.close()
    assert time.monotonic() - started < 1
    assert len(asked) <= before + 2


def test_deleting_sends_ids_alone_and_passes_over_what_is_not_there() -> None:
    lines: list[bytes] = []

    def carry_out(steps: Steps[Any]) -> Any:
        step: Any = next(steps)
        lines.extend(step.arguments["operations"])
        try:
            steps.send({"errors": True, "items": [{"delete": {"status": 404}}, {"delete": {"status": 200}}]})
        except StopIteration as done:
            return done.value
        raise AssertionError("it went on")

    with writer_over(carry_out) as writer:
        writer.delete(["a", "b"])
        assert writer.settle() == []
    assert [orjson.loads(line) for line in lines] == [{"delete": {"_id": "a"}}, {"delete": {"_id": "b"}}]


def test_settling_waits_for_every_answer() -> None:
    blocked = Blocked()
    with writer_over(blocked) as writer:
        writer.write(documents(1))
        thread = threading.Thread(target=writer.settle)
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
        blocked.go.set()
        thread.join(20)
        assert list(blocked.server.taken) == ["0"]
