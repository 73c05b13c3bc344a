# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Finding the files that are to be indexed."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from dpr_haystack.core.model_directory import is_model_directory
from dpr_haystack.errors import InputError
from dpr_haystack.formats.beir import QRELS, beir_corpus
from dpr_haystack.formats.kinds import SUFFIXES, known_suffixes
from dpr_haystack.formats.open_text import suffix_of
from dpr_haystack.store.registry import is_store

BESIDE_BEIR = "beside a BEIR corpus"
WITHOUT_SUFFIX = "without suffix"


class Found(NamedTuple):
    """The files that paths name.

    :param files: The files to read, without duplicates.
    :param passed_over: How many files in folders are not read, most first: by suffix if their kind is unknown, else by
        the reason.
    """

    files: list[Path]
    passed_over: dict[str, int]


def find_files(paths: Sequence[str | Path], *, may_be_gone: bool = False, any_kind: bool = True) -> Found:
    """The files that a list of paths names: files themselves, and all readable files below folders.

    :param paths: Files and folders; in folders, hidden files, files of unknown kinds, stores and model directories are
        passed over, and of a BEIR folder all but the corpus.
    :param may_be_gone: Accept missing paths, and no file at all.
    :param any_kind: Accept files of unknown kinds where paths name them.
    :returns: The files in the order of the paths and sorted inside a folder.
    :raises InputError: If a path does not exist or is a file of an unknown kind, or there are no files.
    """
    files: dict[Path, None] = {}
    others: dict[Path, str] = {}
    for path in map(Path, paths):
        if path.is_dir():
            below = sorted(_files_below(path), key=itemgetter(0))
            files.update(dict.fromkeys(file for file, reason in below if reason is None))
            others.update({file: reason for file, reason in below if reason is not None})
        elif path.is_file():
            if not any_kind and _reason(path) is not None:
                msg = f"{path}: unknown suffix {suffix_of(path)!r}; known: {known_suffixes()}"
                raise InputError(msg)
            files[path] = None
        elif not may_be_gone:
            msg = f"{path} does not exist"
            raise InputError(msg)
    counted = Counter(reason for file, reason in others.items() if file not in files)
    passed_over = dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))
    if not files and not may_be_gone:
        found = f" ({described(passed_over)})" if passed_over else ""
        msg = f"no readable files in {', '.join(map(str, paths))}{found}; supported: {known_suffixes()}"
        raise InputError(msg)
    return Found(list(files), passed_over)


def described(passed_over: dict[str, int]) -> str:
    """One line about the files that were passed over.

    :param passed_over: Their numbers by suffix or reason; not empty.
    """
    count = sum(passed_over.values())
    unknown = [f"{suffix} {number}" for suffix, number in passed_over.items() if suffix != BESIDE_BEIR]
    others = [f"{passed_over[BESIDE_BEIR]} {BESIDE_BEIR}"] if BESIDE_BEIR in passed_over else []
    reasons = [f"{', '.join(unknown)} (unknown)"] * bool(unknown) + others
    return f"{count} {'file' if count == 1 else 'files'} passed over: {', '.join(reasons)}"


def _files_below(folder: Path) -> Iterator[tuple[Path, str | None]]:
    """The files below a folder, each with the reason to pass over it, or None."""
    for root, folders, names in os.walk(folder):
        directory = Path(root)
        if is_store(directory) or is_model_directory(directory):
            folders.clear()  # their JSON and vocabulary files are not sources
            continue
        folders[:] = [name for name in folders if not name.startswith(".")]
        corpus = beir_corpus(directory)
        if corpus is not None and QRELS in folders:
            folders.remove(QRELS)
            names += [f"{QRELS}/{path.name}" for path in (directory / QRELS).iterdir()]
        for name in names:
            file = directory / name
            if not file.name.startswith(".") and file.is_file():
                yield file, _reason(file) if corpus is None else None if file == corpus else BESIDE_BEIR


def _reason(file: Path) -> str | None:
    suffix = suffix_of(file)
    return None if suffix in SUFFIXES else suffix or WITHOUT_SUFFIX
