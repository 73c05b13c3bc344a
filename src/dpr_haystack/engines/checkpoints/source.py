# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The files of one tower and how they are used, independent of the kind of checkpoint."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dpr_haystack.core.similarity import Similarity
from dpr_haystack.errors import ModelError

DPR_CLASSES = {"question": "DPRQuestionEncoder", "passage": "DPRContextEncoder"}
DPR_MAX_LENGTH = 256
# stands for a layer without weights among the folders of linear layers: vectors are scaled to length 1
NORMALIZE = Path("normalize")


@dataclass(frozen=True)
class TowerSource:
    """One tower before it is loaded.

    :param folder: The transformers folder: configuration, tokenizer, weights.
    :param class_name: ``"DPRQuestionEncoder"``, ``"DPRContextEncoder"`` or ``"AutoModel"``.
    :param pooling: How token vectors become one vector.
    :param normalize: Whether vectors are scaled to length 1.
    :param similarity: How vectors are compared.
    :param max_length: Longest input in tokens; ``None`` for the tokenizer's own limit.
    :param dimension: Number of vector components kept; ``None`` for all.
    :param prompt: Text put before every input.
    :param lowercase: Whether texts are lower-cased before the tokenizer's own normalisation.
    :param dense: Folders of the linear layers that follow the pooling, with :data:`NORMALIZE` where vectors are scaled
        to length 1 between or before them.
    :param passage_weights: Weight files of the matching passage tower; ``None`` if unknown.
    :param adapter: The folder of an adapter to merge into the weights of ``folder``, its base; ``None`` for none.
    """

    folder: Path
    class_name: str
    pooling: str
    normalize: bool = False
    similarity: Similarity | None = Similarity.DOT_PRODUCT
    max_length: int | None = DPR_MAX_LENGTH
    dimension: int | None = None
    prompt: str = ""
    lowercase: bool = False
    dense: tuple[Path, ...] = ()
    passage_weights: tuple[Path, ...] | None = None
    adapter: Path | None = None

    @property
    def dense_folders(self) -> tuple[Path, ...]:
        """The folders of the linear layers."""
        return tuple(folder for folder in self.dense if folder != NORMALIZE)

    @property
    def weights(self) -> tuple[Path, ...]:
        """All weight files of the tower."""
        paths = [path for folder in (self.folder, *self.dense_folders) for path in weight_files(folder)]
        return (*paths, *([] if self.adapter is None else [self.adapter / "adapter_model.safetensors"]))


def weight_files(folder: Path) -> list[Path]:
    """The weight files of a transformers folder; safetensors are preferred.

    :param folder: The folder.
    :returns: The files.
    :raises ModelError: If there are none, or some are missing.
    """
    for single, index in (
        ("model.safetensors", "model.safetensors.index.json"),
        ("pytorch_model.bin", "pytorch_model.bin.index.json"),
    ):
        if (folder / single).is_file():
            return [folder / single]
        if (folder / index).is_file():
            shards = sorted({folder / name for name in read_json(folder / index)["weight_map"].values()})
            missing = [path.name for path in shards if not path.is_file()]
            if missing:
                msg = f"{folder} lacks {len(missing)} of {len(shards)} weight files, e.g. {missing[0]}."
                raise ModelError(msg)
            return shards
    msg = f"{folder} has no weights: expected model.safetensors or pytorch_model.bin."
    raise ModelError(msg)


def read_json(path: Path) -> dict[str, Any]:
    """Read a configuration file.

    :param path: A JSON file.
    :returns: Its settings.
    :raises ModelError: If it is missing or broken.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        msg = f"{path} cannot be read: {error}"
        raise ModelError(msg) from error
    if not isinstance(content, dict):
        msg = f"{path} must hold a JSON object: got a {type(content).__name__}."
        raise ModelError(msg)
    return content
