# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What trainings of towers and of readers share: the lock, curves, reports and the processes of torchrun."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from filelock import FileLock, Timeout

from dpr_haystack.errors import DataError, InputError, MissingExtra
from dpr_haystack.workflows.training.curves import CurveKind, draw_curves, write_table
from dpr_haystack.workflows.training.run_directory import RunDirectory, Settings

if TYPE_CHECKING:
    from dpr_haystack.engines.training.callbacks import History
    from dpr_haystack.engines.training.running import Outcome


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


class TrainingData(Protocol):
    """The training set of a pair or of a reader."""

    @property
    def rows(self) -> Sequence[Any]:
        """The questions."""

    def fingerprint(self) -> str:
        """A hash of questions and passages."""


class TrainingSession(Protocol):
    """A training that is ready to start or to resume."""

    def wait_for_others(self) -> None:
        """Under torchrun: wait until every process gets here."""

    def train(self) -> Outcome:
        """Train to the end, or until stopped on request."""

    def save(self, target: Path, training: Mapping[str, Any]) -> Path:
        """Write the trained model.

        :param target: The directory.
        :param training: The training record.
        """


def facts_of(train: TrainingData) -> dict[str, Any]:
    """Facts that identify training data, for the record of a training.

    :param train: The questions and passages.
    """
    return {"questions": len(train.rows), "fingerprint": train.fingerprint()}


def carry_out(
    config: Settings, run: RunDirectory, train: TrainingData, make: Callable[[], TrainingSession], *, restart: bool
) -> TrainingReport:
    """Begin or resume a training, and save what was trained.

    :param config: The configuration.
    :param run: The directory of the training.
    :param train: The training set.
    :param make: Makes the session; checks the settings that need the model.
    :param restart: Discard an earlier training.
    :returns: The model directory and its validation metrics.
    :raises InputError: If another training was begun there.
    """
    data = facts_of(train)
    if is_first_process() and not restart:
        run.check(config, data)
    session = make()
    if is_first_process():  # only after all settings were checked
        if restart:
            run.clear()
        run.begin(config, data)
    session.wait_for_others()  # no process may see discarded checkpoints
    outcome = session.train()
    model = run.root / "model"
    if not outcome.finished:
        return TrainingReport(model, outcome.steps, "last", {}, finished=False)
    result = {"steps": outcome.steps, "weights": outcome.weights, "validation": outcome.validation}
    if is_first_process():
        made_by = {"trained_with": f"dpr-haystack {version('dpr-haystack')}"}
        session.save(model, {"settings": config.as_settings(), "questions": len(train.rows), **result, **made_by})
        run.finish(result)
    return TrainingReport(model, outcome.steps, outcome.weights, outcome.validation)


def check_count(wanted: int | None, train: TrainingData) -> None:
    """Check that there are as many questions as wanted.

    :param wanted: The number of questions; None for all.
    :param train: The training set.
    :raises InputError: If there are fewer.
    """
    if wanted is not None and len(train.rows) < wanted:
        msg = f"train_questions must not exceed the {len(train.rows)} questions: got {wanted}"
        raise InputError(msg)


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
