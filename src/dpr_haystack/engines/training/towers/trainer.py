# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The trainer of sentence-transformers with batches, checkpoints and callbacks of this package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datasets import Dataset
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.base.evaluation import BaseEvaluator
from transformers import TrainerCallback
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from dpr_haystack.engines.training.checkpoints import WEIGHTS, load_weights, trained_weights
from dpr_haystack.engines.training.epoch_sampler import EpochSampler
from dpr_haystack.engines.training.schedule import ScheduleOptions, argument_values
from dpr_haystack.engines.training.towers.batches import Collator
from dpr_haystack.engines.training.towers.losses import RetrievalLoss


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
    return OneDevice(**argument_values(options, validated=validated))
