# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Multi-search requests: building, sending, and retrying the searches for which the server was busy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from dpr_haystack.engines.elasticsearch.sending import Steps, ask, failure_of, pause_before
from dpr_haystack.errors import SearchServerError, SearchServerUnavailable

Hit = dict[str, Any]

_MOST_SEARCHES, _MOST_BYTES, _MOST_HITS = 64, 1 << 20, 20_000
# The parts of a response that are read.
_FILTER_PATH = ["responses.status", "responses.error", "responses.hits.hits"]


def header(index: str, search_type: str = "query_then_fetch") -> dict[str, Any]:
    """The header of a search in a multi-search. Partial results are refused, because they would be wrong.

    :param index: The index.
    :param search_type: How word frequencies of several shards are combined.
    """
    return {"index": index, "search_type": search_type, "allow_partial_search_results": False}


def searching(
    index: str, bodies: Sequence[Mapping[str, Any]], retries: int, *, search_type: str = "query_then_fetch"
) -> Steps[list[list[Hit]]]:
    """Steps that execute searches, in few requests of bounded size.

    :param index: The index.
    :param bodies: The searches, each with its ``size``.
    :param retries: How often to retry while the server is busy.
    :param search_type: How word frequencies of several shards are combined.
    :returns: The hits of each search, best first.
    :raises SearchServerError: If one of them fails.
    """
    header_line = _line(header(index, search_type))
    lines = [_line(body) for body in bodies]
    hits: list[list[Hit]] = []
    for chunk in chunks_of([len(line) for line in lines], [int(body["size"]) for body in bodies]):
        hits += yield from _searched(header_line, lines[chunk.start : chunk.stop], retries)
    return hits


def _line(body: Mapping[str, Any]) -> bytes:
    """A search as a line of the request."""
    try:
        return orjson.dumps(body)
    except TypeError:  # a filter with values that orjson refuses: large integers, lone surrogates, decimals
        return json.dumps(body, default=str).encode()


def _searched(header_line: bytes, lines: Sequence[bytes], retries: int) -> Steps[list[list[Hit]]]:
    """One request; searches for which the server was too busy are retried."""
    results: list[list[Hit]] = [[] for _ in lines]
    pending = list(range(len(lines)))
    for attempt in range(retries + 1):
        searches = [line for number in pending for line in (header_line, lines[number])]
        response = yield from ask("msearch", retries=retries - attempt, searches=searches, filter_path=_FILTER_PATH)
        failed: dict[int, SearchServerError] = {}
        for number, result in zip(pending, response["responses"], strict=True):
            if "error" in result:
                failed[number] = failure_of(result["status"], result)
            else:
                results[number] = result.get("hits", {}).get("hits", [])
        for failure in failed.values():
            if attempt == retries or not isinstance(failure, SearchServerUnavailable):
                raise failure
        if not failed:
            break
        pending = list(failed)
        yield pause_before(attempt)
    return results


def chunks_of(lengths: Sequence[int], sizes: Sequence[int]) -> Iterator[range]:
    """Split searches into requests of bounded number, size and total hits.

    :param lengths: Size of each search in bytes.
    :param sizes: Number of hits that each requests.
    :returns: The numbers of the searches of each request.
    """
    start, total_bytes, hits = 0, 0, 0
    for number, (length, size) in enumerate(zip(lengths, sizes, strict=True)):
        is_full = number - start >= _MOST_SEARCHES or total_bytes + length > _MOST_BYTES or hits + size > _MOST_HITS
        if number > start and is_full:
            yield range(start, number)
            start, total_bytes, hits = number, 0, 0
        total_bytes += length
        hits += size
    if start < len(lengths):
        yield range(start, len(lengths))
