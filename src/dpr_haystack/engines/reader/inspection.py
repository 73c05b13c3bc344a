# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Finding the reader in a folder from its configuration, before any weights are loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dpr_haystack.core.model_directory import LAYOUT, READER, is_model_directory, read_manifest
from dpr_haystack.engines.checkpoints.kinds import check_family, dpr_class, kind_of, no_model_message
from dpr_haystack.engines.checkpoints.source import read_json
from dpr_haystack.engines.reader.heads import SELECTION
from dpr_haystack.errors import DataError, InputError, ModelError

_DPR_READER = "DPRReader"
_QUESTION_ANSWERING = ("ForQuestionAnswering", "ForQuestionAnsweringSimple")
_ENCODERS = {
    "DPRQuestionEncoder": "a question encoder (DPRQuestionEncoder); use DPRTextEmbedder or DPRRetriever with it",
    "DPRContextEncoder": "a passage encoder (DPRContextEncoder); use DPRDocumentEmbedder with it",
}


@dataclass(frozen=True)
class ReaderSource:
    """A reader before it is loaded.

    :param folder: The transformers folder: configuration, tokenizer, weights.
    :param is_dpr: Whether it is a DPR reader, which also scores passages; otherwise it is a model for extractive
        question answering of any family.
    :param max_length: Longest input in tokens as recorded in a model directory; ``None`` without one.
    """

    folder: Path
    is_dpr: bool
    max_length: int | None = None

    @property
    def selection(self) -> Path | None:
        """The file of the layer that scores passages beside a model of another family; ``None`` if there is none."""
        path = self.folder / SELECTION
        return path if not self.is_dpr and path.is_file() else None


def inspect_reader(folder: Path) -> ReaderSource:
    """Find the reader in a folder.

    :param folder: A model directory or a transformers folder.
    :returns: The reader, not loaded yet.
    :raises ModelError: If the folder is empty or broken, or does not hold a reader.
    :raises InputError: If it holds an encoder.
    """
    if is_model_directory(folder):
        return _from_model_directory(folder)
    if (folder / "modules.json").is_file():
        msg = (
            f"{folder} is a sentence-transformers encoder, which DPRTextEmbedder and DPRDocumentEmbedder load: "
            "DPRReader needs a reader, e.g. facebook/dpr-reader-single-nq-base."
        )
        raise InputError(msg)
    if not (folder / "config.json").is_file():
        raise ModelError(no_model_message(folder))
    return ReaderSource(folder, _is_dpr(folder))


def _from_model_directory(folder: Path) -> ReaderSource:
    try:
        parts = read_manifest(folder).parts
    except DataError as error:
        raise ModelError(str(error)) from error
    if READER not in parts:
        msg = (
            f"{folder} has no reader: its dpr.json lists {', '.join(parts) or 'nothing'}. Add one with "
            f"dpr-haystack convert --reader MODEL --output {folder}, or pass another model."
        )
        raise ModelError(msg)
    reader_folder = LAYOUT.part(folder, READER)
    return ReaderSource(reader_folder, _is_dpr(reader_folder), parts[READER].max_length)


def _is_dpr(folder: Path) -> bool:
    """Whether a transformers folder holds a DPR reader, not one of another family; raises if it holds no reader."""
    config = read_json(folder / "config.json")
    if config.get("model_type") == "dpr":
        name = dpr_class(folder, config)
        if name in _ENCODERS:
            msg = f"{folder} is {_ENCODERS[name]}. DPRReader needs a reader (DPRReader)."
            raise InputError(msg)
        if name != _DPR_READER:
            msg = f"{folder} is not a reader but {kind_of(name) or name} ({name})."
            raise ModelError(msg)
        return True
    _refuse_others(folder, config)
    check_family(folder, config)
    return False


def _refuse_others(folder: Path, config: dict[str, Any]) -> None:
    # if the configuration names no class, loading raises an error for weights without the span prediction layer
    names = [str(name) for name in config.get("architectures") or []]
    if not names or any(name.endswith(_QUESTION_ANSWERING) for name in names):
        return
    name = names[0]
    kind = kind_of(name) or (
        "an encoder, which DPRTextEmbedder and DPRDocumentEmbedder load" if name.endswith("Model") else name
    )
    msg = f"{folder} is not a reader but {kind} ({name}): DPRReader loads DPRReader and ...ForQuestionAnswering models."
    raise ModelError(msg)
