# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A line to a server that can be cut and mended: a proxy on the loopback interface."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit


class CutLine:
    """Hands bytes on between its own address and a server, until it is cut.

    :param url: The server.
    """

    def __init__(self, url: str) -> None:
        told = urlsplit(url)
        self._server = (told.hostname or "127.0.0.1", told.port or 9200)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: set[socket.socket] = set()
        self._is_cut = False
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self.cuts = 0

    def __enter__(self) -> CutLine:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def cut(self) -> None:
        """Break every connection; new ones are closed at once."""
        with self._lock:
            self._is_cut = True
            self.cuts += 1
            for each in self._open:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Let new connections through."""
        self._is_cut = False

    def _start(self, what: object, *arguments: object) -> None:
        thread = threading.Thread(target=what, args=arguments)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                is_cut = self._is_cut
                if not is_cut:
                    far = socket.create_connection(self._server)
                    self._open |= {near, far}
            if is_cut:
                near.close()
                continue
            self._start(self._both_ways, near, far)

    def _both_ways(self, near: socket.socket, far: socket.socket) -> None:
        back = threading.Thread(target=_hand_on, args=(far, near))
        back.start()
        _hand_on(near, far)
        back.join()
        with self._lock:
            self._open -= {near, far}
        near.close()
        far.close()


def _hand_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    for each in (source, target):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
