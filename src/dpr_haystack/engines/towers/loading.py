# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Loading encoders: from DPR, BERT-like and sentence-transformers checkpoints, from the original DPR repository's
``.cp`` files, and from model directories.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoModel, BertConfig, DPRContextEncoder, DPRQuestionEncoder

from dpr_haystack.core.identity import PUBLISHED_PAIRS, EncoderIdentity
from dpr_haystack.core.model_directory import POOLINGS, ROLES, Part, Role, is_model_directory
from dpr_haystack.engines.checkpoints.fingerprints import fingerprint_of_files, fingerprint_of_tensors
from dpr_haystack.engines.checkpoints.hub import locate, looks_like_a_path
from dpr_haystack.engines.checkpoints.precision import resolve_dtype
from dpr_haystack.engines.checkpoints.prepacked import prepack
from dpr_haystack.engines.checkpoints.pretrained import load_pretrained
from dpr_haystack.engines.checkpoints.runtime import check_device, quiet
from dpr_haystack.engines.checkpoints.source import DPR_CLASSES, TowerSource
from dpr_haystack.engines.checkpoints.tokenization import PairTokenizer, load_tokenizer, longest_input
from dpr_haystack.engines.towers.adapters import apply_adapter
from dpr_haystack.engines.towers.encoder import Encoder
from dpr_haystack.engines.towers.heads import load_dense
from dpr_haystack.engines.towers.inspection import inspect_folder
from dpr_haystack.engines.towers.network import TowerNetwork
from dpr_haystack.engines.towers.original import OriginalCheckpoint, build_tower, read_original, tower_state
from dpr_haystack.errors import InputError, ModelError

_CLASSES = {"DPRQuestionEncoder": DPRQuestionEncoder, "DPRContextEncoder": DPRContextEncoder, "AutoModel": AutoModel}


@dataclass(frozen=True)
class LoadedTower:
    """A tower's model and tokenizer as transformers loads them, to encode, train or convert.

    :param source: Its files and how it is used.
    :param model: The transformers model.
    :param tokenizer: The transformers tokenizer.
    :param dense: Linear layers after the pooling.
    :param identity: Identifies the weights.
    :param verbatim: Whether a model directory can take the source's files unchanged: safetensors in a transformers
        folder.
    """

    source: TowerSource
    model: Any
    tokenizer: Any
    dense: tuple[nn.Module, ...]
    identity: EncoderIdentity
    verbatim: bool


def load_encoder(
    model: str,
    role: Role,
    *,
    device: str = "cpu",
    token: str | None = None,
    dtype: str = "auto",
    max_length: int | None = None,
    pooling: str | None = None,
    normalize: bool | None = None,
) -> Encoder:
    """Load the tower for a role.

    :param model: A name on the hub or a path: a DPR checkpoint, a BERT-like encoder, a sentence-transformers folder,
        a ``.cp`` file of the original repository, or a model directory, whose tower for the role is loaded.
    :param role: ``"question"`` or ``"passage"``.
    :param device: A torch device, e.g. ``"cpu"`` or ``"cuda:0"``.
    :param token: A hub token.
    :param dtype: See :func:`dpr_haystack.engines.checkpoints.precision.resolve_dtype`.
    :param max_length: Longest input in tokens; ``None`` for the checkpoint's own (256 where it has none).
    :param pooling: ``"cls"``, ``"mean"`` or another pooling; ``None`` for the checkpoint's own (``"cls"`` if it has
        none).
    :param normalize: Whether vectors are scaled to length 1; ``None`` for the checkpoint's own setting (no if it has
        none).
    :returns: The encoder.
    :raises ModelError: If the model cannot be found or is not an encoder.
    :raises InputError: If the checkpoint is for the other role, does not support a setting, or the device is not
        available.
    """
    check_device(device)
    torch_dtype = resolve_dtype(dtype, device)
    tower = used_with(load_tower(model, role, token=token, dtype=torch_dtype), pooling=pooling, normalize=normalize)
    part = as_part(tower, role, max_length=max_length)
    network = TowerNetwork(tower.model, tower.dense, part, skip_full_mask=True).requires_grad_(False).to(device)
    network.backbone.to(torch_dtype)
    prepack(network.backbone)
    return Encoder(network, PairTokenizer(tower.tokenizer, max_length=part.max_length), part, tower.identity)


