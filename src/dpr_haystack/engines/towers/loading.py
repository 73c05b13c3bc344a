# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Loading encoders: from DPR, BERT-like and sentence-transformers checkpoints, from the original DPR repository's
``.cp`` files, and from model directories.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import BertConfig

from dpr_haystack.core.identity import PUBLISHED_PAIRS, EncoderIdentity
from dpr_haystack.core.model_directory import ROLES, Role, is_model_directory
from dpr_haystack.engines.checkpoints.adapters import apply_adapter
from dpr_haystack.engines.checkpoints.families import ignores_padding, type_of_cls
from dpr_haystack.engines.checkpoints.fingerprints import fingerprint_of_files, fingerprint_of_tensors
from dpr_haystack.engines.checkpoints.hub import locate, looks_like_a_path
from dpr_haystack.engines.checkpoints.options import LoadOptions
from dpr_haystack.engines.checkpoints.precision import load_working
from dpr_haystack.engines.checkpoints.prepacked import prepack
from dpr_haystack.engines.checkpoints.pretrained import load_pretrained
from dpr_haystack.engines.checkpoints.runtime import check_device, quiet
from dpr_haystack.engines.checkpoints.source import DPR_CLASSES, TowerSource
from dpr_haystack.engines.checkpoints.tokenization import PairTokenizer, load_tokenizer
from dpr_haystack.engines.towers.encoder import Encoder
from dpr_haystack.engines.towers.heads import load_dense
from dpr_haystack.engines.towers.inspection import inspect_folder
from dpr_haystack.engines.towers.network import TowerNetwork
from dpr_haystack.engines.towers.original import OriginalCheckpoint, build_tower, read_original, tower_state
from dpr_haystack.engines.towers.tower import LoadedTower, TowerUse, as_part, changed_settings, used_with
from dpr_haystack.errors import InputError, ModelError


def load_encoder(
    model: str,
    role: Role,
    *,
    device: str = "cpu",
    token: str | None = None,
    dtype: str = "auto",
    max_length: int | None = None,
    use: TowerUse | None = None,
    options: LoadOptions | None = None,
) -> Encoder:
    """Load the tower for a role.

    :param model: A name on the hub or a path: a DPR checkpoint, a BERT-like encoder, a sentence-transformers folder,
        a ``.cp`` file of the original repository, or a model directory, whose tower for the role is loaded.
    :param role: ``"question"`` or ``"passage"``.
    :param device: A torch device, e.g. ``"cpu"`` or ``"cuda:0"``.
    :param token: A hub token.
    :param dtype: See :func:`dpr_haystack.engines.checkpoints.precision.load_working`.
    :param max_length: Longest input in tokens; ``None`` for the checkpoint's own (256 where it has none).
    :param use: What is changed about pooling, dimension and prompt; ``None`` for the checkpoint's own way.
    :param options: Further arguments for transformers and the hub.
    :returns: The encoder.
    :raises ModelError: If the model cannot be found, is not an encoder, or cannot compute vectors.
    :raises InputError: If the checkpoint is for the other role, does not support a setting, or the device is not
        available.
    """
    check_device(device)
    options = options or LoadOptions()
    place = None if options.places_model else device

    def loaded(in_dtype: torch.dtype) -> Encoder:
        original = load_tower(model, role, token=token, dtype=in_dtype, options=options)
        return _encoder(original, role, place, max_length, use or TowerUse(), options)

    return load_working(loaded, dtype, device, options.dtype, task="encode texts")


def _encoder(
    original: LoadedTower, role: Role, device: str | None, max_length: int | None, use: TowerUse, options: LoadOptions
) -> Encoder:
    """The encoder on a device; ``None`` for where the model is."""
    tower = used_with(original, use)
    part = as_part(tower, role, max_length=max_length)
    cls_type = type_of_cls(tower.model, tower.tokenizer)
    skip_full_mask = ignores_padding(tower.model.config)
    network = TowerNetwork(tower.model, tower.dense, part, cls_type=cls_type, skip_full_mask=skip_full_mask)
    network.requires_grad_(False).to(device or tower.model.device)
    prepack(network.backbone)
    settings = {**changed_settings(original, tower, use), **options.settings}
    tokenizer = PairTokenizer(tower.tokenizer, max_length=part.max_length)
    identity = tower.identity.configured(settings, role)
    return Encoder(network, tokenizer, part, identity, folder=tower.source.folder, suffix=use.suffix)


def load_tower(
    model: str,
    role: Role,
    *,
    token: str | None = None,
    dtype: torch.dtype = torch.float32,
    base_model: str | None = None,
    options: LoadOptions | None = None,
) -> LoadedTower:
    """Load a tower's model and tokenizer.

    :param model: As for :func:`load_encoder`.
    :param role: ``"question"`` or ``"passage"``.
    :param token: A hub token.
    :param dtype: The dtype to load weights in.
    :param base_model: For a ``.cp`` file: the source of its configuration and vocabulary, by path or name; for an
        adapter: its base. ``None`` for the one that it names.
    :param options: Further arguments for transformers and the hub.
    :returns: The tower.
    :raises InputError: If the path is the folder of the other role in a model directory.
    """
    options = options or LoadOptions()
    found = locate(model, token, revision=options.revision, code=options.trust_remote_code)
    path = _whole_model(found, role)
    name = str(path) if Path(model).expanduser().exists() or looks_like_a_path(model) else model
    with quiet():
        if path.is_file():
            return _load_original(path, role, token, base_model, dtype)
        source = inspect_folder(path, role, base_model)
        loaded = _load_transformers(source, dtype, options)
        tokenizer = load_tokenizer(
            source.folder, loaded.config, lowercase=source.lowercase, options=options.for_tokenizer()
        )
    dense = tuple(load_dense(folder) for folder in source.dense)
    safe = source.adapter is None and all(path.suffix == ".safetensors" for path in source.weights)
    return LoadedTower(source, loaded, tokenizer, dense, _identity(name, source, role), verbatim=safe)


def _whole_model(path: Path, role: Role) -> Path:
    """The model directory of a tower that is named by its own folder: how it is used is recorded in ``dpr.json``."""
    if path.name not in ROLES or not is_model_directory(path.parent):
        return path
    if path.name != role:
        msg = f"{path} is the {path.name} tower of {path.parent}: expected its {role} tower; use {path.parent}"
        raise InputError(msg)
    return path.parent


def _load_transformers(source: TowerSource, dtype: torch.dtype, options: LoadOptions) -> Any:
    source.weights  # noqa: B018 -- raises a clearer error than transformers if files are missing
    cls = getattr(transformers, source.class_name)
    loading_dtype = dtype if source.adapter is None else torch.float32
    # without attn_implementation: transformers takes fused attention where the class has it, else the class's own
    model = load_pretrained(cls, source.folder, "encoder", **options.for_model(source.folder, loading_dtype))
    if source.adapter is not None:
        apply_adapter(model, source.adapter)
        return model.to(dtype)
    return model


def _load_original(
    path: Path, role: Role, token: str | None, base_model: str | None, dtype: torch.dtype
) -> LoadedTower:
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
    model = build_tower(checkpoint, role, BertConfig.from_pretrained(str(folder))).to(dtype)
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
