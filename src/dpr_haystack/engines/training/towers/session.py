# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""One training run: towers, loss, batches and trainer built from a configuration."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer

from dpr_haystack._optional import require
from dpr_haystack.core.false_negatives import FalseNegatives
from dpr_haystack.core.model_directory import Role, check_dimensions
from dpr_haystack.core.progress import StepProgress
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.core.training_config import TrainingConfig
from dpr_haystack.core.training_set import TrainingSet
from dpr_haystack.engines.checkpoints.runtime import chosen_device
from dpr_haystack.engines.training.callbacks import History
from dpr_haystack.engines.training.epoch_sampler import EpochSampler, TellEpoch
from dpr_haystack.engines.training.running import Outcome, RunOptions, TrainingRun, wait_for_others
from dpr_haystack.engines.training.schedule import in_bfloat16, schedule
from dpr_haystack.engines.training.teacher import CrossEncoderTeacher, load_cross_encoder
from dpr_haystack.engines.training.towers.batches import Collator
from dpr_haystack.engines.training.towers.losses import RetrievalLoss
from dpr_haystack.engines.training.towers.options import (
    check_negatives,
    chunk_tokens,
    draw_rules,
    loss_options,
    min_batch_size,
    question_order,
    tower_options,
)
from dpr_haystack.engines.training.towers.saving import save_pair
from dpr_haystack.engines.training.towers.trainable import (
    TrainableTower,
    load_trainable,
    tower_of,
    two_towers,
)
from dpr_haystack.engines.training.towers.trainer import TowerTrainer
from dpr_haystack.engines.training.towers.validation import PoolEvaluator
from dpr_haystack.errors import InputError


class Session:
    """One training, ready to start or to resume.

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
        config: TrainingConfig,
        train: TrainingSet,
        dev: TrainingSet | None,
        *,
        checkpoints: Path,
        curves: Callable[[History], None],
        progress: StepProgress | None = None,
        token: str | None = None,
    ) -> None:
        self._config = config
        self._device = chosen_device(config.device)
        check_negatives(config, train)
        torch.manual_seed(config.seed)  # adapters and projections are initialised randomly
        self.model = _towers(config, self._device, token)
        self._evaluator = None if dev is None else self._evaluator_for(dev)
        processes = int(os.environ.get("WORLD_SIZE", "1"))  # torch.distributed is initialised later, by the trainer
        sampler = _sampler(config, train, processes)
        options = RunOptions(checkpoints, config.best_metric, config.average_last, config.early_stopping)
        self._run = TrainingRun(options, self._evaluator, curves, progress)
        towers = tower_of(self.model, "question"), tower_of(self.model, "passage")
        self._trainer = TowerTrainer(
            self.model,
            self._loss(train, token),
            sampler,
            Collator(train, draw_rules(config), *towers, sampler),
            schedule(config, sampler.batches_per_process, checkpoints, self._device),
            len(train.rows),
            evaluator=self._evaluator,
            callbacks=[TellEpoch(sampler), *self._run.callbacks],
        )

    def wait_for_others(self) -> None:
        """Under torchrun: wait until every process gets here."""
        wait_for_others()

    def train(self) -> Outcome:
        """Train to the end or until stopped on request, resuming from the last checkpoint.

        :returns: The outcome; the towers have the chosen weights.
        """
        return self._run.train(self._trainer, self.model)

    def save(self, target: Path, training: Mapping[str, Any]) -> Path:
        """Write the pair as a model directory.

        :param target: The directory.
        :param training: The training record.
        :returns: The directory.
        """
        towers: dict[Role, TrainableTower] = {
            "question": tower_of(self.model, "question"),
            "passage": tower_of(self.model, "passage"),
        }
        if self._config.lora_rank:
            from dpr_haystack.engines.training.adapters import merge_adapters

            for tower in dict.fromkeys(towers.values()):
                merge_adapters(tower.backbone)
        config = self._config
        made_from = {"question": config.model, "passage": config.passage_model or config.model}
        return save_pair(towers, target, made_from=made_from, training=training)

    def _evaluator_for(self, dev: TrainingSet) -> PoolEvaluator:
        return PoolEvaluator(
            dev,
            hard_negatives=self._config.dev_hard_negatives,
            other_negatives=self._config.dev_other_negatives,
            similarity=Similarity.parse(self._config.similarity),
            bfloat16=in_bfloat16(self._config, self._device),
            chunk_tokens=chunk_tokens(self._config, self._device),
        )

    def _loss(self, train: TrainingSet, token: str | None) -> RetrievalLoss:
        config = self._config
        teacher = None
        if config.teacher is not None:
            teacher = CrossEncoderTeacher(load_cross_encoder(config.teacher, device=self._device, token=token), train)
        match = "regex" if config.regex else "string"
        false_negatives = FalseNegatives(train, same_answer=config.mask_same_answer, match=match)
        options = loss_options(config, tower_of(self.model, "passage").part, self._device)
        return RetrievalLoss(self.model, options, false_negatives.mask, teacher)


def _sampler(config: TrainingConfig, train: TrainingSet, processes: int) -> EpochSampler:
    sampler = EpochSampler(
        question_order(config, train), len(train.rows), config.batch_size, min_batch_size(config, train), processes
    )
    if not len(sampler):
        where = f" for each of {processes} processes" if processes > 1 else ""
        count = len(train.rows)
        msg = f"{count} questions are too few for a batch of {config.batch_size} with negatives{where}: add questions"
        raise InputError(msg)
    return sampler


def _towers(config: TrainingConfig, device: str, token: str | None) -> SentenceTransformer:
    question = load_trainable(config.model, "question", tower_options(config, "question"), device=device, token=token)
    passage = question
    if not config.tie_encoders:
        options = tower_options(config, "passage")
        passage = load_trainable(config.passage_model or config.model, "passage", options, device=device, token=token)
    models = {"question": config.model, "passage": config.passage_model or config.model}
    check_dimensions(models, {"question": question.part.dimension, "passage": passage.part.dimension})
    if config.lora_rank:
        require("peft", "train", "training adapters (lora_rank)")
        from dpr_haystack.engines.training.adapters import AdapterOptions, add_adapters

        adapters = AdapterOptions(config.lora_rank, config.lora_alpha or 2 * config.lora_rank, config.lora_dropout)
        for tower in dict.fromkeys((question, passage)):
            if not tower.frozen:
                tower.requires_grad_(False)
                add_adapters(tower.backbone, adapters)
    return two_towers(question, passage, device)