def used_with(
    tower: LoadedTower,
    *,
    pooling: str | None = None,
    normalize: bool | None = None,
    dimension: int | None = None,
) -> LoadedTower:
    """A tower with another pooling, normalisation or dimension.

    :param tower: The tower.
    :param pooling: One of :data:`~dpr_haystack.core.model_directory.POOLINGS`; ``None`` for its own.
    :param normalize: Whether vectors are scaled to length 1; ``None`` for its own setting.
    :param dimension: Keep only so many components of each vector, the first ones; ``None`` for its own dimension.
    :returns: The changed tower.
    :raises InputError: If the pooling is unknown, or the vectors have fewer components.
    """
    source = tower.source
    if dimension is not None and not 1 <= dimension <= _dimension(tower):
        msg = f"dimension must be from 1 to {_dimension(tower)}, the dimension of {source.folder}: got {dimension}"
        raise InputError(msg)
    changed = replace(
        source,
        pooling=_known_pooling(pooling) if pooling is not None else source.pooling,
        normalize=source.normalize if normalize is None else normalize,
        dimension=source.dimension if dimension is None else dimension,
    )
    return replace(tower, source=changed)


def load_tower(
    model: str,
    role: Role,
    *,
    token: str | None = None,
    dtype: torch.dtype = torch.float32,
    base_model: str | None = None,
) -> LoadedTower:
    """Load a tower's model and tokenizer.

    :param model: As for :func:`load_encoder`.
    :param role: ``"question"`` or ``"passage"``.
    :param token: A hub token.
    :param dtype: The dtype to load weights in.
    :param base_model: For a ``.cp`` file: the source of its configuration and vocabulary, by path or name; for an
        adapter: its base. ``None`` for the one that it names.
    :returns: The tower.
    :raises InputError: If the path is the folder of the other role in a model directory.
    """
    path = _whole_model(locate(model, token), role)
    name = str(path) if Path(model).expanduser().exists() or looks_like_a_path(model) else model
    with quiet():
        if path.is_file():
            return _load_original(path, role, token, base_model)
        source = inspect_folder(path, role, base_model)
        loaded = _load_transformers(source, dtype)
        tokenizer = load_tokenizer(source.folder, loaded.config, lowercase=source.lowercase)
    dense = tuple(load_dense(folder) for folder in source.dense)
    safe = source.adapter is None and all(path.suffix == ".safetensors" for path in source.weights)
    tower = LoadedTower(source, loaded, tokenizer, dense, _identity(name, source, role), verbatim=safe)
    dimension = _dimension(tower)
    if dimension < full_dimension(tower):
        return replace(tower, identity=tower.identity.shortened(dimension))
    return tower


def _whole_model(path: Path, role: Role) -> Path:
    """The model directory of a tower that is named by its own folder: how it is used is recorded in ``dpr.json``."""
    if path.name not in ROLES or not is_model_directory(path.parent):
        return path
    if path.name != role:
        msg = f"{path} is the {path.name} tower of {path.parent}: expected its {role} tower; use {path.parent}"
        raise InputError(msg)
    return path.parent


def _load_transformers(source: TowerSource, dtype: torch.dtype) -> Any:
    source.weights  # noqa: B018 -- raises a clearer error than transformers if files are missing
    cls = _CLASSES[source.class_name]
    loading_dtype = dtype if source.adapter is None else torch.float32
    # without attn_implementation: transformers takes fused attention where the class has it, else the class's own
    model = load_pretrained(cls, source.folder, "encoder", dtype=loading_dtype)
    if source.adapter is not None:
        apply_adapter(model, source.adapter)
    return model.to(dtype)


def _load_original(path: Path, role: Role, token: str | None, base_model: str | None) -> LoadedTower:
    checkpoint = read_original(path)
    base = base_model or checkpoint.base
    try:
        folder = locate(base, token, weights=False)
    except ModelError as error:
        msg = (
            f"{path} holds only weights; configuration and vocabulary come from {base!r}, which is not available. "
            f"Convert it once with a local copy: dpr-haystack convert {path} --base-model PATH --output DIR. ({error})"
        )
        raise ModelError(msg) from error
    model = build_tower(checkpoint, role, BertConfig.from_pretrained(str(folder)))
    tokenizer = load_tokenizer(folder, model.config, cased=not checkpoint.lowercase)
    source = TowerSource(folder, DPR_CLASSES[role], "cls", max_length=checkpoint.max_length)
    identity = _identity_of_original(path, role, checkpoint)
    return LoadedTower(source, model, tokenizer, (), identity, verbatim=False)


def _identity(name: str, source: TowerSource, role: Role) -> EncoderIdentity:
    fingerprint = fingerprint_of_files(source.weights)
    if source.passage_weights is None:
        return EncoderIdentity(name, fingerprint, PUBLISHED_PAIRS.get(name), None)
    passage = fingerprint if role == "passage" else fingerprint_of_files(source.passage_weights)
    return EncoderIdentity(name, fingerprint, name, passage)


def _identity_of_original(path: Path, role: Role, checkpoint: OriginalCheckpoint) -> EncoderIdentity:
    tower, passage = (fingerprint_of_tensors(tower_state(checkpoint, name).items()) for name in (role, "passage"))
    return EncoderIdentity(str(path), tower, str(path), passage)


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
    return int(getattr(config, "projection_dim", 0) or config.hidden_size)


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
