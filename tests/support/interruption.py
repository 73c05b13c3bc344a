# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Something that happens to a command, such as `index`, after some of its steps: the same on every machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

#: Run by a process of its own: like the command, but the process gets a signal in the middle.
_PROGRAM = """
import importlib, os, signal, sys
sys.path.insert(0, sys.argv[1])
from support.interruption import happening
from dpr_haystack.cli import COMMANDS, main
module = importlib.import_module(f"dpr_haystack.cli.{COMMANDS[sys.argv[4]]}")
signal.signal(signal.SIGINT, signal.default_int_handler)  # where a shell started it in the background it is ignored
module.progress = happening({int(sys.argv[2]): lambda: os.kill(os.getpid(), int(sys.argv[3]))})
sys.exit(main(sys.argv[4:]))
"""


def happening(what: Mapping[int, Callable[[], object]]) -> Callable[..., object]:
    """In place of the progress bar: calls something at some of the steps, counted from 1."""

    @contextmanager
    def progress(*_: object) -> Iterator[Callable[[int], None]]:
        done = 0

        def step(_: int) -> None:
            nonlocal done
            done += 1
            what.get(done, int)()

        yield step

    return progress


@contextmanager
def heeding_ctrl_c() -> Iterator[None]:
    """Ctrl-C interrupts this process, also where a shell started it in the background, which makes it ignore that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def at_steps(monkeypatch: pytest.MonkeyPatch, what: Mapping[int, Callable[[], object]]) -> None:
    """The same for commands that are run in this process."""
    monkeypatch.setattr("dpr_haystack.cli.index.progress", happening(what))


def signalled(
    number: signal.Signals, steps: int, *arguments: object, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """How a command ended that got a signal after some steps."""
    support = Path(__file__).parents[1]
    line = [sys.executable, "-c", _PROGRAM, support, steps, int(number), *arguments]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    return subprocess.run(list(map(str, line)), cwd=cwd, env=environment, capture_output=True, text=True, check=False)
