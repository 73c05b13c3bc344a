# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Many searches, one request: how a multi-search is put together, sent, and repeated where the server was busy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from dpr_haystack.engines.elasticsearch.sending import Steps, ask, failure_of, pause_before
from dpr_haystack.errors import SearchServerError, SearchServerUnavailable

Hit = dict[str, Any]

_MOST_SEARCHES, _MOST_BYTES, _MOST_HITS = 64, 1 << 20, 20_000
# What the rest of an answer says is not read.
_WANTED = ["responses.status", "responses.error", "responses.hits.hits"]


def header(index: str, search_type: str = "query_then_fetch") -> dict[str, Any]:
    """What stands above each search of a multi-search: without all shards an answer would be a wrong one."""
    return {"index": index, "search_type": search_type, "allow_partial_search_results": False}


def searching(
    index: str, bodies: Sequence[Mapping[str, Any]], retries: int, *, search_type: str = "query_then_fetch"
) -> Steps[list[list[Hit]]]:
    """The steps that do some searches, in as few requests as is good.

    :param index: Where.
    :param bodies: What; each has its ``size``.
    :param retries: How often to ask again while the server is busy.
    :param search_type: How words are counted over several shards.
    :returns: The hits of each search, best first.
    :raises SearchServerError: If one of them fails: there are no half results.
    """
    above = _line(header(index, search_type))
    lines = [_line(body) for body in bodies]
    hits: list[list[Hit]] = []
    for chunk in chunks_of([len(line) for line in lines], [int(body["size"]) for body in bodies]):
        hits += yield from _searched(above, lines[chunk.start : chunk.stop], retries)
    return hits


def _line(body: Mapping[str, Any]) -> bytes:
    """A search as it is sent."""
    try:
        return orjson.dumps(body)
    except TypeError:  # a filter for something that it does not know: large numbers, half a surrogate pair, decimals
        return json.dumps(body, default=str).encode()


def _searched(above: bytes, lines: Sequence[bytes], retries: int) -> Steps[list[list[Hit]]]:
    """One request; what was too much for the server in it is asked again by itself."""
    found: list[list[Hit]] = [[] for _ in lines]
    open_ = list(range(len(lines)))
    for attempt in range(retries + 1):
        searches = [line for number in open_ for line in (above, lines[number])]
        told = yield from ask("msearch", retries=retries - attempt, searches=searches, filter_path=_WANTED)
        failed: dict[int, SearchServerError] = {}
        for number, response in zip(open_, told["responses"], strict=True):
            if "error" in response:
                failed[number] = failure_of(response["status"], response)
            else:
                found[number] = response.get("hits", {}).get("hits", [])
        for failure in failed.values():
            if attempt == retries or not isinstance(failure, SearchServerUnavailable):
                raise failure
        if not failed:
            break
        open_ = list(failed)
        yield pause_before(attempt)
    return found


def chunks_of(lengths: Sequence[int], hits_wanted: Sequence[int]) -> Iterator[range]:
    """Which searches go into one request: bounded in number, in bytes, and in hits that come back.

    :param lengths: The bytes of each search.
    :param hits_wanted: How many hits each asks for.
    """
    start, size, hits = 0, 0, 0
    for number, (length, wanted) in enumerate(zip(lengths, hits_wanted, strict=True)):
        is_full = number - start >= _MOST_SEARCHES or size + length > _MOST_BYTES or hits + wanted > _MOST_HITS
        if number > start and is_full:
            yield range(start, number)
            start, size, hits = number, 0, 0
        size += length
        hits += wanted
    if start < len(lengths):
        yield range(start, len(lengths))
