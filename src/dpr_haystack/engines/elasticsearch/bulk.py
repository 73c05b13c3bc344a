# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Writing many documents: in requests of bounded size, several of them on their way, nothing lost without a word."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Event
from typing import Any, NamedTuple

import orjson

from dpr_haystack.engines.elasticsearch.sending import PATIENT, Steps, ask, failure_of, pause_before
from dpr_haystack.errors import (
    SearchIndexMissing,
    SearchRequestRefused,
    SearchServerDenied,
    SearchServerError,
    SearchServerUnavailable,
)

# Some megabytes a request: more are not faster, and what is on its way has to be held.
_MOST_BYTES, _MOST_ACTIONS, _IN_FLIGHT = 4 << 20, 500, 3
_TOO_LARGE, _LONGEST_REASON = 413, 500
_WANTED = ["errors", "items.*.status", "items.*.error"]


class Refused(NamedTuple):
    """A document that the server will not take.

    :param id: Its id.
    :param reason: What the server says, in one line.
    """

    id: str
    reason: str


class Action(NamedTuple):
    """One line or two of a bulk request.

    :param id: The document's id.
    :param lines: What is sent.
    """

    id: str
    lines: tuple[bytes, ...]


class BulkWriter:
    """Writes documents to one index from several threads; :meth:`settle` says what was not taken.

    :param carry_out: Does steps with a client, from any thread.
    :param index: Where to.
    :param in_flight: How many requests may be on their way.
    """

    def __init__(self, carry_out: Callable[[Steps[Any]], Any], index: str, *, in_flight: int = _IN_FLIGHT) -> None:
        self._carry_out = carry_out
        self._index = index
        self._in_flight = in_flight
        self._threads = ThreadPoolExecutor(in_flight, thread_name_prefix="bulk")
        self._open: set[Future[list[Refused]]] = set()
        self._refused: list[Refused] = []
        self._is_closed = Event()

    def write(self, documents: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Send documents, over those of the same ids; waits while enough is on its way.

        :param documents: Ids and sources; vectors may be numpy arrays.
        :raises SearchServerError: If an earlier request failed for good.
        """
        self._send(self._indexing(documents))

    def delete(self, ids: Iterable[str]) -> None:
        """Take documents out; those that are not there are passed over.

        :raises SearchServerError: If an earlier request failed for good.
        """
        self._send(Action(name, (orjson.dumps({"delete": {"_id": name}}),)) for name in ids)

    def settle(self) -> list[Refused]:
        """Wait for all answers.

        :returns: What was refused since the last call.
        :raises SearchServerError: If a request failed for good.
        """
        self._wait_until_at_most(0)
        refused, self._refused = self._refused, []
        return refused

    def close(self) -> None:
        """Wait for the answers to what is on its way; nothing is sent any more."""
        self._is_closed.set()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _indexing(self, documents: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterator[Action]:
        for name, source in documents:
            try:
                line = orjson.dumps(source, option=orjson.OPT_SERIALIZE_NUMPY)
            except TypeError as error:
                self._refused.append(Refused(name, f"it cannot be written as JSON: {error}"))
                continue
            yield Action(name, (orjson.dumps({"index": {"_id": name}}), line))

    def _send(self, actions: Iterable[Action]) -> None:
        for chunk in chunks_of(actions):
            self._wait_until_at_most(self._in_flight - 1)
            self._open.add(self._threads.submit(self._carry_out, writing(self._index, chunk, self._is_closed.is_set)))

    def _wait_until_at_most(self, most: int) -> None:
        while True:
            done = {each for each in self._open if each.done()}
            self._open -= done
            for each in done:
                self._refused += each.result()
            if len(self._open) <= most:
                return
            wait(self._open, return_when=FIRST_COMPLETED)


def chunks_of(actions: Iterable[Action]) -> Iterator[list[Action]]:
    """Actions in requests of bounded size; none is empty."""
    chunk: list[Action] = []
    size = 0
    for action in actions:
        length = sum(map(len, action.lines))
        if chunk and (size + length > _MOST_BYTES or len(chunk) >= _MOST_ACTIONS):
            yield chunk
            chunk, size = [], 0
        chunk.append(action)
        size += length
    if chunk:
        yield chunk


def writing(
    index: str, actions: Sequence[Action], is_over: Callable[[], bool] = lambda: False, retries: int = PATIENT
) -> Steps[list[Refused]]:
    """The steps that write some actions; what the server was too busy for is sent again.

    One document that cannot be, such as one with an id that is too long, has its whole request refused: that is halved
    until the document stands alone.

    :param index: Where to.
    :param actions: What.
    :param is_over: Says that nothing is to be sent again.
    :param retries: How often that may be.
    :returns: What it will not take.
    :raises SearchServerError: If it takes nothing at all, or is gone for too long.
    """
    refused: list[Refused] = []
    waiting = [list(actions)]
    while waiting:
        part = waiting.pop()
        try:
            refused += yield from _written(index, part, is_over, retries)
        except SearchServerError as error:
            if not (isinstance(error, SearchRequestRefused) or error.status == _TOO_LARGE):
                raise
            if len(part) == 1:
                refused.append(Refused(part[0].id, _in_short(error)))
            else:
                half = len(part) // 2
                waiting += [part[half:], part[:half]]
    return refused


def _written(index: str, actions: list[Action], is_over: Callable[[], bool], retries: int) -> Steps[list[Refused]]:
    """The steps of one request, and of those behind it with what the server was too busy for."""
    refused: list[Refused] = []
    for attempt in range(retries + 1):
        is_last = attempt == retries or is_over()
        lines = [line for action in actions for line in action.lines]
        try:
            told = yield from ask("bulk", index=index, operations=lines, filter_path=_WANTED)
        except SearchServerUnavailable as error:
            if is_last:
                raise
            yield pause_before(attempt, error)
            continue
        actions, not_taken = _left(actions, told, retry=not is_last)
        refused += not_taken
        if not actions:
            break
        yield pause_before(attempt)
    return refused


def _left(actions: Sequence[Action], told: Mapping[str, Any], *, retry: bool) -> tuple[list[Action], list[Refused]]:
    """From the answer to a request: what is to be sent again, and what was refused.

    :raises SearchServerError: If the server would say the same of every document.
    """
    again: list[Action] = []
    refused: list[Refused] = []
    if not told.get("errors"):
        return again, refused
    for action, item in zip(actions, told["items"], strict=True):
        (answer,) = item.values()
        if "error" not in answer:
            continue
        failure = failure_of(answer["status"], answer)
        if isinstance(failure, SearchServerDenied | SearchIndexMissing):
            raise failure
        if retry and isinstance(failure, SearchServerUnavailable):
            again.append(action)
        else:
            refused.append(Refused(action.id, _in_short(failure)))
    return again, refused


def _in_short(error: SearchServerError) -> str:
    """One line: the server may repeat the document, vector and all, between what it did and why that failed."""
    line, half = " ".join(str(error).split()), _LONGEST_REASON // 2
    return line if len(line) <= _LONGEST_REASON else f"{line[:half]} ... {line[-half:]}"
