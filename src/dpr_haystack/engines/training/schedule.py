# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The schedule of a training: its length, learning rate, checkpoints and validations."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import torch

from dpr_haystack.engines.checkpoints.precision import resolve_dtype
from dpr_haystack.errors import InputError

# the warm-up steps of the released DPR models
_RELEASED_WARMUP = 1237


class Scheduled(Protocol):
    """The settings of a schedule in a training's configuration, which describes them."""

    @property
    def batch_size(self) -> int: ...
    @property
    def epochs(self) -> int: ...
    @property
    def max_steps(self) -> int | None: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def warmup_steps(self) -> int | None: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def max_grad_norm(self) -> float: ...
    @property
    def checkpoint_steps(self) -> int: ...
    @property
    def keep_checkpoints(self) -> int: ...
    @property
    def evaluate_steps(self) -> int | None: ...
    @property
    def log_steps(self) -> int: ...
    @property
    def dtype(self) -> str: ...
    @property
    def tensorboard(self) -> bool | None: ...
    @property
    def seed(self) -> int: ...


@dataclass(frozen=True)
class ScheduleOptions:
    """The schedule of a training.

    :param output_dir: The folder for checkpoints.
    :param batch_size: Questions per forward pass and process.
    :param epochs: Passes over the training set.
    :param max_steps: Number of steps after which to stop; None for all epochs.
    :param learning_rate: The highest learning rate.
    :param warmup_steps: Steps in which it is reached, linearly.
    :param weight_decay: Weight decay of AdamW.
    :param max_grad_norm: Largest norm of the gradients; larger ones are clipped.
    :param checkpoint_steps: Steps between checkpoints.
    :param checkpoints: How many checkpoints are kept.
    :param evaluate_steps: Steps between validations; None for no validation.
    :param log_steps: Steps between two log entries.
    :param bfloat16: Whether matrices are multiplied in bfloat16.
    :param cpu: Whether to train on the CPU even if there is a GPU.
    :param tensorboard: Whether to write TensorBoard logs too.
    :param seed: The random seed.
    :param accumulate: Forward and backward passes per step.
    """

    output_dir: Path
    batch_size: int
    epochs: int
    max_steps: int | None
    learning_rate: float
    warmup_steps: int
    weight_decay: float
    max_grad_norm: float
    checkpoint_steps: int
    checkpoints: int
    evaluate_steps: int | None
    log_steps: int
    bfloat16: bool
    cpu: bool
    tensorboard: bool
    seed: int
    accumulate: int = 1


def in_bfloat16(config: Scheduled, device: str) -> bool:
    """Whether matrices are multiplied in bfloat16.

    :param config: The configuration.
    :param device: The torch device of the training.
    """
    return resolve_dtype(config.dtype, device) == torch.bfloat16


def schedule(
    config: Scheduled, batches_per_epoch: int, output_dir: Path, device: str, *, accumulate: int = 1
) -> ScheduleOptions:
    """The schedule of a training.

    :param config: The configuration.
    :param batches_per_epoch: Number of batches per epoch and process.
    :param output_dir: The folder for checkpoints.
    :param device: The torch device of the training.
    :param accumulate: Batches per step.
    :returns: The schedule.
    :raises InputError: If TensorBoard is requested and not installed.
    """
    steps_per_epoch = -(-batches_per_epoch // accumulate)
    steps = config.max_steps or steps_per_epoch * config.epochs
    return ScheduleOptions(
        output_dir=output_dir,
        batch_size=config.batch_size,
        epochs=config.epochs,
        max_steps=config.max_steps,
        learning_rate=config.learning_rate,
        warmup_steps=min(_RELEASED_WARMUP, steps // 10) if config.warmup_steps is None else config.warmup_steps,
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        checkpoint_steps=config.checkpoint_steps,
        checkpoints=config.keep_checkpoints,
        evaluate_steps=config.evaluate_steps or min(steps_per_epoch, steps),
        log_steps=config.log_steps,
        bfloat16=in_bfloat16(config, device),
        cpu=device == "cpu",
        tensorboard=_with_tensorboard(config),
        seed=config.seed,
        accumulate=accumulate,
    )


def argument_values(options: ScheduleOptions, *, validated: bool) -> dict[str, Any]:
    """The schedule as arguments of transformers' ``TrainingArguments``.

    :param options: The schedule.
    :param validated: Whether the training validates.
    :returns: The arguments by name.
    """
    return {
        "output_dir": str(options.output_dir),
        "per_device_train_batch_size": options.batch_size,
        "gradient_accumulation_steps": options.accumulate,
        "num_train_epochs": options.epochs,
        "max_steps": options.max_steps or -1,
        "learning_rate": options.learning_rate,
        "lr_scheduler_type": "linear",
        "warmup_steps": options.warmup_steps,
        "weight_decay": options.weight_decay,
        "max_grad_norm": options.max_grad_norm,
        "save_strategy": "steps",
        "save_steps": options.checkpoint_steps,
        "save_total_limit": options.checkpoints,
        "eval_strategy": "steps" if validated else "no",
        "eval_steps": options.evaluate_steps if validated else None,
        "logging_steps": options.log_steps,
        "logging_first_step": True,
        "logging_nan_inf_filter": False,
        "report_to": "tensorboard" if options.tensorboard else "none",
        "bf16": options.bfloat16,
        "use_cpu": options.cpu,
        "seed": options.seed,
        "data_seed": options.seed,
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
        "remove_unused_columns": False,
        # every trained weight is used in every step, and a step has several forward passes
        "ddp_find_unused_parameters": False,
    }


def _with_tensorboard(config: Scheduled) -> bool:
    installed = find_spec("tensorboard") is not None
    if config.tensorboard and not installed:
        msg = "tensorboard: true needs the package tensorboard: pip install tensorboard, or omit the setting"
        raise InputError(msg)
    return installed if config.tensorboard is None else config.tensorboard
