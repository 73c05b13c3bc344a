# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Finding the reader in a folder from its configuration, before any weights are loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dpr_haystack.core.model_directory import LAYOUT, READER, is_model_directory, read_manifest
from dpr_haystack.engines.checkpoints.adapters import WEIGHTS, base_of, is_adapter
from dpr_haystack.engines.checkpoints.hub import locate
from dpr_haystack.engines.checkpoints.kinds import check_family, dpr_class, kind_of, no_model_message
from dpr_haystack.engines.checkpoints.source import read_json, weight_files
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
    :param adapter: The folder of an adapter to merge into the weights of ``folder``, its base; ``None`` for none.
    """

    folder: Path
    is_dpr: bool
    max_length: int | None = None
    adapter: Path | None = None

    @property
    def weights(self) -> tuple[Path, ...]:
        """All weight files of the reader."""
        more = [] if self.adapter is None else [self.adapter / WEIGHTS, self.adapter / LAYOUT.heads]
        return (*weight_files(self.folder), *more, *([] if self.selection is None else [self.selection]))

    @property
    def selection(self) -> Path | None:
        """The file of the layer that scores passages beside a model of another family; ``None`` if there is none."""
        path = self.folder / LAYOUT.selection
        return path if not self.is_dpr and path.is_file() else None


def inspect_reader(folder: Path, base_model: str | None = None) -> ReaderSource:
    """Find the reader in a folder.

    :param folder: A model directory, its folder ``reader``, or a transformers folder.
    :param base_model: The base of an adapter, by name or path; ``None`` for the one that it names.
    :returns: The reader, not loaded yet.
    :raises ModelError: If the folder is empty or broken, does not hold a reader, or holds an adapter whose base is not
        available.
    :raises InputError: If it holds an encoder.
    """
    folder = whole_model(folder)
    if is_model_directory(folder):
        return _from_model_directory(folder, base_model)
    if (folder / "modules.json").is_file():
        msg = (
            f"{folder} is a sentence-transformers encoder, which DPRTextEmbedder and DPRDocumentEmbedder load: "
            "DPRReader needs a reader, e.g. facebook/dpr-reader-single-nq-base."
        )
        raise InputError(msg)
    return _from_folder(folder, None, base_model)


def whole_model(path: Path) -> Path:
    """The model directory of a reader that is named by its own folder: its input length is recorded in ``dpr.json``.

    :param path: Any folder.
    :returns: The model directory; the same folder if it is not the reader of one.
    """
    is_part = path.name == LAYOUT.reader and is_model_directory(path.parent)
    return path.parent if is_part else path


def _from_folder(folder: Path, max_length: int | None, base_model: str | None) -> ReaderSource:
    if is_adapter(folder):
        if not (folder / LAYOUT.heads).is_file():
            msg = (
                f"{folder} is not a reader but an adapter: a reader's adapter has its output layers in {LAYOUT.heads}."
            )
            raise ModelError(msg)
        return ReaderSource(_base_folder(folder, base_model), True, max_length, adapter=folder)
    if not (folder / "config.json").is_file():
        raise ModelError(no_model_message(folder))
    return ReaderSource(folder, _is_dpr(folder), max_length)


def _base_folder(adapter: Path, base_model: str | None) -> Path:
    name = base_model or base_of(adapter)
    try:
        return locate(name)
    except ModelError as error:
        msg = (
            f"The reader in {adapter} is an adapter of {name}, which is not available. Merge it into a local copy of "
            f"{name}: dpr-haystack convert --reader {adapter} --base-model PATH --output DIR. ({error})"
        )
        raise ModelError(msg) from error


def _from_model_directory(folder: Path, base_model: str | None) -> ReaderSource:
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
    return _from_folder(LAYOUT.part(folder, READER), parts[READER].max_length, base_model)


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
