# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Training two towers from a configuration, from the files to the model directory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from dpr_haystack._optional import require
from dpr_haystack.core.training_config import TrainingConfig
from dpr_haystack.core.training_set import TrainingSet
from dpr_haystack.errors import DataError, InputError, MissingExtra
from dpr_haystack.formats.open_text import OnBad
from dpr_haystack.workflows.training.curves import draw_curves, write_table
from dpr_haystack.workflows.training.loading import load_training_set
from dpr_haystack.workflows.training.run_directory import RunDirectory

if TYPE_CHECKING:
    from dpr_haystack.engines.training.callbacks import History
    from dpr_haystack.engines.training.towers.session import Outcome, Session

Progress = Callable[[int, int, dict[str, float]], None]
"""Told after a step: how many steps are done, of how many, and what was logged since."""


@dataclass(frozen=True)
class TrainingReport:
    """What came of a training.

    :param model: The model directory.
    :param steps: Steps done in all.
    :param weights: Which weights were taken: ``"last"``, ``"best"``, or ``"average"`` of the last checkpoints.
    :param validation: What the validation of these weights gave; empty without a ``dev_file``.
    :param finished: False if it was asked to stop; the same call goes on.
    """

    model: Path
    steps: int
    weights: str
    validation: dict[str, float]
    finished: bool = True


def train_dpr(
    config: TrainingConfig,
    *,
    restart: bool = False,
    token: str | None = None,
    on_bad: OnBad | None = None,
    progress: Progress | None = None,
) -> TrainingReport:
    """Train two towers (Karpukhin et al. 2020, section 3).

    Killed at any moment, the same call goes on at the last checkpoint and ends with the same weights as if it had
    never been killed. Under ``torchrun`` every process calls it.

    :param config: What to train and how.
    :param restart: Throw away what an earlier call has left in ``output_dir``.
    :param token: A hub token.
    :param on_bad: Told of bad examples, where ``config.skip_bad`` passes over them.
    :param progress: Told after every step.
    :returns: Where the pair is and how good.
    :raises InputError: If files, settings and models do not go together, or another training was begun there.
    :raises ModelError: If a model cannot be loaded.
    :raises TrainingFailed: If the loss is no number.
    :raises MissingExtra: If the packages for training are not installed.
    """
    for module in ("accelerate", "datasets", "sentence_transformers"):
        require(module, "train", "training")
    from dpr_haystack.engines.training.towers.session import Session

    run = RunDirectory(Path(config.output_dir).expanduser().absolute())
    with _alone(run):
        bad = (on_bad or _pass_over) if config.skip_bad else None
        train = load_training_set(config.train_files, limit=config.train_questions, seed=config.seed, on_bad=bad)
        _check_count(config, train)
        dev = _validation_set(config, bad)
        data = facts_of(train)
        if _is_first_process() and not restart:
            run.check(config, data)
        session = Session(
            config,
            train,
            dev,
            checkpoints=run.checkpoints,
            curves=lambda history: _write_curves(run, history, config),
            progress=progress,
            token=token,
        )
        if _is_first_process():  # not before all settings have proved to fit
            if restart:
                run.clear()
            run.begin(config, data)
        session.wait_for_others()  # none may see checkpoints that are thrown away
        outcome = session.train()
        return _finished(config, run, session, outcome, len(train.rows))


def facts_of(train: TrainingSet) -> dict[str, Any]:
    """What tells training data from others, as a training's record has it.

    :param train: The questions and passages.
    """
    return {"questions": len(train.rows), "fingerprint": train.fingerprint()}


def _finished(
    config: TrainingConfig, run: RunDirectory, session: Session, outcome: Outcome, questions: int
) -> TrainingReport:
    if not outcome.finished:
        return TrainingReport(config.model_dir, outcome.steps, "last", {}, finished=False)
    facts = {
        "settings": config.as_settings(),
        "questions": questions,
        "steps": outcome.steps,
        "weights": outcome.weights,
        "validation": outcome.validation,
        "trained_with": f"dpr-haystack {version('dpr-haystack')}",
    }
    if _is_first_process():
        made_from = {"question": config.model, "passage": config.passage_model or config.model}
        session.save(run.root / "model", made_from=made_from, training=facts)
        run.finish({"steps": outcome.steps, "weights": outcome.weights, "validation": outcome.validation})
    return TrainingReport(run.root / "model", outcome.steps, outcome.weights, outcome.validation)


def _validation_set(config: TrainingConfig, on_bad: OnBad | None) -> TrainingSet | None:
    if config.dev_file is None:
        return None
    return load_training_set([config.dev_file], limit=config.dev_questions, seed=config.seed, on_bad=on_bad)


def _check_count(config: TrainingConfig, train: TrainingSet) -> None:
    if config.train_questions is not None and len(train.rows) < config.train_questions:
        msg = f"train_questions is {config.train_questions}, but there are {len(train.rows)} questions"
        raise InputError(msg)


def _write_curves(run: RunDirectory, history: History, config: TrainingConfig) -> None:
    write_table(run.table, history)
    last = history[-1]
    if any(name.startswith("eval_") or name == "train_runtime" for name in last):
        try:
            draw_curves(run.picture, history, Path(config.output_dir).name)
        except MissingExtra:
            return  # the table has it all


@contextmanager
def _alone(run: RunDirectory) -> Iterator[None]:
    """One training at a time in a directory; processes of the same training share it."""
    if not _is_first_process():
        yield
        return
    try:
        run.root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(str(run.lock), timeout=0)
        lock.acquire()
    except Timeout as error:
        msg = f"another process trains in {run.root}: wait for it, or name another output_dir"
        raise InputError(msg) from error
    except OSError as error:
        msg = f"output_dir {run.root} cannot be used: {error}"
        raise InputError(msg) from error
    try:
        yield
    finally:
        lock.release()


def _pass_over(error: DataError) -> None:
    """What becomes of bad examples that nobody wants to hear of."""


def _is_first_process() -> bool:
    return int(os.environ.get("RANK", "0")) == 0
