# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The bulk writer: concurrent requests, bounded memory, errors and closing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import orjson
import pytest

from dpr_haystack.engines.elasticsearch.bulk import BulkWriter
from dpr_haystack.engines.elasticsearch.sending import Pause, Steps
from dpr_haystack.errors import SearchServerDenied, SearchServerUnavailable
from support.bulk_server import Server

MOST_ACTIONS = 500


@contextmanager
def writer_over(carry_out: Callable[[Steps[Any]], Any], **settings: Any) -> Iterator[BulkWriter]:
    writer = BulkWriter(carry_out, "there", **settings)
    try:
        yield writer
    finally:
        writer.close()


def documents(count: int, start: int = 0) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((str(number), {"content": f"text {number}"}) for number in range(start, start + count))


def test_everything_arrives_and_rejections_are_reported_once() -> None:
    server = Server({"7": 400, "1500": 400, "8": [429]})
    with writer_over(server) as writer:
        writer.write(documents(1_200))
        writer.write(documents(800, 1_200))
        assert sorted(each.id for each in writer.settle()) == ["1500", "7"]
        assert writer.settle() == []
    assert sorted(server.taken, key=int) == [str(number) for number in range(2_000) if number not in (7, 1500)]


def test_vectors_arrive_unchanged() -> None:
    vector = np.array([0.1, -1.5, 3e-7], dtype=np.float32)
    server = Server()
    with writer_over(server) as writer:
        writer.write([("a", {"embedding": vector})])
        writer.settle()
    told = orjson.loads(server.taken["a"][1])["embedding"]
    assert np.array_equal(np.float32(told), vector)


@pytest.mark.parametrize("value", [2**70, object(), "\ud800", {1: "a"}])
def test_values_that_json_lacks_are_reported_and_the_others_arrive(value: Any) -> None:
    server = Server()
    with writer_over(server) as writer:
        writer.write([("a", {"n": 1}), ("b", {"n": value}), ("c", {"n": 2})])
        (refused,) = writer.settle()
    assert refused.id == "b"
    assert "JSON" in refused.reason
    assert sorted(server.taken) == ["a", "c"]


class Blocked:
    """A server that does not answer until it is released."""

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
        assert time.monotonic() < end, "the condition was not met in time"
        time.sleep(0.005)


@pytest.mark.parametrize("in_flight", [1, 3])
def test_requests_in_flight_and_documents_in_memory_are_bounded(in_flight: int) -> None:
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
        assert thread.is_alive(), "the writer did not wait"
        held = len(read)
        blocked.go.set()
        thread.join(20)
        assert writer.settle() == []
    # requests in flight, one request ready to send, and the document that did not fit into it
    assert held <= (in_flight + 1) * MOST_ACTIONS + 1
    assert blocked.most == in_flight
    assert len(blocked.server.taken) == 20 * MOST_ACTIONS


def test_an_error_of_a_request_is_raised_when_writing_or_waiting() -> None:
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


def test_closing_waits_for_requests_in_flight() -> None:
    blocked = Blocked()
    writer = BulkWriter(blocked, "there")
    writer.write(documents(1))
    until(lambda: blocked.now == 1)
    threading.Timer(0.1, blocked.go.set).start()
    writer.close()
    assert list(blocked.server.taken) == ["0"]


def test_closing_does_not_wait_for_an_unavailable_server() -> None:
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


def test_deleting_sends_only_ids_and_ignores_missing_documents() -> None:
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


def test_settling_waits_for_every_response() -> None:
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
