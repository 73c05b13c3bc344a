# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A server for bulk requests, made of a function: it does their steps."""

from __future__ import annotations

import threading
from typing import Any

import orjson

from dpr_haystack.engines.elasticsearch.bulk import Action
from dpr_haystack.engines.elasticsearch.sending import Call, Pause, Steps
from dpr_haystack.errors import SearchRequestRefused


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
