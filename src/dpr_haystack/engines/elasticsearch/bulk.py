# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Writing many documents in concurrent requests of bounded size; every rejected document is reported."""

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

# Larger requests are not faster, and requests in flight are kept in memory.
_MOST_BYTES, _MOST_ACTIONS, _IN_FLIGHT = 4 << 20, 500, 3
_TOO_LARGE, _REASON_LENGTH = 413, 500
_FILTER_PATH = ["errors", "items.*.status", "items.*.error"]


class Refused(NamedTuple):
    """A document that the server rejected.

    :param id: Its id.
    :param reason: The reason in one line.
    """

    id: str
    reason: str


class Action(NamedTuple):
    """An action of a bulk request.

    :param id: The document's id.
    :param lines: Its one or two lines.
    """

    id: str
    lines: tuple[bytes, ...]


class BulkWriter:
    """Writes documents to an index from several threads; :meth:`settle` returns rejected ones.

    :param carry_out: Executes steps with a client, from any thread.
    :param index: The index.
    :param in_flight: Maximum number of concurrent requests.
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
        """Send documents, which replace those of the same ids; waits while the maximum of requests is in flight.

        :param documents: Ids and sources; vectors may be numpy arrays.
        :raises SearchServerError: If an earlier request failed permanently.
        """
        self._send(self._indexing(documents))

    def delete(self, ids: Iterable[str]) -> None:
        """Delete documents; missing ones are ignored.

        :param ids: Ids of the documents.
        :raises SearchServerError: If an earlier request failed permanently.
        """
        self._send(Action(name, (orjson.dumps({"delete": {"_id": name}}),)) for name in ids)

    def settle(self) -> list[Refused]:
        """Wait for all responses.

        :returns: Documents rejected since the last call.
        :raises SearchServerError: If a request failed permanently.
        """
        self._wait_until_at_most(0)
        refused, self._refused = self._refused, []
        return refused

    def close(self) -> None:
        """Wait for the requests in flight; nothing more is sent."""
        self._is_closed.set()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _indexing(self, documents: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterator[Action]:
        for name, source in documents:
            try:
                line = orjson.dumps(source, option=orjson.OPT_SERIALIZE_NUMPY)
            except TypeError as error:
                self._refused.append(Refused(name, f"cannot be written as JSON: {error}"))
                continue
            yield Action(name, (orjson.dumps({"index": {"_id": name}}), line))

    def _send(self, actions: Iterable[Action]) -> None:
        for chunk in chunks_of(actions):
            self._wait_until_at_most(self._in_flight - 1)
            self._open.add(self._threads.submit(self._carry_out, writing(self._index, chunk, self._is_closed.is_set)))

    def _wait_until_at_most(self, most: int) -> None:
        while True:
            done = {request for request in self._open if request.done()}
            self._open -= done
            for request in done:
                self._refused += request.result()
            if len(self._open) <= most:
                return
            wait(self._open, return_when=FIRST_COMPLETED)


def chunks_of(
    actions: Iterable[Action], *, most_bytes: int = _MOST_BYTES, most_actions: int = _MOST_ACTIONS
) -> Iterator[list[Action]]:
    """Split actions into non-empty requests of bounded size.

    :param actions: The actions; read only as far as needed.
    :param most_bytes: Maximum size of a request, unless a single action is larger.
    :param most_actions: Maximum number of actions in a request.
    """
    chunk: list[Action] = []
    size = 0
    for action in actions:
        length = sum(map(len, action.lines))
        if chunk and (size + length > most_bytes or len(chunk) >= most_actions):
            yield chunk
            chunk, size = [], 0
        chunk.append(action)
        size += length
    if chunk:
        yield chunk


def writing(
    index: str, actions: Sequence[Action], is_over: Callable[[], bool] = lambda: False, retries: int = PATIENT
) -> Steps[list[Refused]]:
    """Steps that execute actions and retry those for which the server was too busy.

    A single invalid document, such as one with too long an id, can make the server reject its whole request. Such a
    request is split in halves until the document is alone.

    :param index: The index.
    :param actions: The actions.
    :param is_over: Whether to stop retrying.
    :param retries: How often to retry.
    :returns: The rejected documents.
    :raises SearchServerError: If the server rejects everything, or is unavailable for too long.
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
                refused.append(Refused(part[0].id, _shortened(error)))
            else:
                half = len(part) // 2
                waiting += [part[half:], part[:half]]
    return refused


def _written(index: str, actions: list[Action], is_over: Callable[[], bool], retries: int) -> Steps[list[Refused]]:
    """Steps of one request, and of the retries for which the server was too busy."""
    refused: list[Refused] = []
    for attempt in range(retries + 1):
        is_last = attempt == retries or is_over()
        lines = [line for action in actions for line in action.lines]
        try:
            response = yield from ask("bulk", index=index, operations=lines, filter_path=_FILTER_PATH)
        except SearchServerUnavailable as error:
            if is_last:
                raise
            yield pause_before(attempt, error)
            continue
        actions, rejected = _evaluated(actions, response, retry=not is_last)
        refused += rejected
        if not actions:
            break
        yield pause_before(attempt)
    return refused


def _evaluated(
    actions: Sequence[Action], response: Mapping[str, Any], *, retry: bool
) -> tuple[list[Action], list[Refused]]:
    """The actions of a request to retry, and the rejected documents.

    :raises SearchServerError: If the error concerns every document.
    """
    again: list[Action] = []
    refused: list[Refused] = []
    if not response.get("errors"):
        return again, refused
    for action, item in zip(actions, response["items"], strict=True):
        (outcome,) = item.values()
        if "error" not in outcome:
            continue
        failure = failure_of(outcome["status"], outcome)
        if isinstance(failure, SearchServerDenied | SearchIndexMissing):
            raise failure
        if retry and isinstance(failure, SearchServerUnavailable):
            again.append(action)
        else:
            refused.append(Refused(action.id, _shortened(failure)))
    return again, refused


def _shortened(error: SearchServerError) -> str:
    """The error in one short line: the server may quote the whole document in the middle of its message."""
    line, half = " ".join(str(error).split()), _REASON_LENGTH // 2
    return line if len(line) <= _REASON_LENGTH else f"{line[:half]} ... {line[-half:]}"
