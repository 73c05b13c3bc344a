# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Writing transformers folders: what is copied, and what is shared between two of them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from dpr_haystack.core.model_directory import (
    LAYOUT,
    is_model_directory,
)
from dpr_haystack.engines.checkpoints.source import weight_files
from dpr_haystack.errors import InputError

_TRANSFORMERS_FILES = ("*.json", "*.txt", "*.model")


# What a sentence-transformers folder or a model directory has besides; a part is a transformers folder.
_NOT_COPIED = {
    LAYOUT.manifest,
    LAYOUT.hybrid,
    "modules.json",
    "data_config.json",
    "config_sentence_transformers.json",
    "pytorch_model.bin.index.json",
}


def check_target(target: Path, *, overwrite: bool) -> None:
    """Refuse a place where a directory cannot or should not be written.

    :raises InputError: If something is there and is not to be replaced. Only a model directory ever is.
    """
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not target.is_dir() or not is_model_directory(target):
        msg = f"{target} exists and is no model directory: nothing is written there. Choose another place."
        raise InputError(msg)
    if not overwrite:
        msg = f"There is a model in {target} already. Name another place, or replace it: overwrite=True (--overwrite)."
        raise InputError(msg)


def copy_transformers_folder(source: Path, target: Path) -> None:
    """Copy configuration, tokenizer and weights of a transformers folder, and nothing else that lies there.

    :param source: The folder.
    :param target: Where to; it exists.
    """
    texts = [path for pattern in _TRANSFORMERS_FILES for path in source.glob(pattern)]
    for path in [*filter(_is_transformers_file, texts), *weight_files(source)]:
        shutil.copyfile(path, target / path.name)


def _is_transformers_file(path: Path) -> bool:
    return path.name not in _NOT_COPIED and not path.name.startswith("sentence_")


def share_equal_weights(question: Path, passage: Path) -> None:
    """Have weight files that both parts hold byte by byte on the disk once: hard links, where there are such.

    :param question: The folder of one part.
    :param passage: The folder of the other.
    """
    for path in passage.rglob("*.safetensors"):
        twin = question / path.relative_to(passage)
        if twin.is_file() and _same_bytes(path, twin):
            link = path.with_name(f"{path.name}.link")
            try:
                os.link(twin, link)
            except OSError:
                continue  # no hard links here: two copies it is
            os.replace(link, path)


def _same_bytes(first: Path, second: Path) -> bool:
    if first.stat().st_size != second.stat().st_size:
        return False
    with first.open("rb") as a, second.open("rb") as b:
        while block := a.read(1 << 20):
            if block != b.read(1 << 20):
                return False
    return True
