# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Sending requests to Elasticsearch, with the same code for the synchronous and the asynchronous client.

A task is a generator of steps (:class:`Call` and :class:`Pause`); :func:`carry_out` and :func:`carry_out_async` execute
the steps and send back the result of each. Exceptions of the client are raised as subclasses of
:class:`~dpr_haystack.errors.SearchServerError`, without credentials.
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

#: Number of retries where giving up is expensive: about three minutes of pauses.
PATIENT = 40

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_LOGGED_AT = 5
_DENIED, _LATER = (401, 403), (408, 429, 502, 503, 504)


@dataclass(frozen=True)
class Call:
    """A call of the client.

    :param name: The method, e.g. ``"indices.get"``.
    :param arguments: Its arguments.
    """

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Pause:
    """A pause.

    :param seconds: Its length.
    """

    seconds: float


Steps = Generator[Call | Pause, Any, T]


def ask(name: str, *, retries: int = 0, **arguments: Any) -> Steps[Any]:
    """One call, retried with growing pauses while the server is unavailable.

    :param name: The method of the client.
    :param retries: How often to retry.
    :param arguments: Its arguments.
    :returns: The body of the response.
    :raises SearchServerError: If it fails permanently.
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
    """The pause after an attempt; each is twice as long as the previous one, up to a limit.

    :param attempt: Number of the attempt, from 0.
    :param error: Why it failed; logged once, after several attempts.
    """
    if attempt == _LOGGED_AT and error is not None:
        logger.warning("%s; retrying for a while", error)
    return Pause(min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt))


def carry_out(client: Elasticsearch, steps: Steps[T]) -> T:
    """Execute steps with a synchronous client.

    :param client: The client.
    :param steps: The steps.
    :raises SearchServerError: If a step fails and the generator does not catch the error.
    """
    try:
        step = next(steps)
        while True:
            try:
                if isinstance(step, Pause):
                    time.sleep(step.seconds)
                    result_of_step = None
                else:
                    result_of_step = _method(client, step.name)(**step.arguments)
            except (ApiError, TransportError) as error:
                step = steps.throw(_converted(error, client))
            else:
                step = steps.send(result_of_step)
    except StopIteration as done:
        result: T = done.value
        return result


async def carry_out_async(client: AsyncElasticsearch, steps: Steps[T]) -> T:
    """Execute steps with an asynchronous client; see :func:`carry_out`.

    :param client: The client.
    :param steps: The steps.
    """
    try:
        step = next(steps)
        while True:
            try:
                if isinstance(step, Pause):
                    await asyncio.sleep(step.seconds)
                    result_of_step = None
                else:
                    result_of_step = await _method(client, step.name)(**step.arguments)
            except (ApiError, TransportError) as error:
                step = steps.throw(_converted(error, client))
            else:
                step = steps.send(result_of_step)
    except StopIteration as done:
        result: T = done.value
        return result


def failure_of(status: int, body: Any, where: str = "Elasticsearch") -> SearchServerError:
    """The exception for an error response.

    :param status: HTTP status.
    :param body: Body of the response; that of Elasticsearch has an ``error``.
    :param where: Name of the server.
    """
    kind, reason = _kind_and_reason(body)
    if status in _DENIED:
        advice = "missing or wrong credentials" if status == 401 else "the credentials do not permit this"
        return SearchServerDenied(f"{where}: {advice} ({reason})", status, kind)
    if kind == "index_not_found_exception":
        return SearchIndexMissing(f"{where}: {reason}; create it with dpr-haystack es-init", status, kind)
    if status in _LATER:
        state = "busy" if status == 429 else "not available"
        return SearchServerUnavailable(f"{where} is {state} ({status}: {reason}); try again later", status, kind)
    if status == 400:
        return SearchRequestRefused(f"{where} refused the request: {reason}", status, kind)
    return SearchServerError(f"{where} failed ({status}: {reason})", status, kind)


def _method(client: Any, name: str) -> Any:
    for part in name.split("."):
        client = getattr(client, part)
    return client


def _converted(error: ApiError | TransportError, client: Elasticsearch | AsyncElasticsearch) -> SearchServerError:
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
    # the address of each node; the one passed by the caller may contain a password
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
        if reason and not any(reason in present for present in reasons):
            reasons.append(str(reason))
    return str(error.get("type", "")), "; ".join(reasons)
