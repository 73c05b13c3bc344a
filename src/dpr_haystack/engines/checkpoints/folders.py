# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Writing transformers folders: checking the target, copying files, sharing equal weight files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from dpr_haystack.core.model_directory import LAYOUT, is_model_directory
from dpr_haystack.engines.checkpoints.source import weight_files
from dpr_haystack.errors import InputError

_TRANSFORMERS_FILES = ("*.json", "*.txt", "*.model")
# files of sentence-transformers and of model directories, which a plain transformers folder does not have
_NOT_COPIED = {
    LAYOUT.manifest,
    LAYOUT.hybrid,
    "modules.json",
    "data_config.json",
    "config_sentence_transformers.json",
    "pytorch_model.bin.index.json",
}


def check_target(target: Path, *, overwrite: bool) -> None:
    """Check that a model directory may be written to a path.

    :param target: The path: free, an empty folder, or a model directory.
    :param overwrite: Whether a model directory may be replaced; nothing else ever is.
    :raises InputError: If the path is taken.
    """
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not target.is_dir() or not is_model_directory(target):
        msg = f"{target} exists and is not a model directory, so it is not replaced. Choose another path."
        raise InputError(msg)
    if not overwrite:
        msg = f"{target} already holds a model. Choose another path, or replace it with overwrite=True (--overwrite)."
        raise InputError(msg)


def copy_transformers_folder(source: Path, target: Path) -> None:
    """Copy configuration, tokenizer and weights of a transformers folder, and no other files.

    :param source: The folder.
    :param target: An existing folder to copy to.
    """
    texts = [path for pattern in _TRANSFORMERS_FILES for path in source.glob(pattern)]
    for path in [*filter(_is_transformers_file, texts), *weight_files(source)]:
        shutil.copyfile(path, target / path.name)


def _is_transformers_file(path: Path) -> bool:
    return path.name not in _NOT_COPIED and not path.name.startswith("sentence_")


def share_equal_weights(question: Path, passage: Path) -> None:
    """Replace weight files that are byte-identical in both folders with hard links, where these are supported.

    :param question: The folder of the question tower.
    :param passage: The folder of the passage tower, whose files are replaced.
    """
    for path in passage.rglob("*.safetensors"):
        twin = question / path.relative_to(passage)
        if twin.is_file() and _same_bytes(path, twin):
            link = path.with_name(f"{path.name}.link")
            try:
                os.link(twin, link)
            except OSError:
                continue  # no hard links on this file system: keep two copies
            os.replace(link, path)


def _same_bytes(first: Path, second: Path) -> bool:
    if first.stat().st_size != second.stat().st_size:
        return False
    with first.open("rb") as a, second.open("rb") as b:
        while block := a.read(1 << 20):
            if block != b.read(1 << 20):
                return False
    return True
