# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A loaded tower and how it is used: pooling, normalisation, dimension, lengths."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from dpr_haystack.core.identity import EncoderIdentity
from dpr_haystack.core.model_directory import POOLINGS, Part, Role
from dpr_haystack.engines.checkpoints.source import TowerSource
from dpr_haystack.engines.checkpoints.tokenization import longest_input
from dpr_haystack.errors import InputError


@dataclass(frozen=True)
class LoadedTower:
    """A tower's model and tokenizer as transformers loads them, to encode, train or convert.

    :param source: Its files and how it is used.
    :param model: The transformers model.
    :param tokenizer: The transformers tokenizer.
    :param dense: Linear layers after the pooling.
    :param weights: Identifies the weights.
    :param verbatim: Whether a model directory can take the source's files unchanged: safetensors in a transformers
        folder.
    """

    source: TowerSource
    model: Any
    tokenizer: Any
    dense: tuple[nn.Module, ...]
    weights: EncoderIdentity
    verbatim: bool

    @property
    def identity(self) -> EncoderIdentity:
        """Identifies the weights, and the dimension if vectors are shortened."""
        dimension = _dimension(self)
        return self.weights.shortened(dimension) if dimension < full_dimension(self) else self.weights


@dataclass(frozen=True)
class TowerUse:
    """What is changed about how a tower is used; ``None`` for nothing.

    :param pooling: One of :data:`~dpr_haystack.core.model_directory.POOLINGS`.
    :param normalize: Whether vectors are scaled to length 1.
    :param dimension: Keep only so many components of each vector, the first ones. Normalised vectors are scaled to
        length 1 again.
    :param prefix: Text put before every input, instead of the model's own prompt.
    :param suffix: Text put after every input.
    """

    pooling: str | None = None
    normalize: bool | None = None
    dimension: int | None = None
    prefix: str | None = None
    suffix: str = ""


def used_with(tower: LoadedTower, use: TowerUse) -> LoadedTower:
    """A tower with another pooling, normalisation, dimension or prompt.

    :param tower: The tower.
    :param use: What is changed.
    :returns: The changed tower.
    :raises InputError: If the pooling is unknown, or the vectors have fewer components.
    """
    source, dimension = tower.source, use.dimension
    if dimension is not None and not 1 <= dimension <= _dimension(tower):
        msg = f"dimension must be from 1 to {_dimension(tower)}, the dimension of {source.folder}: got {dimension}"
        raise InputError(msg)
    changed = replace(
        source,
        pooling=_known_pooling(use.pooling) if use.pooling is not None else source.pooling,
        normalize=source.normalize if use.normalize is None else use.normalize,
        dimension=source.dimension if dimension is None else dimension,
        prompt=source.prompt if use.prefix is None else use.prefix,
    )
    return replace(tower, source=changed)


def changed_settings(original: LoadedTower, changed: LoadedTower, use: TowerUse) -> dict[str, Any]:
    """The settings by which a tower makes other vectors than in its own way; the dimension is part of its identity.

    :param original: The tower as it was loaded.
    :param changed: The tower as it is used.
    :param use: What was changed.
    :returns: The settings by name.
    """
    names = ("pooling", "normalize", "prompt")
    values = {name: (getattr(original.source, name), getattr(changed.source, name)) for name in names}
    changes: dict[str, Any] = {name: now for name, (before, now) in values.items() if now != before}
    return {**changes, "suffix": use.suffix} if use.suffix else changes


def as_part(tower: LoadedTower, role: Role, *, max_length: int | None = None) -> Part:
    """How a loaded tower is used, as recorded in a model directory.

    :param tower: The tower.
    :param role: ``"question"`` or ``"passage"``.
    :param max_length: Longest input in tokens; None for the tower's own.
    :returns: The part.
    :raises InputError: If the tower cannot read inputs of that length.
    """
    source = tower.source
    limit = longest_input(tower.tokenizer, tower.model.config)
    return Part(
        role=role,
        pooling=source.pooling,
        normalize=source.normalize,
        similarity=source.similarity,
        max_length=_length(source.folder, max_length, source.max_length, limit),
        dimension=_dimension(tower),
        prompt=source.prompt,
        lowercase=source.lowercase,
        dense=tuple(folder.name for folder in source.dense),
    )


def _dimension(tower: LoadedTower) -> int:
    full = full_dimension(tower)
    return min(full, tower.source.dimension or full)


def full_dimension(tower: LoadedTower) -> int:
    """The dimension of a tower's vectors before they are shortened.

    :param tower: The tower.
    :returns: The number of components.
    """
    layers = [layer for part in tower.dense for layer in part.modules() if isinstance(layer, nn.Linear)]
    if layers:
        return int(layers[-1].out_features)
    config = tower.model.config
    projected = config.projection_dim if config.model_type == "dpr" else 0
    return int(projected or config.get_text_config().hidden_size)


def _length(model: Path, requested: int | None, default: int | None, limit: int) -> int:
    if requested is not None and requested > limit:
        msg = f"max_length must be at most {limit}, the limit of {model}: got {requested}"
        raise InputError(msg)
    return min(requested or default or limit, limit)


def _known_pooling(pooling: str) -> str:
    if pooling not in POOLINGS:
        msg = f"pooling must be one of {', '.join(POOLINGS)}: got {pooling!r}"
        raise InputError(msg)
    return pooling
