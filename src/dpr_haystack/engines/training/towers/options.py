# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The settings of each part of a training, from its configuration."""

from __future__ import annotations

from collections import Counter

from dpr_haystack.core.model_directory import Part, Role
from dpr_haystack.core.question_order import QuestionOrder, neighbourhood_order, random_order
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.core.training_config import TrainingConfig
from dpr_haystack.core.training_set import DrawRules, TrainingSet, has_negatives
from dpr_haystack.engines.training.towers.losses import LossOptions
from dpr_haystack.engines.training.towers.trainable import TowerOptions
from dpr_haystack.errors import InputError

_CPU_CHUNK, _GPU_CHUNK = 2048, 16384
# the default of sentence-transformers for unit vectors, whose inner products are between -1 and 1
_SCALE_OF_UNIT_VECTORS = 20.0


def tower_options(config: TrainingConfig, role: Role) -> TowerOptions:
    """How a tower is prepared.

    :param config: The configuration.
    :param role: ``"question"`` or ``"passage"``.
    :returns: The settings of the tower.
    """
    frozen = role == "passage" and config.freeze_passage_tower
    max_length = config.max_question_length if role == "question" else config.max_passage_length
    if config.tie_encoders:
        max_length = config.max_passage_length
    return TowerOptions(
        # the vectors of a frozen tower must stay equal to those of a store
        max_length=None if frozen else max_length,
        pooling=config.pooling,
        # a store compares by inner product: with unit vectors it ranks as in training
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
    """Which passages a question is trained with.

    :param config: The configuration.
    :returns: The rules.
    """
    return DrawRules(
        hard_negatives=config.hard_negatives,
        other_negatives=config.other_negatives,
        positive=config.positive,
        negative=config.negative,
        fallback=config.fallback,
        seed=config.seed,
    )


def question_order(config: TrainingConfig, train: TrainingSet) -> QuestionOrder:
    """The order of the questions in each epoch.

    :param config: The configuration.
    :param train: The questions.
    :returns: The order.
    :raises InputError: If the questions of one passage may fill a batch, which would then have no negatives.
    """
    if config.neighbourhood:
        rules = draw_rules(config)
        positives = (row.positives[0] for row in train.rows if not has_negatives(rules, row))
        most = max(Counter(positives).values(), default=0)
        if most >= config.batch_size:
            msg = (
                f"with neighbourhood, batch_size must be above {most}: got {config.batch_size}. One passage has {most} "
                "questions without negatives of their own, which could fill a batch. Raise batch_size above that, or "
                "mine negatives and raise hard_negatives"
            )
            raise InputError(msg)
        return neighbourhood_order(train.rows, config.neighbourhood, config.seed)
    return random_order(len(train.rows), config.seed)


def min_batch_size(config: TrainingConfig, train: TrainingSet) -> int:
    """The number of questions that the last batch of an epoch needs to have negatives.

    :param config: The configuration.
    :param train: The questions.
    :returns: The number: 1 if all questions have negatives of their own.
    """
    rules = draw_rules(config)
    if all(has_negatives(rules, row) for row in train.rows):
        return 1
    return min(len(train.rows), config.batch_size) if config.neighbourhood else 2


def check_negatives(config: TrainingConfig, train: TrainingSet) -> None:
    """Check that distillation has negatives: a teacher scores a question's own negatives only.

    :param config: The configuration.
    :param train: The questions.
    :raises InputError: If the loss needs negatives and no question has its own.
    """
    rules = draw_rules(config)
    if config.loss in ("margin_mse", "kl") and not any(has_negatives(rules, row) for row in train.rows):
        msg = (
            f"loss {config.loss} needs questions with negatives: with hard_negatives {config.hard_negatives} and "
            f"other_negatives {config.other_negatives}, none of the {len(train.rows)} questions has any; mine them "
            "first (dpr-haystack mine)"
        )
        raise InputError(msg)


def loss_options(config: TrainingConfig, passage: Part, device: str) -> LossOptions:
    """The settings of the loss.

    :param config: The configuration.
    :param passage: How the passage tower is used.
    :param device: The torch device of the training.
    :returns: The settings.
    :raises InputError: If ``matryoshka`` has a dimension above that of the vectors.
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


def _dimensions(config: TrainingConfig, full: int) -> tuple[int, ...]:
    if any(dimension > full for dimension in config.matryoshka):
        msg = (
            f"matryoshka dimensions must be at most {full}, the dimension of the vectors: got {max(config.matryoshka)}"
        )
        raise InputError(msg)
    return tuple(dict.fromkeys((full, *config.matryoshka))) if config.matryoshka else ()


def chunk_tokens(config: TrainingConfig, device: str) -> int:
    """The number of tokens that are encoded at a time.

    :param config: The configuration.
    :param device: The torch device of the training.
    :returns: The number.
    """
    return config.chunk_tokens or (_CPU_CHUNK if device == "cpu" else _GPU_CHUNK)
