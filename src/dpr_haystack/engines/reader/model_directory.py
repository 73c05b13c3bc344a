# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Putting a reader into a model directory, beside the towers."""

from __future__ import annotations

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
    """Put a reader into a model directory; the towers stay as they are.

    The manifest names it when it is there whole.

    :param model: The reader: whatever ``DPRReader`` loads.
    :param directory: The model directory.
    :param token: A hub token.
    :param max_length: Longest input in tokens; ``None`` for what the model was made for.
    :param overwrite: Whether a reader that is already there is replaced.
    :returns: The path of the directory.
    :raises InputError: If there is no model directory, or it has a reader that is not to be replaced.
    :raises ModelError: If the reader cannot be loaded.
    """
    target = Path(directory).expanduser().absolute()
    if not is_model_directory(target):
        msg = f"{target} is no model directory: dpr-haystack convert makes one from the two towers."
        raise InputError(msg)
    manifest = read_manifest(target)
    if READER in manifest.parts and not overwrite:
        msg = f"There is a reader in {target} already. Replace it with overwrite=True (--overwrite)."
        raise InputError(msg)
    reader = load_reader(model, token=token, dtype="float32", max_length=max_length)
    source = inspect_reader(locate(model, token)).folder
    with atomic_directory(LAYOUT.part(target, READER)) as temporary:
        copy_transformers_folder(source, temporary)
    parts = {**manifest.parts, READER: reader_part(reader.max_length)}
    write_manifest(target, replace(manifest, parts=parts, made_from={**manifest.made_from, READER: model}))
    return target
