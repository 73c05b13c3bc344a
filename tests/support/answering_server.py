# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A small real HTTP server on loopback that answers as it is told: for what a healthy Elasticsearch never answers."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class AnsweringServer:
    """Answers what stands next for a path; the last answer stays.

    :param answers: For each path the answers in turn: status and body, or seconds to wait before an empty one.
    """

    def __init__(self, answers: dict[str, list[tuple[int, Any] | float]]) -> None:
        self.answers = {path: list(each) for path, each in answers.items()}
        self.asked: list[tuple[str, bytes]] = []
        self.url = ""

    def answer(self, path: str, body: bytes) -> tuple[int, Any]:
        self.asked.append((path, body))
        waiting = self.answers[next(each for each in self.answers if path.endswith(each))]
        now = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(now, float):
            time.sleep(now)
            return 200, {}
        return now


@contextmanager
def answering(answers: dict[str, list[Any]]) -> Iterator[AnsweringServer]:
    """Such a server, while it is needed."""
    told = AnsweringServer(answers)

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            status, body = told.answer(self.path.split("?")[0], self.rfile.read(length))
            data = json.dumps(body).encode()
            try:
                self.send_response(status)
                self.send_header("X-Elastic-Product", "Elasticsearch")
                self.send_header("Content-Type", "application/vnd.elasticsearch+json;compatible-with=8")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except OSError:
                return  # nobody waits any more

        do_GET = do_POST = do_PUT = do_HEAD = _answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
