# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Removing passages that are in none of their files any more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from dpr_haystack.backends.origins import PassagesRead, existence, release, source_path
from dpr_haystack.backends.passage_writer import PassageWriter
from dpr_haystack.core.origins import file_of, origins_of
from dpr_haystack.errors import DataError, InputError


def check_known(target: PassageWriter, paths: Sequence[str | Path]) -> None:
    """Refuse a path that neither exists nor is the source of a passage: it is a typing error, not a deleted source.

    :param target: Where passages are written.
    :param paths: Files and folders.
    :raises InputError: If there is such a path.
    """
    missing = [path for path in map(Path, paths) if not path.exists()]
    if not missing:
        return
    metas = (meta for _, meta in target.metas()) if target.is_there() else ()
    files = {file_of(origin) for meta in metas for origin in origins_of(meta)}
    known = [source_path(target, file) for file in files if file is not None]
    for path in missing:
        if not any(file.is_relative_to(path.resolve()) for file in known):
            msg = f"{path} does not exist, and no passage came from there"
            raise InputError(msg)


def prune(
    target: PassageWriter, read: PassagesRead, paths: Sequence[str | Path], unreadable: Iterable[DataError]
) -> int:
    """Remove what came from under the paths and was not read again, because its file is gone or contains it no longer.

    :param target: Where passages are written; what was read must be durable.
    :param read: The passages that were read.
    :param paths: Files and folders; all files below them were read.
    :param unreadable: Errors of files that could not be read completely; their passages stay.
    :returns: How many passages were removed.
    """
    roots = [Path(path).resolve() for path in paths]
    unknown = {error.path.resolve() for error in unreadable}

    @cache
    def is_covered(file: str) -> bool:
        path = source_path(target, file)
        return path not in unknown and any(path.is_relative_to(root) for root in roots)

    return release(
        target,
        target.metas(),
        lambda name, file: is_covered(file) and not read.came_from(name, file),
        existence(target),
    )
