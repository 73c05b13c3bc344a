# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Running a trainer from its last checkpoint to its end, and choosing the best weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed
from safetensors.torch import load_file
from torch import nn
from transformers import TrainerCallback

from dpr_haystack.core.progress import StepProgress
from dpr_haystack.engines.checkpoints.runtime import quiet
from dpr_haystack.engines.training.callbacks import (
    CheckWeights,
    Curves,
    History,
    KeepBest,
    ReportProgress,
    StopOnRequest,
    best_of,
)
from dpr_haystack.engines.training.checkpoints import average, checkpoints_in, load_weights, trained_weights

Evaluate = Callable[[Any], dict[str, float]]
"""Validates a model: its metrics by name."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of a training.

    :param steps: Total number of steps.
    :param weights: Which weights the model has now: ``"last"``, ``"best"`` or ``"average"``.
    :param validation: Validation metrics of these weights; empty without validation.
    :param finished: False if it was stopped on request.
    """

    steps: int
    weights: str
    validation: dict[str, float]
    finished: bool


@dataclass(frozen=True)
class RunOptions:
    """How a training is watched, and which weights are chosen.

    :param checkpoints: The folder of checkpoints, written to and resumed from.
    :param best_metric: The metric that decides which weights are best.
    :param average_last: The mean of this many last checkpoints is a candidate too; 0 for no.
    :param early_stopping: Stop after this many validations without improvement; None for never.
    """

    checkpoints: Path
    best_metric: str
    average_last: int = 0
    early_stopping: int | None = None

    @property
    def best(self) -> Path:
        """The file of the weights of the best validation."""
        return self.checkpoints / "best.safetensors"


class TrainingRun:
    """The callbacks of a training, and its run.

    :param options: How it is watched.
    :param evaluate: Validates the model; None for no validation.
    :param curves: Writes the curves.
    :param progress: Called after every step.
    """

    def __init__(
        self,
        options: RunOptions,
        evaluate: Evaluate | None,
        curves: Callable[[History], None],
        progress: StepProgress | None = None,
    ) -> None:
        self._options = options
        self._evaluate = evaluate
        self._stop = StopOnRequest()
        callbacks = [Curves(curves), CheckWeights(), *([ReportProgress(progress)] if progress is not None else [])]
        if evaluate is not None:
            callbacks.append(KeepBest(options.best, options.best_metric, options.early_stopping))
        self.callbacks: list[TrainerCallback] = [*callbacks, self._stop]

    def train(self, trainer: Any, model: nn.Module) -> Outcome:
        """Train to the end or until stopped on request, resuming from the last checkpoint.

        :param trainer: A trainer of transformers with :attr:`callbacks`.
        :param model: The model that it trains.
        :returns: The outcome; the model has the chosen weights.
        """
        existing = checkpoints_in(self._options.checkpoints)
        try:
            with quiet():
                trainer.train(resume_from_checkpoint=str(existing[-1]) if existing else None)
        finally:
            self._stop.restore()
        steps = trainer.state.global_step
        if self._stop.requested and steps < trainer.state.max_steps:
            return Outcome(steps, "last", {}, finished=False)
        weights, validation = self._choose(model, validated=bool(trainer.state.log_history))
        return Outcome(steps, weights, validation, finished=True)

    def _choose(self, model: nn.Module, *, validated: bool) -> tuple[str, dict[str, float]]:
        """Load the best of: the current weights, those of the best validation, the average of the last checkpoints.

        :returns: Their name and their validation metrics.
        """
        options = self._options
        last = checkpoints_in(options.checkpoints)[-options.average_last :] if options.average_last else []
        if self._evaluate is None:
            if last:
                load_weights(model, average(last))
            return ("average" if last else "last"), {}
        evaluated = [("last", self._evaluate(model))]
        current = _snapshot(model)
        if options.best.is_file() and validated:
            load_weights(model, load_file(options.best))
            evaluated.append(("best", self._evaluate(model)))
        if last:
            load_weights(model, average(last))
            evaluated.append(("average", self._evaluate(model)))
        metric = options.best_metric
        weights, validation = evaluated[best_of(metric, [values[metric] for _, values in evaluated])]
        load_weights(
            model, current if weights == "last" else load_file(options.best) if weights == "best" else average(last)
        )
        return weights, validation


def wait_for_others() -> None:
    """Under torchrun: wait until every process gets here."""
    if torch.distributed.is_initialized():
        torch.distributed.barrier()


def _snapshot(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in trained_weights(model).items()}
