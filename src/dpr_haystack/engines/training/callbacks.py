# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Callbacks of a training: curves, progress, the best weights, early stopping, stopping on request."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from safetensors.torch import save_file
from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from dpr_haystack.core.progress import StepProgress
from dpr_haystack.engines.training.checkpoints import trained_weights
from dpr_haystack.errors import TrainingFailed

History = Sequence[dict[str, Any]]
"""The logged values, point by point, with ``step`` and ``epoch``; names of validation metrics begin with ``eval_``."""


_ADVICE = "lower the learning rate, or train in float32 (dtype: float32)"


class Curves(TrainerCallback):  # type: ignore[misc]
    """Writes the curves after every log entry, and raises an error if the loss is NaN or infinite.

    :param write: Writes the history.
    """

    def __init__(self, write: Callable[[History], None]) -> None:
        self._write = write

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        last = state.log_history[-1]
        if not math.isfinite(last.get("loss", 0.0)):
            msg = f"the loss is {last['loss']} at step {state.global_step}: {_ADVICE}"
            raise TrainingFailed(msg)
        if state.is_world_process_zero:
            self._write(state.log_history)


class CheckWeights(TrainerCallback):  # type: ignore[misc]
    """Raises an error if the weights contain NaN or infinity at a validation or at the end of the training.

    The loss alone does not show it: it is only checked when it is logged.
    """

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: nn.Module | None = None,
        **kwargs: Any,
    ) -> None:
        weights = {} if model is None else trained_weights(model)
        if not all(bool(tensor.isfinite().all()) for tensor in weights.values()):
            msg = f"the weights contain NaN or infinity at step {state.global_step}: {_ADVICE}"
            raise TrainingFailed(msg)

    on_train_end = on_evaluate


class ReportProgress(TrainerCallback):  # type: ignore[misc]
    """Reports the progress of the training.

    :param progress: Called after every step.
    """

    def __init__(self, progress: StepProgress) -> None:
        self._progress = progress
        self._logged: dict[str, float] = {}

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        self._logged.update(logs or {})

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            self._progress(state.global_step, state.max_steps, self._logged)
            self._logged = {}


class KeepBest(TrainerCallback):  # type: ignore[misc]
    """Keeps the weights of the best validation, and stops after several validations without improvement.

    The best value so far is read from the history, which is part of every checkpoint, so there is no state to resume.

    :param path: The file for the weights.
    :param metric: The metric to compare validations by.
    :param patience: Validations without improvement before the training stops; None to never stop early.
    """

    def __init__(self, path: Path, metric: str, patience: int | None = None) -> None:
        self._path = path
        self._metric = metric
        self._patience = patience

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: nn.Module | None = None,
        **kwargs: Any,
    ) -> None:
        values = validated(state.log_history, self._metric)
        best = best_of(self._metric, values)
        if best == len(values) - 1 and state.is_world_process_zero and model is not None:
            temporary = self._path.with_suffix(".tmp")
            save_file(trained_weights(model), temporary)
            temporary.replace(self._path)
        if self._patience is not None and len(values) - 1 - best >= self._patience:
            control.should_training_stop = True


class StopOnRequest(TrainerCallback):  # type: ignore[misc]
    """Ends the training on Ctrl-C or SIGTERM: after the current step, with a checkpoint."""

    def __init__(self) -> None:
        self.requested = False
        self._previous_handlers: dict[int, Any] = {}

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self._previous_handlers[number] = signal.signal(number, self._request)
            except ValueError:  # only the main thread may set handlers
                return

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if self.requested:
            control.should_save = control.should_training_stop = True

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self.restore()

    def restore(self) -> None:
        """Restore the previous signal handlers."""
        while self._previous_handlers:
            signal.signal(*self._previous_handlers.popitem())

    def _request(self, number: int, frame: FrameType | None) -> None:
        if self.requested:  # a second signal stops at once
            raise KeyboardInterrupt
        self.requested = True


def validated(history: History, metric: str) -> list[float]:
    """The values of a metric at every validation so far.

    :param history: The logged values.
    :param metric: The metric.
    :returns: One value per validation, in order.
    """
    return [float(point[f"eval_{metric}"]) for point in history if f"eval_{metric}" in point]


def best_of(metric: str, values: Sequence[float]) -> int:
    """The index of the best value, the first one of equals: the lowest average rank, the highest of other metrics.

    :param metric: The metric.
    :param values: Its values; at least one.
    :returns: The index.
    """
    sign = 1 if metric == "average_rank" else -1
    return min(range(len(values)), key=lambda index: sign * values[index])
