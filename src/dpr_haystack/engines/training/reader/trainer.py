# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The trainer of transformers with batches, checkpoints and callbacks of this package, for a reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from dpr_haystack.engines.training.checkpoints import WEIGHTS, load_weights, trained_weights
from dpr_haystack.engines.training.epoch_sampler import EpochSampler
from dpr_haystack.engines.training.reader.batches import ReaderCollator
from dpr_haystack.engines.training.reader.loss import reader_loss
from dpr_haystack.engines.training.reader.trainable import TrainableReader
from dpr_haystack.engines.training.running import Evaluate
from dpr_haystack.engines.training.schedule import ScheduleOptions, argument_values


class OneDevice(TrainingArguments):  # type: ignore[misc]
    """Arguments of a process that trains on one GPU; torchrun starts one process per GPU."""

    @property
    def n_gpu(self) -> int:
        """At most 1, so that the trainer does not split batches inside the process."""
        return min(1, int(super().n_gpu))


class ReaderTrainer(Trainer):  # type: ignore[misc]
    """Trains a reader.

    :param model: The reader.
    :param sampler: The order of the questions.
    :param collator: Builds batches.
    :param options: The schedule.
    :param questions: Number of questions.
    :param no_answer_weight: Weight of the loss of "no answer".
    :param evaluator: Validates; None for no validation.
    :param callbacks: Callbacks of the training.
    """

    def __init__(
        self,
        model: TrainableReader,
        sampler: EpochSampler,
        collator: ReaderCollator,
        options: ScheduleOptions,
        questions: int,
        *,
        no_answer_weight: float = 1.0,
        evaluator: Evaluate | None = None,
        callbacks: list[TrainerCallback] | None = None,
    ) -> None:
        self._sampler = sampler
        self._evaluator = evaluator
        self._no_answer_weight = no_answer_weight
        validated = evaluator is not None
        super().__init__(
            model=model,
            args=OneDevice(**argument_values(options, validated=validated)),
            train_dataset=list(range(questions)),
            eval_dataset=[0] if validated else None,  # the trainer asks for one; the evaluator has its own
            data_collator=collator,
            callbacks=callbacks,
        )
        for default_callback in (PrinterCallback, ProgressCallback):
            self.remove_callback(default_callback)

    def get_train_dataloader(self) -> Any:
        """The batches of the sampler.

        :returns: A data loader, shared by the processes of torchrun.
        """
        loader = DataLoader(self.train_dataset, batch_sampler=self._sampler, collate_fn=self.data_collator)
        return self.accelerator.prepare(loader)

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Tensor], return_outputs: bool = False, **kwargs: Any
    ) -> Any:
        """The loss of a batch.

        :param model: The reader, perhaps wrapped for several devices.
        :param inputs: The batch.
        :param return_outputs: Whether to return the logits too.
        :param kwargs: Ignored.
        :returns: The loss, or loss and logits.
        """
        names = ("input_ids", "attention_mask", "first", "token_type_ids")
        start, end, relevance = model(**{name: inputs[name] for name in names if name in inputs})
        loss = reader_loss(start, end, relevance, inputs, self._no_answer_weight)
        return (loss, (start, end, relevance)) if return_outputs else loss

    def evaluate(self, *args: Any, metric_key_prefix: str = "eval", **kwargs: Any) -> dict[str, float]:
        """Validate with the evaluator.

        :param args: Ignored.
        :param metric_key_prefix: Comes before the name of every metric.
        :param kwargs: Ignored.
        :returns: The metrics.
        """
        measured = {} if self._evaluator is None else self._evaluator(self.model)
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in measured.items()}
        self.log(metrics)
        self.control: Any = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        folder = Path(output_dir or self.args.output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        save_file(trained_weights(self.model), folder / WEIGHTS)

    def _load_from_checkpoint(self, checkpoint_path: str, *args: Any, **kwargs: Any) -> None:
        load_weights(self.model, load_file(Path(checkpoint_path) / WEIGHTS))
