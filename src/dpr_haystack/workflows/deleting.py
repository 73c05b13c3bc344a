# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Deleting passages of a store or an index, by id, by filter or by the files that they come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from haystack.document_stores.errors import DocumentStoreError

from dpr_haystack.backends.origins import existence, release, source_path
from dpr_haystack.backends.passage_writer import PassageWriter
from dpr_haystack.backends.registry import writer_over
from dpr_haystack.core.batching import batched
from dpr_haystack.core.origins import file_of, origins_of
from dpr_haystack.errors import DPRError, InputError, StoreError

if TYPE_CHECKING:
    from dpr_haystack.components.retrievers.common import AnyStore

_AT_ONCE = 1_000


def delete_ids(store: AnyStore, ids: Sequence[str]) -> int:
    """Delete passages by id.

    :param store: The store or index.
    :param ids: Their ids.
    :returns: How many were deleted.
    :raises InputError: If an id is unknown; nothing is deleted then.
    """

    def delete(target: PassageWriter) -> int:
        wanted = list(dict.fromkeys(ids))
        known = {name for some in batched(wanted, _AT_ONCE) for name in target.kept(some)}
        missing = [name for name in wanted if name not in known]
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            msg = f"{target.location} has no passage with the id {missing[0]!r}{more}; nothing was deleted"
            raise InputError(msg)
        target.delete(wanted)
        return len(wanted)

    return _carried_out(store, delete)


def delete_matching(store: AnyStore, filters: dict[str, Any]) -> int:
    """Delete the passages that match a filter.

    :param store: The store or index.
    :param filters: A Haystack filter.
    :returns: How many were deleted.
    :raises FilterError: If the filter is not valid.
    """
    if not filters:
        msg = "an empty filter matches all passages: name a condition"
        raise InputError(msg)
    try:
        return _carried_out(store, lambda _: store.delete_by_filter(filters, refresh=True))
    except DocumentStoreError as error:
        if isinstance(error, DPRError):
            raise
        raise StoreError(str(error)) from error


def delete_from_files(store: AnyStore, paths: Sequence[str | Path]) -> int:
    """Delete the passages that come from files, or from files below folders, and from no other file.

    Passages that other files contain too stay and name only those. The files need not exist.

    :param store: The store or index.
    :param paths: Files and folders, or files as metadata names them.
    :returns: How many were deleted.
    :raises InputError: If no passage comes from one of them; nothing is deleted then.
    """

    def delete(target: PassageWriter) -> int:
        candidates = list(target.metas())
        files = {file for _, meta in candidates for origin in origins_of(meta) if (file := file_of(origin)) is not None}
        gone: set[str] = set()
        for path in paths:
            found = {file for file in files if file == str(path) or _is_below(target, file, Path(path))}
            if not found:
                msg = f"no passage in {target.location} comes from {path}; nothing was deleted"
                raise InputError(msg)
            gone |= found
        return release(target, candidates, lambda _, file: file in gone, existence(target))

    return _carried_out(store, delete)


def _is_below(target: PassageWriter, file: str, path: Path) -> bool:
    return source_path(target, file).is_relative_to(_resolved(path))


@cache
def _resolved(path: Path) -> Path:
    return path.resolve()


def _carried_out(store: AnyStore, delete: Callable[[PassageWriter], int]) -> int:
    target = writer_over(store)
    try:
        if not target.is_there():
            msg = f"{target.location} does not exist"
            raise InputError(msg)
        count = delete(target)
        refused = target.settle()
        if refused:
            first = refused[0]
            msg = f"{target.location} refused to delete {len(refused)} passages, e.g. {first.id}: {first.reason}"
            raise StoreError(msg)
        return count
    finally:
        target.close()
