# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Finding the files that are to be indexed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from dpr_haystack.components.file_reading import SUFFIXES
from dpr_haystack.core.model_directory import is_model_directory
from dpr_haystack.errors import InputError
from dpr_haystack.formats.open_text import suffix_of
from dpr_haystack.store.registry import is_store


def find_files(paths: Sequence[str | Path], *, may_be_gone: bool = False) -> list[Path]:
    """The files that a list of paths names: files themselves, and all readable files below folders.

    :param paths: Files and folders; in folders, hidden files, files of unknown types, stores and model directories are
        skipped.
    :param may_be_gone: Accept missing paths, and no file at all.
    :returns: The files without duplicates, in the order of the paths and sorted inside a folder.
    :raises InputError: If a path does not exist, or there are no files.
    """
    files: dict[Path, None] = {}
    for path in map(Path, paths):
        if path.is_dir():
            files.update(dict.fromkeys(sorted(_files_below(path))))
        elif path.is_file():
            files[path] = None
        elif not may_be_gone:
            msg = f"{path} does not exist"
            raise InputError(msg)
    if not files and not may_be_gone:
        msg = f"no readable files in {', '.join(map(str, paths))}; supported: {', '.join(SUFFIXES)}, each also with .gz"
        raise InputError(msg)
    return list(files)


def _files_below(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        directory = Path(root)
        if is_store(directory) or is_model_directory(directory):
            folders.clear()  # their JSON and vocabulary files are not sources
            continue
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            file = directory / name
            if not name.startswith(".") and suffix_of(file) in SUFFIXES and file.is_file():
                yield file
