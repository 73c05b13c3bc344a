# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""One training: towers, loss, batches and trainer put together as a configuration says."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer

from dpr_haystack._optional import require
from dpr_haystack.core.false_negatives import FalseNegatives
from dpr_haystack.core.model_directory import Role, check_dimensions
from dpr_haystack.core.question_order import QuestionOrder, at_random, neighbours_together
from dpr_haystack.core.training_config import TrainingConfig
from dpr_haystack.core.training_set import DrawRules, TrainingSet
from dpr_haystack.engines.towers.checkpoints import chosen_device, quiet
from dpr_haystack.engines.towers.precision import resolve_dtype
from dpr_haystack.engines.training.batches import Collator, EpochSampler
from dpr_haystack.engines.training.callbacks import (
    Curves,
    History,
    KeepBest,
    Progress,
    StopOnRequest,
    Told,
    best_of,
)
from dpr_haystack.engines.training.losses import LossOptions, RetrievalLoss
from dpr_haystack.engines.training.saving import save_pair
from dpr_haystack.engines.training.teacher import CrossEncoderTeacher, load_cross_encoder
from dpr_haystack.engines.training.towers import (
    TowerOptions,
    TrainableTower,
    load_trainable,
    tower_of,
    two_towers,
)
from dpr_haystack.engines.training.trainer import (
    ScheduleOptions,
    TowerTrainer,
    average,
    checkpoints_in,
    load_weights,
    trained_weights,
)
from dpr_haystack.engines.training.validation import PoolEvaluator
from dpr_haystack.errors import InputError

_CPU_CHUNK, _GPU_CHUNK = 2048, 16384
# the scale that sentence-transformers trains unit vectors with: their inner products lie between -1 and 1
_SCALE_OF_UNIT_VECTORS = 20.0
_RELEASED_WARMUP = 1237


@dataclass(frozen=True)
class Outcome:
    """What came of a training.

    :param steps: Steps done in all.
    :param weights: Which weights the towers have now: ``"last"``, ``"best"`` or ``"average"``.
    :param validation: What their validation gave; empty if there was none.
    :param finished: False if it was asked to stop.
    """

    steps: int
    weights: str
    validation: dict[str, float]
    finished: bool


