# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Where the files of one tower lie and how they are to be used, whatever kind of checkpoint they came in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dpr_haystack.core.similarity import Similarity
from dpr_haystack.errors import ModelError

DPR_CLASSES = {"question": "DPRQuestionEncoder", "passage": "DPRContextEncoder"}
DPR_MAX_LENGTH = 256


@dataclass(frozen=True)
class TowerSource:
    """One tower before it is loaded.

    :param folder: The transformers folder: configuration, tokenizer, weights.
    :param class_name: ``"DPRQuestionEncoder"``, ``"DPRContextEncoder"`` or ``"AutoModel"``.
    :param adapter: The folder of an adapter that is put into the weights of ``folder``, its base; ``None`` for none.
    :param passage_weights: Weight files of the passage tower that belongs to it; ``None`` if that is not known.
    :param max_length: Longest input in tokens; ``None`` for as long as the tokenizer says.
    :param dimension: How many numbers of a vector are kept; ``None`` for all.

    The other fields are those of :class:`~dpr_haystack.core.model_directory.Part`.
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
    def weights(self) -> tuple[Path, ...]:
        """All weight files of the tower."""
        own = (path for folder in (self.folder, *self.dense) for path in weight_files(folder))
        return (*own, *([] if self.adapter is None else [self.adapter / "adapter_model.safetensors"]))


def weight_files(folder: Path) -> list[Path]:
    """The weight files of a transformers folder: safetensors where there are any.

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
    msg = f"{folder} has no weights: neither model.safetensors nor pytorch_model.bin is there."
    raise ModelError(msg)


def read_json(path: Path) -> dict[str, Any]:
    """A configuration file.

    :raises ModelError: If it is missing or broken.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        msg = f"{path} cannot be read: {error}"
        raise ModelError(msg) from error
    if not isinstance(content, dict):
        msg = f"{path} has a {type(content).__name__} where settings by name should be."
        raise ModelError(msg)
    return content
