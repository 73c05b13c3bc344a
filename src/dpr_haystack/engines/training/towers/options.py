# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What a configuration says to each part of a training."""

from __future__ import annotations

from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import torch

from dpr_haystack.core.model_directory import Part, Role
from dpr_haystack.core.question_order import QuestionOrder, neighbourhood_order, random_order
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.core.training_config import TrainingConfig
from dpr_haystack.core.training_set import DrawRules, TrainingSet, has_negatives
from dpr_haystack.engines.checkpoints.precision import resolve_dtype
from dpr_haystack.engines.training.towers.losses import LossOptions
from dpr_haystack.engines.training.towers.trainable import TowerOptions
from dpr_haystack.engines.training.towers.trainer import ScheduleOptions
from dpr_haystack.errors import InputError

_CPU_CHUNK, _GPU_CHUNK = 2048, 16384
# the scale that sentence-transformers trains unit vectors with: their inner products lie between -1 and 1
_SCALE_OF_UNIT_VECTORS = 20.0
_RELEASED_WARMUP = 1237


def tower_options(config: TrainingConfig, role: Role) -> TowerOptions:
    """How a tower is made ready.

    :param config: The configuration.
    :param role: ``"question"`` or ``"passage"``.
    """
    frozen = role == "passage" and config.freeze_passage_tower
    longest = config.max_question_length if role == "question" else config.max_passage_length
    if config.tie_encoders:
        longest = config.max_passage_length
    return TowerOptions(
        # vectors of a frozen tower stay those of a store: nothing about it changes
        max_length=None if frozen else longest,
        pooling=config.pooling,
        # so that a store, which compares by inner product, ranks as they were trained
        normalize=True if config.similarity == "cosine" else config.normalize,
        similarity=Similarity.parse(config.similarity),
        dropout=config.dropout,
        layers=None if frozen else config.layers,
        frozen=frozen,
        freeze_embeddings=config.freeze_embeddings,
        attention=config.attention,
        checkpointing=config.gradient_checkpointing,
    )


def draw_rules(config: TrainingConfig) -> DrawRules:
    """Which passages a question is trained with."""
    return DrawRules(
        hard_negatives=config.hard_negatives,
        other_negatives=config.other_negatives,
        positive=config.positive,
        negative=config.negative,
        fallback=config.fallback,
        seed=config.seed,
    )


def question_order(config: TrainingConfig, train: TrainingSet) -> QuestionOrder:
    """In which order each epoch takes the questions.

    :param config: The configuration.
    :param train: The questions.
    :raises InputError: If the questions of one passage fill a batch, which then has no negative: better now than in the
        middle of an epoch.
    """
    if config.neighbourhood:
        rules = draw_rules(config)
        alone = (row.positives[0] for row in train.rows if not has_negatives(rules, row))
        most = max(Counter(alone).values(), default=0)
        if most >= config.batch_size:
            msg = (
                f"neighbourhood puts the questions of a passage together, one passage has {most} without negatives of "
                f"their own, and batch_size is {config.batch_size}: a batch might have no negative. Raise batch_size "
                f"above {most}, or mine negatives and raise hard_negatives"
            )
            raise InputError(msg)
        return neighbourhood_order(train.rows, config.neighbourhood, config.seed)
    return random_order(len(train.rows), config.seed)


def fewest_in_a_batch(config: TrainingConfig, train: TrainingSet) -> int:
    """How many questions the last batch of an epoch needs: those of one passage have a negative only if they bring it.

    :param config: The configuration.
    :param train: The questions.
    """
    rules = draw_rules(config)
    if all(has_negatives(rules, row) for row in train.rows):
        return 1
    return min(len(train.rows), config.batch_size) if config.neighbourhood else 2


def check_negatives(config: TrainingConfig, train: TrainingSet) -> None:
    """See that there is something to distil: a teacher says how far a question's own negatives lie behind.

    :param config: The configuration.
    :param train: The questions.
    :raises InputError: If no question has negatives of its own, and the loss needs them.
    """
    rules = draw_rules(config)
    if config.loss in ("margin_mse", "kl") and not any(has_negatives(rules, row) for row in train.rows):
        msg = (
            f"loss {config.loss} compares a question's positive with its own negatives, and with hard_negatives "
            f"{config.hard_negatives} and other_negatives {config.other_negatives} none of the {len(train.rows)} "
            "questions has any: mine them first (dpr-haystack mine)"
        )
        raise InputError(msg)


def loss_options(config: TrainingConfig, passage: Part, device: str) -> LossOptions:
    """Which loss.

    :param config: The configuration.
    :param passage: How the passage tower is used.
    :param device: Where it is trained.
    :raises InputError: If ``matryoshka`` names more numbers than vectors have.
    """
    bounded = passage.normalize or config.similarity == "cosine"
    return LossOptions(
        loss=config.loss,
        similarity=Similarity.parse(config.similarity),
        scale=config.scale or (_SCALE_OF_UNIT_VECTORS if bounded and config.loss != "triplet" else 1.0),
        margin=config.margin,
        dimensions=_dimensions(config, passage.dimension),
        unit=passage.normalize,
        chunk_tokens=chunk_tokens(config, device),
        grad_cache=device != "cpu" if config.grad_cache is None else config.grad_cache,
        gather=config.gather,
    )


def _dimensions(config: TrainingConfig, whole: int) -> tuple[int, ...]:
    if any(each > whole for each in config.matryoshka):
        msg = f"matryoshka names {max(config.matryoshka)} numbers, but vectors have {whole}"
        raise InputError(msg)
    return tuple(dict.fromkeys((whole, *config.matryoshka))) if config.matryoshka else ()


def chunk_tokens(config: TrainingConfig, device: str) -> int:
    """How many tokens are encoded at a time."""
    return config.chunk_tokens or (_CPU_CHUNK if device == "cpu" else _GPU_CHUNK)


def in_bfloat16(config: TrainingConfig, device: str) -> bool:
    """Whether matrices are multiplied in bfloat16."""
    return resolve_dtype(config.dtype, device) == torch.bfloat16


def schedule(config: TrainingConfig, an_epoch: int, output_dir: Path, device: str) -> ScheduleOptions:
    """How long and how fast.

    :param config: The configuration.
    :param an_epoch: How many steps an epoch has.
    :param output_dir: Where checkpoints go.
    :param device: Where it is trained.
    :raises InputError: If TensorBoard is asked for and not there.
    """
    steps = config.max_steps or an_epoch * config.epochs
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
        evaluate_steps=config.evaluate_steps or min(an_epoch, steps),
        log_steps=config.log_steps,
        bfloat16=in_bfloat16(config, device),
        cpu=device == "cpu",
        tensorboard=_with_tensorboard(config),
        seed=config.seed,
    )


def _with_tensorboard(config: TrainingConfig) -> bool:
    there = find_spec("tensorboard") is not None
    if config.tensorboard and not there:
        msg = "tensorboard: true needs the package tensorboard: pip install tensorboard, or leave the setting out"
        raise InputError(msg)
    return there if config.tensorboard is None else config.tensorboard
