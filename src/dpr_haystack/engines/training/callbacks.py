# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What happens while towers are trained: curves, progress, the best weights, stopping early or on request."""

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
"""What was logged, point by point, with ``step`` and ``epoch``; validations have names that begin with ``eval_``."""


_ADVICE = "lower the learning rate, or train in float32 (dtype: float32)"


class Curves(TrainerCallback):  # type: ignore[misc]
    """Has the curves written at every point, and refuses to go on once the loss is no number.

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


class WeightsAreNumbers(TrainerCallback):  # type: ignore[misc]
    """Refuses to validate or to end with weights that are no numbers: between two points nobody looks at the loss."""

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: nn.Module | None = None,
        **kwargs: Any,
    ) -> None:
        weights = {} if model is None else trained_weights(model)
        if not all(bool(each.isfinite().all()) for each in weights.values()):
            msg = f"at step {state.global_step} the weights are no numbers any more: {_ADVICE}"
            raise TrainingFailed(msg)

    on_train_end = on_evaluate


class Told(TrainerCallback):  # type: ignore[misc]
    """Passes steps on to whoever shows progress.

    :param progress: Told after every step.
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
    """Keeps the weights of the best validation, and stops when there was none better for a while.

    What was best so far is read from the history, which every checkpoint has: nothing else has to be resumed.

    :param path: Where the weights go.
    :param metric: What better means.
    :param patience: Validations without a better one before training stops; None not to stop.
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
    """Ctrl-C and SIGTERM end training after the step that is being done, with a checkpoint."""

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[int, Any] = {}

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self._before[number] = signal.signal(number, self._request)
            except ValueError:  # not in the main thread: whoever started it stops it
                return

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if self.requested:
            control.should_save = control.should_training_stop = True

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self.restore()

    def restore(self) -> None:
        """Give the signals back."""
        while self._before:
            signal.signal(*self._before.popitem())

    def _request(self, number: int, frame: FrameType | None) -> None:
        if self.requested:  # asked twice: at once
            raise KeyboardInterrupt
        self.requested = True


def validated(history: History, metric: str) -> list[float]:
    """What every validation gave, in their order.

    :param history: What was logged.
    :param metric: Which value.
    """
    return [float(point[f"eval_{metric}"]) for point in history if f"eval_{metric}" in point]


def best_of(metric: str, values: Sequence[float]) -> int:
    """The place of the best value, the first of equals: the lowest average rank, the highest of all else."""
    sign = 1 if metric == "average_rank" else -1
    return min(range(len(values)), key=lambda place: sign * values[place])
