# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Removing passages whose source no longer has them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from pathlib import Path

from dpr_haystack.backends.passage_writer import PassageWriter
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
    files = {meta.get("file") for _, meta in target.metas()} if target.is_there() else set()
    known = [_source_path(target, file) for file in files if isinstance(file, str)]
    for path in missing:
        if not any(file.is_relative_to(path.resolve()) for file in known):
            msg = f"{path} does not exist, and no passage came from there"
            raise InputError(msg)


def prune(
    target: PassageWriter, paths: Sequence[str | Path], seen: Container[str], unreadable: Iterable[DataError]
) -> int:
    """Remove passages that came from under the paths and were not seen again.

    :param target: Where passages are written.
    :param paths: Files and folders.
    :param seen: Ids of the passages that were read in this run.
    :param unreadable: Errors of files that could not be read completely; their passages stay.
    :returns: How many were removed.
    """
    roots = [Path(path).resolve() for path in paths]
    unknown = {error.path.resolve() for error in unreadable}
    gone = []
    for name, meta in target.metas():
        source = meta.get("file")
        if name in seen or not isinstance(source, str):
            continue
        file = _source_path(target, source)
        if file not in unknown and any(file.is_relative_to(root) for root in roots):
            gone.append(name)
    target.delete(gone)
    return len(gone)


def _source_path(target: PassageWriter, file: str) -> Path:
    return (target.base or Path()) / file
