# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The trainer of sentence-transformers with batches, checkpoints and callbacks of this package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import Dataset
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.base.evaluation import BaseEvaluator
from transformers import TrainerCallback
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from dpr_haystack.engines.training.checkpoints import WEIGHTS, load_weights, trained_weights
from dpr_haystack.engines.training.towers.batches import Collator, EpochSampler
from dpr_haystack.engines.training.towers.losses import RetrievalLoss


@dataclass(frozen=True)
class ScheduleOptions:
    """The schedule of a training.

    :param output_dir: The folder for checkpoints.
    :param batch_size: Questions per step and process.
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


class OneDevice(SentenceTransformerTrainingArguments):  # type: ignore[misc]
    """Arguments of a process that trains on one GPU; torchrun starts one process per GPU, and they share negatives."""

    @property
    def n_gpu(self) -> int:
        """At most 1, so that the trainer does not split batches inside the process."""
        return min(1, int(super().n_gpu))


class TowerTrainer(SentenceTransformerTrainer):  # type: ignore[misc]
    """Trains two towers.

    :param model: Both towers.
    :param loss: The loss.
    :param sampler: The order of the questions.
    :param collator: Builds batches.
    :param options: The schedule.
    :param questions: Number of questions.
    :param evaluator: Validates; None for no validation.
    :param callbacks: Callbacks of the training.
    """

    def __init__(
        self,
        model: SentenceTransformer,
        loss: RetrievalLoss,
        sampler: EpochSampler,
        collator: Collator,
        options: ScheduleOptions,
        questions: int,
        *,
        evaluator: BaseEvaluator | None = None,
        callbacks: list[TrainerCallback] | None = None,
    ) -> None:
        self._sampler = sampler
        super().__init__(
            model=model,
            args=_arguments(options, validated=evaluator is not None),
            train_dataset=Dataset.from_dict({"question": list(range(questions))}),
            loss=loss,
            evaluator=evaluator,
            data_collator=collator,
            callbacks=callbacks,
        )
        for default_callback in (PrinterCallback, ProgressCallback):
            self.remove_callback(default_callback)

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Write no model card: the manifest of the model directory has the training record.

        :param default_args_dict: Ignored.
        """

    def get_batch_sampler(self, *args: Any, **kwargs: Any) -> EpochSampler:
        """The sampler of the questions.

        :param args: Ignored.
        :param kwargs: Ignored.
        :returns: The sampler.
        """
        return self._sampler

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        folder = Path(output_dir or self.args.output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        save_file(trained_weights(self.model), folder / WEIGHTS)

    def _load_from_checkpoint(self, checkpoint_path: str, *args: Any) -> None:
        load_weights(self.model, load_file(Path(checkpoint_path) / WEIGHTS))


def _arguments(options: ScheduleOptions, *, validated: bool) -> OneDevice:
    return OneDevice(
        output_dir=str(options.output_dir),
        per_device_train_batch_size=options.batch_size,
        num_train_epochs=options.epochs,
        max_steps=options.max_steps or -1,
        learning_rate=options.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=options.warmup_steps,
        weight_decay=options.weight_decay,
        max_grad_norm=options.max_grad_norm,
        save_strategy="steps",
        save_steps=options.checkpoint_steps,
        save_total_limit=options.checkpoints,
        eval_strategy="steps" if validated else "no",
        eval_steps=options.evaluate_steps if validated else None,
        logging_steps=options.log_steps,
        logging_first_step=True,
        logging_nan_inf_filter=False,
        report_to="tensorboard" if options.tensorboard else "none",
        bf16=options.bfloat16,
        use_cpu=options.cpu,
        seed=options.seed,
        data_seed=options.seed,
        disable_tqdm=True,
        dataloader_pin_memory=False,
        remove_unused_columns=False,
        # every trained weight is used in every step, and a step has several forward passes
        ddp_find_unused_parameters=False,
    )
