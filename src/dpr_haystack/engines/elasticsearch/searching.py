# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Many searches, one request: how a multi-search is put together, sent, and repeated where the server was busy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

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
    above = header(index, search_type)
    hits: list[list[Hit]] = []
    for chunk in chunks_of(bodies):
        hits += yield from _searched(above, bodies[chunk.start : chunk.stop], retries)
    return hits


def _searched(above: dict[str, Any], bodies: Sequence[Mapping[str, Any]], retries: int) -> Steps[list[list[Hit]]]:
    """One request; what was too much for the server in it is asked again by itself."""
    found: list[list[Hit]] = [[] for _ in bodies]
    open_ = list(range(len(bodies)))
    for attempt in range(retries + 1):
        searches = [line for number in open_ for line in (above, bodies[number])]
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


def chunks_of(bodies: Sequence[Mapping[str, Any]]) -> Iterator[range]:
    """Which searches go into one request: bounded in number, in bytes, and in hits that come back."""
    start, size, hits = 0, 0, 0
    for number, body in enumerate(bodies):
        length, wanted = len(json.dumps(body)), int(body["size"])
        is_full = number - start >= _MOST_SEARCHES or size + length > _MOST_BYTES or hits + wanted > _MOST_HITS
        if number > start and is_full:
            yield range(start, number)
            start, size, hits = number, 0, 0
        size += length
        hits += wanted
    if start < len(bodies):
        yield range(start, len(bodies))
