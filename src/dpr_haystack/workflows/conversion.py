# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Writing model directories with everything that belongs to a pair: its two towers and its reader."""

from __future__ import annotations

from pathlib import Path

from dpr_haystack.core.model_directory import READER, is_model_directory, read_manifest
from dpr_haystack.engines.reader.model_directory import add_reader
from dpr_haystack.engines.towers.conversion import ConversionOptions, convert
from dpr_haystack.errors import InputError


def convert_model(
    question_model: str,
    passage_model: str | None,
    output_dir: str | Path,
    options: ConversionOptions,
    *,
    reader: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a model directory: two towers, and a reader if one is given or the directory of the pair has one.

    :param question_model: See :func:`~dpr_haystack.engines.towers.conversion.convert`.
    :param passage_model: The passage tower; None if the first one holds both.
    :param output_dir: The directory to write.
    :param options: What is changed.
    :param reader: The reader; None for the one beside the pair.
    :param overwrite: Whether an existing model directory is replaced.
    :returns: The path of the directory.
    :raises InputError: If the path is taken, the towers do not match, or the reader would be replaced by the result.
    :raises ModelError: If a checkpoint cannot be loaded.
    """
    target = Path(output_dir).expanduser().absolute()
    source = reader if reader is not None else reader_beside(question_model, passage_model)
    if source is not None and Path(source).expanduser().resolve() == target.resolve():
        msg = f"{target} holds the reader itself: choose another path for the result"
        raise InputError(msg)
    written = convert(question_model, passage_model, target, options, overwrite=overwrite)
    if source is not None:
        add_reader(source, written, base_model=options.base_model)
    return written


def reader_beside(question_model: str, passage_model: str | None = None) -> str | None:
    """The model directory of a pair, if it also has a reader.

    :param question_model: Where the question tower is.
    :param passage_model: Where the passage tower is; None for the same place.
    :returns: The directory; None if the towers are not of one directory, or it has no reader.
    """
    folder = Path(question_model).expanduser()
    other = Path(passage_model or question_model).expanduser()
    if folder.resolve() != other.resolve() or not is_model_directory(folder):
        return None
    return str(folder) if READER in read_manifest(folder).parts else None
