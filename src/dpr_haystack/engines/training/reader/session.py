# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""One training run of a reader: model, batches and trainer built from a configuration."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from dpr_haystack._optional import require
from dpr_haystack.core.progress import StepProgress
from dpr_haystack.core.question_order import random_order
from dpr_haystack.core.reader_training_config import ReaderTrainingConfig
from dpr_haystack.core.reader_training_set import ReaderDrawRules, ReaderTrainingSet
from dpr_haystack.engines.checkpoints.runtime import chosen_device
from dpr_haystack.engines.checkpoints.tokenization import longest_input
from dpr_haystack.engines.reader.inputs import WindowSize
from dpr_haystack.engines.reader.reader import SHORTEST_INPUT
from dpr_haystack.engines.reader.saving import save_reader
from dpr_haystack.engines.training.callbacks import History
from dpr_haystack.engines.training.epoch_sampler import EpochSampler, TellEpoch
from dpr_haystack.engines.training.reader.batches import ReaderCollator
from dpr_haystack.engines.training.reader.trainable import ReaderOptions, TrainableReader, load_trainable_reader
from dpr_haystack.engines.training.reader.trainer import ReaderTrainer
from dpr_haystack.engines.training.reader.validation import AnswerEvaluator, AnswerOptions
from dpr_haystack.engines.training.running import Outcome, RunOptions, TrainingRun, wait_for_others
from dpr_haystack.engines.training.schedule import in_bfloat16, schedule
from dpr_haystack.errors import InputError

# least overlap of the windows of a long passage in tokens, as in reading
_STRIDE = 128


class ReaderSession:
    """One training of a reader, ready to start or to resume.

    :param config: The configuration.
    :param train: The training set.
    :param dev: The validation set; None for no validation.
    :param checkpoints: The folder of checkpoints, written to and resumed from.
    :param curves: Writes the curves.
    :param progress: Called after every step.
    :param token: A hub token.
    """

    def __init__(
        self,
        config: ReaderTrainingConfig,
        train: ReaderTrainingSet,
        dev: ReaderTrainingSet | None,
        *,
        checkpoints: Path,
        curves: Callable[[History], None],
        progress: StepProgress | None = None,
        token: str | None = None,
    ) -> None:
        self._config = config
        device = chosen_device(config.device)
        torch.manual_seed(config.seed)  # new layers and adapters are initialised randomly
        self.model = _model(config, device, token)
        evaluator = None if dev is None else AnswerEvaluator(dev, _answers(config, device))
        processes = int(os.environ.get("WORLD_SIZE", "1"))  # torch.distributed is initialised later, by the trainer
        sampler = _sampler(config, len(train.rows), processes)
        options = RunOptions(checkpoints, config.best_metric, config.average_last, config.early_stopping)
        self._run = TrainingRun(options, evaluator, curves, progress)
        self._trainer = ReaderTrainer(
            self.model,
            sampler,
            ReaderCollator(
                train,
                ReaderDrawRules(config.passages, config.spans, config.seed),
                self.model.builder,
                WindowSize(config.max_length, _STRIDE, config.max_answer_length),
                self.model.pad_id,
                sampler,
                no_answer=config.no_answer,
            ),
            schedule(config, sampler.batches_per_process, checkpoints, device, accumulate=config.accumulate),
            len(train.rows),
            no_answer_weight=config.no_answer_weight,
            evaluator=evaluator,
            callbacks=[TellEpoch(sampler, config.accumulate), *self._run.callbacks],
        )

    def wait_for_others(self) -> None:
        """Under torchrun: wait until every process gets here."""
        wait_for_others()

    def train(self) -> Outcome:
        """Train to the end or until stopped on request, resuming from the last checkpoint.

        :returns: The outcome; the reader has the chosen weights.
        """
        return self._run.train(self._trainer, self.model)

    def save(self, target: Path, training: Mapping[str, Any]) -> Path:
        """Write the reader as a model directory.

        :param target: The directory.
        :param training: The training record.
        :returns: The directory.
        """
        if self._config.lora_rank:
            from dpr_haystack.engines.training.adapters import merge_adapters

            merge_adapters(self.model.backbone)
        return save_reader(
            target,
            backbone=self.model.backbone,
            qa_outputs=self.model.qa_outputs,
            qa_classifier=self.model.qa_classifier,
            tokenizer=self.model.tokenizer,
            max_length=self._config.max_length,
            training=training,
            made_from=self._config.model,
        )


def _sampler(config: ReaderTrainingConfig, questions: int, processes: int) -> EpochSampler:
    sampler = EpochSampler(random_order(questions, config.seed), questions, config.batch_size, 1, processes)
    if not len(sampler):
        msg = f"{questions} questions are too few for {processes} processes: add questions"
        raise InputError(msg)
    return sampler


def _model(config: ReaderTrainingConfig, device: str, token: str | None) -> TrainableReader:
    options = ReaderOptions(
        scores_passages=config.scores_passages,
        dropout=config.dropout,
        layers=config.layers,
        freeze_embeddings=config.freeze_embeddings,
        attention=config.attention,
        checkpointing=config.gradient_checkpointing,
    )
    model = load_trainable_reader(config.model, options, device=device, token=token)
    limit = longest_input(model.tokenizer, model.backbone.config)
    if not SHORTEST_INPUT <= config.max_length <= limit:
        msg = (
            f"max_length must be from {SHORTEST_INPUT} to {limit}, the limit of {config.model}: got {config.max_length}"
        )
        raise InputError(msg)
    if config.lora_rank:
        require("peft", "train", "training adapters (lora_rank)")
        from dpr_haystack.engines.training.adapters import AdapterOptions, add_adapters

        alpha = config.lora_alpha or 2 * config.lora_rank
        add_adapters(model.backbone, AdapterOptions(config.lora_rank, alpha, config.lora_dropout))
    return model


def _answers(config: ReaderTrainingConfig, device: str) -> AnswerOptions:
    return AnswerOptions(
        passages=config.dev_passages,
        max_length=config.max_length,
        max_answer_length=config.max_answer_length,
        rank_by="passage" if config.scores_passages else "span",
        no_answer=config.no_answer,
        bfloat16=in_bfloat16(config, device),
    )
