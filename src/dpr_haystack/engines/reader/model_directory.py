# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Adding a reader to a model directory, whole or as an adapter."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from dpr_haystack.core.files import atomic_directory
from dpr_haystack.core.model_directory import (
    LAYOUT,
    READER,
    ModelManifest,
    is_model_directory,
    read_manifest,
    reader_part,
    write_manifest,
)
from dpr_haystack.engines.checkpoints.folders import copy_transformers_folder
from dpr_haystack.engines.checkpoints.hub import locate, looks_like_a_path
from dpr_haystack.engines.checkpoints.options import LoadOptions
from dpr_haystack.engines.checkpoints.runtime import quiet
from dpr_haystack.engines.checkpoints.tokenization import load_tokenizer
from dpr_haystack.engines.reader.adapters import check_tokenizers, load_base, write_reader_adapter
from dpr_haystack.engines.reader.checkpoints import load_network, load_reader
from dpr_haystack.engines.reader.inspection import ReaderSource, inspect_reader, whole_model
from dpr_haystack.errors import InputError


def add_reader(
    model: str,
    directory: str | Path,
    *,
    token: str | None = None,
    max_length: int | None = None,
    base_model: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Add a reader to a model directory; the towers do not change. An adapter is merged into its base.

    The manifest is updated after the reader's files are complete.

    :param model: The reader: any that ``DPRReader`` loads.
    :param directory: The model directory.
    :param token: A hub token.
    :param max_length: Longest input in tokens; ``None`` for the model's own.
    :param base_model: The base of an adapter; ``None`` for the one that it names.
    :param overwrite: Whether an existing reader is replaced.
    :returns: The path of the directory.
    :raises InputError: If there is no model directory, or it already has a reader.
    :raises ModelError: If the reader cannot be loaded.
    """
    target = Path(directory).expanduser().absolute()
    manifest = _manifest_without_reader(target, overwrite=overwrite)
    reader = load_reader(model, token=token, dtype="float32", max_length=max_length, base_model=base_model)
    found = locate(model, token)
    source = inspect_reader(found, base_model)
    with atomic_directory(LAYOUT.part(target, READER)) as temporary:
        if source.adapter is None:
            copy_transformers_folder(source.folder, temporary)
        else:
            _write_merged(source, temporary)
        if source.selection is not None:
            shutil.copyfile(source.selection, temporary / source.selection.name)
    write_manifest(target, _with_reader(manifest, reader.max_length, model, found))
    return target


def add_reader_as_adapter(
    model: str,
    base_model: str,
    directory: str | Path,
    *,
    rank: int,
    base_name: str | None = None,
    token: str | None = None,
    overwrite: bool = False,
) -> float:
    """Add a reader to a model directory as an adapter of the encoder that it was trained from.

    :param model: The reader: a ``DPRReader``.
    :param base_model: The encoder that it was trained from, by name or path.
    :param directory: The model directory.
    :param rank: Rank of the adapter: a higher one is closer to the trained reader and takes more space.
    :param base_name: The base's name in the adapter; ``None`` for the name given or the absolute path.
    :param token: A hub token.
    :param overwrite: Whether an existing reader is replaced.
    :returns: The share of the changes made by training that the adapter keeps, 0 to 1.
    :raises InputError: If the rank is below 1, there is no model directory, it already has a reader, the reader is not
        a ``DPRReader``, or it was not trained from this base.
    :raises ModelError: If reader or base cannot be loaded.
    """
    if rank < 1:
        msg = f"the rank of an adapter must be at least 1: got {rank}"
        raise InputError(msg)
    target = Path(directory).expanduser().absolute()
    manifest = _manifest_without_reader(target, overwrite=overwrite)
    reader = load_reader(model, token=token, dtype="float32")
    found, base_folder = locate(model, token), locate(base_model, token)
    source = inspect_reader(found)
    if not source.is_dpr:
        msg = f"{model} is not a DPRReader: only a DPRReader, which has a BERT encoder, can be written as an adapter"
        raise InputError(msg)
    is_path = Path(base_model).expanduser().exists() or looks_like_a_path(base_model)
    name = base_name or (str(base_folder) if is_path else base_model)
    with quiet():
        network, base = load_network(source, torch.float32, LoadOptions()), load_base(base_folder)
    check_tokenizers(source.folder, base_folder, network.config, reader.max_length)
    with atomic_directory(LAYOUT.part(target, READER)) as temporary:
        share = write_reader_adapter(network, base, temporary, rank=rank, base_name=name)
    write_manifest(target, _with_reader(manifest, reader.max_length, name, found))
    return share


def _manifest_without_reader(target: Path, *, overwrite: bool) -> ModelManifest:
    """The manifest of a model directory to which a reader may be added."""
    if not is_model_directory(target):
        msg = f"{target} is not a model directory: create one from the two towers with dpr-haystack convert."
        raise InputError(msg)
    manifest = read_manifest(target)
    if READER in manifest.parts and not overwrite:
        msg = f"{target} already has a reader. Replace it with overwrite=True (--overwrite)."
        raise InputError(msg)
    return manifest


def _with_reader(manifest: ModelManifest, max_length: int, made_from: str, found: Path) -> ModelManifest:
    return replace(
        manifest,
        parts={**manifest.parts, READER: reader_part(max_length)},
        made_from={**manifest.made_from, READER: made_from},
        reader_training=_training_of(whole_model(found)),
    )


def _training_of(folder: Path) -> Mapping[str, Any]:
    return read_manifest(folder).reader_training if is_model_directory(folder) else {}


def _write_merged(source: ReaderSource, folder: Path) -> None:
    with quiet():
        model = load_network(source, torch.float32, LoadOptions())
        model.save_pretrained(folder)
        load_tokenizer(source.folder, model.config).save_pretrained(folder)
