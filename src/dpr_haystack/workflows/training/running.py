# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What trainings of towers and of readers share: the lock, curves, reports and the processes of torchrun."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from dpr_haystack.errors import DataError, InputError, MissingExtra
from dpr_haystack.workflows.training.curves import CurveKind, draw_curves, write_table
from dpr_haystack.workflows.training.run_directory import RunDirectory

if TYPE_CHECKING:
    from dpr_haystack.engines.training.callbacks import History


@dataclass(frozen=True)
class TrainingReport:
    """The result of a training.

    :param model: The model directory.
    :param steps: Total number of steps.
    :param weights: The selected weights: ``"last"``, ``"best"``, or ``"average"`` of the last checkpoints.
    :param validation: Validation metrics of these weights; empty without a ``dev_file``.
    :param finished: False if training was stopped; the same call resumes it.
    """

    model: Path
    steps: int
    weights: str
    validation: dict[str, float]
    finished: bool = True


def write_curves(run: RunDirectory, history: History, kind: CurveKind) -> None:
    """Write the curves of a training: the table, and after every validation the plot.

    :param run: The directory of the training.
    :param history: The logged values.
    :param kind: What is in the curves.
    """
    write_table(run.table, history, kind)
    last = history[-1]
    if any(name.startswith("eval_") or name == "train_runtime" for name in last):
        try:
            draw_curves(run.picture, history, run.root.name, kind)
        except MissingExtra:
            return  # the table has the same values


@contextmanager
def alone(run: RunDirectory) -> Iterator[None]:
    """Allow one training at a time in a directory; only the first process of a training takes the lock.

    :param run: The directory of the training.
    :raises InputError: If another process trains there, or the directory cannot be used.
    """
    if not is_first_process():
        yield
        return
    try:
        run.root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(str(run.lock), timeout=0)
        lock.acquire()
    except Timeout as error:
        msg = f"another process is training in {run.root}: wait for it, or use another output_dir"
        raise InputError(msg) from error
    except OSError as error:
        msg = f"output_dir {run.root} cannot be used: {error}"
        raise InputError(msg) from error
    try:
        yield
    finally:
        lock.release()


def ignore(error: DataError) -> None:
    """Skip bad examples silently.

    :param error: What is wrong with an example.
    """


def is_first_process() -> bool:
    """Whether this is the first process of a training; the others write nothing."""
    return int(os.environ.get("RANK", "0")) == 0
