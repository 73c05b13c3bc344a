# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Writing a model directory from any checkpoints that can be loaded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dpr_haystack.core.files import whole_directory
from dpr_haystack.core.model_directory import (
    LAYOUT,
    ROLES,
    ModelManifest,
    Part,
    check_dimensions,
    is_model_directory,
    read_manifest,
    write_manifest,
)
from dpr_haystack.engines.towers.loading import LoadedTower, as_part, load_tower, used_with
from dpr_haystack.engines.towers.dpr_export import as_dpr
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


def convert(
    question_model: str,
    passage_model: str | None,
    output_dir: str | Path,
    *,
    base_model: str | None = None,
    token: str | None = None,
    max_length: int | None = None,
    dimension: int | None = None,
    dpr_classes: bool = False,
    overwrite: bool = False,
) -> Path:
    """Write a model directory.

    It is written beside its place and then renamed: it is there whole or not at all.

    :param question_model: The checkpoint of the question tower: whatever ``DPRTextEmbedder`` loads.
    :param passage_model: The checkpoint of the passage tower; ``None`` if the first one holds it as well. Where both
        towers have the same weights, these are on the disk once (a hard link, where the file system has them).
    :param output_dir: The directory to write. Where both towers come unchanged from one model directory, what was
        fitted for them (``hybrid.json``) comes along.
    :param base_model: For ``.cp`` files: where configuration and vocabulary come from; for adapters: their base.
        ``None`` for what these name.
    :param token: A hub token.
    :param max_length: Longest input in tokens; ``None`` for each checkpoint's own.
    :param dimension: Keep so many numbers of every vector, from the first on, which costs little where that was trained
        (``matryoshka``); ``None`` for all. Vectors of length 1 get that length again.
    :param dpr_classes: Write towers that take ``[CLS]`` as it is as ``DPRQuestionEncoder`` and ``DPRContextEncoder``,
        which other programs load from the folders ``question`` and ``passage``.
    :param overwrite: Whether a model directory that is already there is replaced.
    :returns: The path of the directory.
    :raises InputError: If something is there that is not to be replaced, or the two towers do not go together.
    :raises ModelError: If a checkpoint cannot be loaded.
    """
    target = Path(output_dir).expanduser().absolute()
    check_target(target, overwrite=overwrite)
    models = {"question": question_model, "passage": passage_model or question_model}
    with whole_directory(target) as temporary:
        parts: dict[str, Part] = {}
        for role in ROLES:
            tower = load_tower(models[role], role, token=token, base_model=base_model)
            tower = used_with(tower, dimension=dimension)
            tower = as_dpr(tower, role) if dpr_classes else tower
            parts[role] = as_part(tower, role, max_length=max_length)
            _write_part(tower, LAYOUT.part(temporary, role))
        check_dimensions(models, {role: part.dimension for role, part in parts.items()})
        share_equal_weights(LAYOUT.part(temporary, "question"), LAYOUT.part(temporary, "passage"))
        write_manifest(temporary, ModelManifest(parts, made_from=models, training=_training_of(models)))
        if max_length is None and dimension is None:
            _carry_hybrid(Path(models["question"]), Path(models["passage"]), temporary)
    return target


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


def _carry_hybrid(question: Path, passage: Path, target: Path) -> None:
    """A fitted weight holds for the pair of towers that it was fitted with."""
    source = question.expanduser()
    if source.resolve() != passage.expanduser().resolve() or not is_model_directory(source):
        return
    if (source / LAYOUT.hybrid).is_file():
        shutil.copyfile(source / LAYOUT.hybrid, target / LAYOUT.hybrid)


def _write_part(tower: LoadedTower, folder: Path) -> None:
    folder.mkdir(parents=True)
    source = tower.source
    if tower.verbatim:
        copy_transformers_folder(source.folder, folder)
    else:
        tower.model.save_pretrained(folder)
        tower.tokenizer.save_pretrained(folder)
    for dense in source.dense:
        shutil.copytree(dense, folder / dense.name)


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


def _training_of(models: dict[str, str]) -> Mapping[str, Any]:
    """How a pair was trained, where both towers come from one model directory."""
    folder = Path(models["question"]).expanduser()
    is_pair = models["question"] == models["passage"] and is_model_directory(folder)
    return read_manifest(folder).training if is_pair else {}


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
