# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Adding a reader to a model directory."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from dpr_haystack.core.files import atomic_directory
from dpr_haystack.core.model_directory import (
    LAYOUT,
    READER,
    is_model_directory,
    read_manifest,
    reader_part,
    write_manifest,
)
from dpr_haystack.engines.checkpoints.folders import copy_transformers_folder
from dpr_haystack.engines.checkpoints.hub import locate
from dpr_haystack.engines.reader.checkpoints import load_reader
from dpr_haystack.engines.reader.inspection import inspect_reader
from dpr_haystack.errors import InputError


def add_reader(
    model: str,
    directory: str | Path,
    *,
    token: str | None = None,
    max_length: int | None = None,
    overwrite: bool = False,
) -> Path:
    """Add a reader to a model directory; the towers do not change.

    The manifest is updated after the reader's files are complete.

    :param model: The reader: any that ``DPRReader`` loads.
    :param directory: The model directory.
    :param token: A hub token.
    :param max_length: Longest input in tokens; ``None`` for the model's own.
    :param overwrite: Whether an existing reader is replaced.
    :returns: The path of the directory.
    :raises InputError: If there is no model directory, or it already has a reader.
    :raises ModelError: If the reader cannot be loaded.
    """
    target = Path(directory).expanduser().absolute()
    if not is_model_directory(target):
        msg = f"{target} is not a model directory: create one from the two towers with dpr-haystack convert."
        raise InputError(msg)
    manifest = read_manifest(target)
    if READER in manifest.parts and not overwrite:
        msg = f"{target} already has a reader. Replace it with overwrite=True (--overwrite)."
        raise InputError(msg)
    reader = load_reader(model, token=token, dtype="float32", max_length=max_length)
    found = locate(model, token)
    source = inspect_reader(found)
    with atomic_directory(LAYOUT.part(target, READER)) as temporary:
        copy_transformers_folder(source.folder, temporary)
        if source.selection is not None:
            shutil.copyfile(source.selection, temporary / source.selection.name)
    changed = replace(
        manifest,
        parts={**manifest.parts, READER: reader_part(reader.max_length)},
        made_from={**manifest.made_from, READER: model},
        reader_training=read_manifest(found).reader_training if is_model_directory(found) else {},
    )
    write_manifest(target, changed)
    return target
