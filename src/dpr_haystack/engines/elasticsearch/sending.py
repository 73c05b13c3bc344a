# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""How something is asked of Elasticsearch: the same steps for the client that waits and the one that does not.

What is to be done is a generator of steps (:class:`Call` and :class:`Pause`); :func:`carry_out` and
:func:`carry_out_async` do the steps and hand back what came of each. What the client raises arrives as one of the
errors below :class:`~dpr_haystack.errors.SearchServerError`, without credentials.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from elastic_transport import ConnectionTimeout, TransportError
from elasticsearch import ApiError, AsyncElasticsearch, Elasticsearch

from dpr_haystack.errors import (
    SearchIndexMissing,
    SearchRequestRefused,
    SearchServerDenied,
    SearchServerError,
    SearchServerUnavailable,
)

T = TypeVar("T")

logger = logging.getLogger(__name__)

#: So many times a request is repeated where giving up is dear: some three minutes of pauses.
PATIENT = 40

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_SAID_AT = 5
_DENIED, _LATER = (401, 403), (408, 429, 502, 503, 504)


@dataclass(frozen=True)
class Call:
    """A call of the client.

    :param name: The method, e.g. ``"indices.get"``.
    :param arguments: What it is called with.
    """

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Pause:
    """Some time, in seconds."""

    seconds: float


Steps = Generator[Call | Pause, Any, T]


def ask(name: str, *, retries: int = 0, **arguments: Any) -> Steps[Any]:
    """One call, repeated with growing pauses while the server is not available.

    :param name: The method of the client.
    :param retries: How often to try again.
    :param arguments: What it is called with.
    :returns: The body of the answer.
    :raises SearchServerError: If it fails for good.
    """
    for attempt in range(retries + 1):
        try:
            response = yield Call(name, arguments)
            return getattr(response, "body", response)
        except SearchServerUnavailable as error:
            if attempt == retries:
                raise
            pause = pause_before(attempt, error)
        yield pause
    return None


def pause_before(attempt: int, error: SearchServerUnavailable | None = None) -> Pause:
    """The pause behind an attempt, counted from 0: each twice as long as the one before.

    :param error: Why it failed; said once, when there has been some waiting.
    """
    if attempt == _SAID_AT and error is not None:
        logger.warning("%s; asking it again for a while", error)
    return Pause(min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt))


def carry_out(client: Elasticsearch, steps: Steps[T]) -> T:
    """Do the steps with a client that waits.

    :raises SearchServerError: If a step fails and the steps do not catch that.
    """
    try:
        step = next(steps)
        while True:
            try:
                if isinstance(step, Pause):
                    time.sleep(step.seconds)
                    answer = None
                else:
                    answer = _method(client, step.name)(**step.arguments)
            except (ApiError, TransportError) as error:
                step = steps.throw(_told_apart(error, client))
            else:
                step = steps.send(answer)
    except StopIteration as done:
        result: T = done.value
        return result


async def carry_out_async(client: AsyncElasticsearch, steps: Steps[T]) -> T:
    """Do the steps with a client that does not wait; see :func:`carry_out`."""
    try:
        step = next(steps)
        while True:
            try:
                if isinstance(step, Pause):
                    await asyncio.sleep(step.seconds)
                    answer = None
                else:
                    answer = await _method(client, step.name)(**step.arguments)
            except (ApiError, TransportError) as error:
                step = steps.throw(_told_apart(error, client))
            else:
                step = steps.send(answer)
    except StopIteration as done:
        result: T = done.value
        return result


def failure_of(status: int, body: Any, where: str = "Elasticsearch") -> SearchServerError:
    """The error for an answer that is none.

    :param status: Its HTTP status.
    :param body: Its body; Elasticsearch's has an ``error`` in it.
    :param where: Who answered.
    """
    kind, reason = _kind_and_reason(body)
    if status in _DENIED:
        advice = "credentials are missing or wrong" if status == 401 else "these credentials may not do that"
        return SearchServerDenied(f"{where}: {advice} ({reason})", status, kind)
    if kind == "index_not_found_exception":
        return SearchIndexMissing(f"{where}: {reason}; make it with dpr-haystack es-init", status, kind)
    if status in _LATER:
        state = "busy" if status == 429 else "not all there"
        return SearchServerUnavailable(f"{where} is {state} ({status}: {reason}); try again later", status, kind)
    if status == 400:
        return SearchRequestRefused(f"{where} refused the request: {reason}", status, kind)
    return SearchServerError(f"{where} failed ({status}: {reason})", status, kind)


def _method(client: Any, name: str) -> Any:
    for part in name.split("."):
        client = getattr(client, part)
    return client


def _told_apart(error: ApiError | TransportError, client: Elasticsearch | AsyncElasticsearch) -> SearchServerError:
    where = f"Elasticsearch at {_addresses(client)}"
    failure: SearchServerError
    if isinstance(error, ApiError):
        failure = failure_of(error.status_code, error.body, where)
    elif isinstance(error, ConnectionTimeout):
        failure = SearchServerUnavailable(f"{where} did not answer in time ({error.message})")
    else:
        failure = SearchServerUnavailable(f"{where} cannot be reached ({error.message})")
    failure.__cause__ = error
    return failure


def _addresses(client: Elasticsearch | AsyncElasticsearch) -> str:
    # a node's own address, not what the caller passed: that may have a password in it
    return ", ".join(sorted(node.base_url for node in client.transport.node_pool.all()))


def _kind_and_reason(body: Any) -> tuple[str, str]:
    error = body.get("error", body) if isinstance(body, Mapping) else body
    if not isinstance(error, Mapping):
        return "", " ".join(str(error or "no reason given").split())[:300]
    reasons = [str(error.get("reason") or error.get("type") or "no reason given")]
    deeper = error
    while isinstance(deeper.get("caused_by"), Mapping):
        deeper = deeper["caused_by"]
    roots = error.get("root_cause") or [{}]
    for reason in (roots[0].get("reason"), deeper.get("reason")):
        if reason and not any(reason in known for known in reasons):
            reasons.append(str(reason))
    return str(error.get("type", "")), "; ".join(reasons)