class Session:
    """One training, ready to begin or to go on.

    :param config: What to train and how.
    :param train: What to train with.
    :param dev: What to validate with; None not to.
    :param checkpoints: Where checkpoints go, or lie.
    :param curves: Writes the curves.
    :param progress: Told after every step.
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
        progress: Progress | None = None,
        token: str | None = None,
    ) -> None:
        self._config = config
        self._checkpoints = checkpoints
        self._best = checkpoints / "best.safetensors"
        self._device = chosen_device(config.device)
        self._bfloat16 = resolve_dtype(config.dtype, self._device) == torch.bfloat16
        torch.manual_seed(config.seed)  # adapters and projections begin at random
        self.model = _towers(config, self._device, token)
        self._evaluator = None if dev is None else self._evaluator_for(dev)
        processes = int(os.environ.get("WORLD_SIZE", "1"))  # torch.distributed comes up with the trainer
        count = len(train.rows)
        sampler = EpochSampler(_order(config, train), count, config.batch_size, _least(config, count), processes)
        if not len(sampler):
            where = f" in each of {processes} processes" if processes > 1 else ""
            what = f"no batch of {config.batch_size} with a negative{where}"
            msg = f"{len(train.rows)} questions make {what}: add questions"
            raise InputError(msg)
        self._stop = StopOnRequest()
        callbacks = [Curves(curves), *([Told(progress)] if progress is not None else [])]
        if self._evaluator is not None:
            callbacks.append(KeepBest(self._best, config.best_metric, config.early_stopping))
        callbacks.append(self._stop)
        towers = tower_of(self.model, "question"), tower_of(self.model, "passage")
        self._trainer = TowerTrainer(
            self.model,
            self._loss(train, token),
            sampler,
            Collator(train, _draw(config), *towers, sampler),
            self._schedule(len(sampler) // processes),
            len(train.rows),
            evaluator=self._evaluator,
            callbacks=callbacks,
        )

    def train(self) -> Outcome:
        """Train to the end, or until asked to stop; afterwards the towers have the weights that are to be kept."""
        there = checkpoints_in(self._checkpoints)
        try:
            with quiet():
                self._trainer.train(resume_from_checkpoint=str(there[-1]) if there else None)
        finally:
            self._stop.restore()
        steps = self._trainer.state.global_step
        if self._stop.requested and steps < self._trainer.state.max_steps:
            return Outcome(steps, "last", {}, finished=False)
        weights, validation = self._choose()
        return Outcome(steps, weights, validation, finished=True)

    def save(self, target: Path, *, made_from: Mapping[str, str], training: Mapping[str, Any]) -> Path:
        """Write the pair as a model directory.

        :param target: The directory.
        :param made_from: What each tower was made from.
        :param training: How they were trained.
        """
        towers: dict[Role, TrainableTower] = {
            "question": tower_of(self.model, "question"),
            "passage": tower_of(self.model, "passage"),
        }
        if self._config.lora_rank:
            from dpr_haystack.engines.training.adapters import merge_adapters

            for tower in dict.fromkeys(towers.values()):
                merge_adapters(tower)
        return save_pair(towers, target, made_from=made_from, training=training)

    def _choose(self) -> tuple[str, dict[str, float]]:
        """Load the best of the last weights, those of the best validation, and the average of the last checkpoints."""
        last = checkpoints_in(self._checkpoints)[-self._config.average_last :] if self._config.average_last else []
        if self._evaluator is None:
            if last:
                load_weights(self.model, average(last))
            return ("average" if last else "last"), {}
        tried = [("last", self._evaluator(self.model))]
        own = _snapshot(self.model)
        if self._best.is_file() and self._trainer.state.log_history:
            load_weights(self.model, load_file(self._best))
            tried.append(("best", self._evaluator(self.model)))
        if last:
            load_weights(self.model, average(last))
            tried.append(("average", self._evaluator(self.model)))
        place = best_of(self._config.best_metric, [values[self._config.best_metric] for _, values in tried])
        weights, validation = tried[place]
        kept = own if weights == "last" else load_file(self._best) if weights == "best" else average(last)
        load_weights(self.model, kept)
        return weights, validation

    def _evaluator_for(self, dev: TrainingSet) -> PoolEvaluator:
        return PoolEvaluator(
            dev,
            hard_negatives=self._config.dev_hard_negatives,
            other_negatives=self._config.dev_other_negatives,
            similarity=self._config.similarity,
            bfloat16=self._bfloat16,
            chunk_tokens=self._chunk(),
        )

    def _loss(self, train: TrainingSet, token: str | None) -> RetrievalLoss:
        config = self._config
        unit = tower_of(self.model, "passage").part.normalize
        bounded = unit or config.similarity == "cosine"
        teacher = None
        if config.teacher is not None:
            teacher = CrossEncoderTeacher(load_cross_encoder(config.teacher, device=self._device, token=token), train)
        options = LossOptions(
            loss=config.loss,
            similarity=config.similarity,
            scale=config.scale or (_SCALE_OF_UNIT_VECTORS if bounded and config.loss == "nll" else 1.0),
            margin=config.margin,
            dimensions=self._dimensions(),
            unit=unit,
            chunk_tokens=self._chunk(),
            grad_cache=self._device != "cpu" if config.grad_cache is None else config.grad_cache,
            gather=config.gather,
        )
        match = "regex" if config.regex else "string"
        false_negatives = FalseNegatives(train, same_answer=config.mask_same_answer, match=match)
        return RetrievalLoss(self.model, options, false_negatives.mask, teacher)

    def _dimensions(self) -> tuple[int, ...]:
        whole = tower_of(self.model, "passage").part.dimension
        if any(each > whole for each in self._config.matryoshka):
            msg = f"matryoshka names {max(self._config.matryoshka)} numbers, but vectors have {whole}"
            raise InputError(msg)
        return tuple(dict.fromkeys((whole, *self._config.matryoshka))) if self._config.matryoshka else ()

    def _chunk(self) -> int:
        return self._config.chunk_tokens or (_CPU_CHUNK if self._device == "cpu" else _GPU_CHUNK)

    def _schedule(self, an_epoch: int) -> ScheduleOptions:
        """The schedule of a training with so many steps an epoch."""
        config = self._config
        steps = config.max_steps or an_epoch * config.epochs
        return ScheduleOptions(
            output_dir=self._checkpoints,
            batch_size=config.batch_size,
            epochs=config.epochs,
            max_steps=config.max_steps,
            learning_rate=config.learning_rate,
            warmup_steps=min(_RELEASED_WARMUP, steps // 10) if config.warmup_steps is None else config.warmup_steps,
            weight_decay=config.weight_decay,
            max_grad_norm=config.max_grad_norm,
            checkpoint_steps=config.checkpoint_steps,
            checkpoints=config.keep_checkpoints,
            evaluate_steps=config.evaluate_steps or min(an_epoch, steps),
            log_steps=config.log_steps,
            bfloat16=self._bfloat16,
            cpu=self._device == "cpu",
            tensorboard=_with_tensorboard(config),
            seed=config.seed,
        )


def _towers(config: TrainingConfig, device: str, token: str | None) -> SentenceTransformer:
    question = load_trainable(config.model, "question", _tower_options(config, "question"), device=device, token=token)
    passage = question
    if not config.tie_encoders:
        options = _tower_options(config, "passage")
        passage = load_trainable(config.passage_model or config.model, "passage", options, device=device, token=token)
    models = {"question": config.model, "passage": config.passage_model or config.model}
    check_dimensions(models, {"question": question.part.dimension, "passage": passage.part.dimension})
    if config.lora_rank:
        require("peft", "train", "training adapters (lora_rank)")
        from dpr_haystack.engines.training.adapters import AdapterOptions, add_adapters

        adapters = AdapterOptions(config.lora_rank, config.lora_alpha or 2 * config.lora_rank, config.lora_dropout)
        for tower in dict.fromkeys((question, passage)):
            if not tower.frozen:
                add_adapters(tower, adapters)
    return two_towers(question, passage, device)


def _tower_options(config: TrainingConfig, role: Role) -> TowerOptions:
    longest = config.max_question_length if role == "question" else config.max_passage_length
    if config.tie_encoders:
        longest = config.max_passage_length
    return TowerOptions(
        max_length=longest,
        pooling=config.pooling,
        normalize=config.normalize,
        similarity=config.similarity,
        dropout=config.dropout,
        layers=config.layers,
        frozen=role == "passage" and config.freeze_passage_tower,
        freeze_embeddings=config.freeze_embeddings,
        attention=config.attention,
        checkpointing=config.gradient_checkpointing,
    )


def _draw(config: TrainingConfig) -> DrawRules:
    return DrawRules(
        hard_negatives=config.hard_negatives,
        other_negatives=config.other_negatives,
        positive=config.positive,
        negative=config.negative,
        fallback=config.fallback,
        seed=config.seed,
    )


def _order(config: TrainingConfig, train: TrainingSet) -> QuestionOrder:
    if config.neighbourhood:
        return neighbours_together(train.rows, config.neighbourhood, config.seed)
    return at_random(len(train.rows), config.seed)


def _with_tensorboard(config: TrainingConfig) -> bool:
    there = find_spec("tensorboard") is not None
    if config.tensorboard and not there:
        msg = "tensorboard: true needs the package tensorboard: pip install tensorboard, or leave the setting out"
        raise InputError(msg)
    return there if config.tensorboard is None else config.tensorboard


def _least(config: TrainingConfig, count: int) -> int:
    """How many questions the last batch of an epoch needs: those of one passage have a negative only if they bring it.

    :param config: The configuration.
    :param count: How many questions there are.
    """
    if config.hard_negatives or config.other_negatives:
        return 1
    return min(count, config.batch_size) if config.neighbourhood else 2


def _snapshot(model: SentenceTransformer) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in trained_weights(model).items()}
