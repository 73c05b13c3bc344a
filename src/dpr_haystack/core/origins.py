# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Where a passage comes from, in its metadata.

The same text is one passage, however many files contain it. An *origin* is the metadata that a passage has from one
file: ``file``, its position there, and whatever else the file says about it. The metadata of a passage is one origin;
``also_in`` lists the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from dpr_haystack.core.encoder_mark import MARK

FILE, PAGE, ALSO_IN = "file", "page_number", "also_in"
# What all origins of a passage share.
_SHARED = ("title", MARK)

Origin = dict[str, Any]


def file_of(origin: Mapping[str, Any]) -> str | None:
    """The file of an origin; None if it names none.

    :param origin: The origin, or the metadata of a passage.
    """
    file = origin.get(FILE)
    return file if isinstance(file, str) else None


def page_of(meta: Mapping[str, Any]) -> Any:
    """The page of a passage, from 1; None if it has none. Earlier versions wrote it as ``page``.

    :param meta: Its metadata.
    """
    page = meta.get(PAGE)
    return meta.get("page") if page is None else page


def source_text(meta: Mapping[str, Any]) -> str:
    """File and page of a passage in words, e.g. ``"a.pdf, page 3"``; empty if its metadata names no file.

    :param meta: Its metadata, from this package or from Haystack's converters, which write ``file_path``.
    """
    file, page = meta.get(FILE, meta.get("file_path")), page_of(meta)
    if file is None:
        return ""
    return str(file) if page is None else f"{file}, page {page}"


def origins_of(meta: Mapping[str, Any]) -> list[Origin]:
    """The origins of a passage, without its title and the mark of its encoder, which they share.

    :param meta: Its metadata.
    :returns: One or more; the first is the one that the metadata shows.
    """
    others = meta.get(ALSO_IN)
    if not (
        others and isinstance(others, list) and all(isinstance(other, dict) and file_of(other) for other in others)
    ):
        return [{key: value for key, value in meta.items() if key not in _SHARED}]
    shown = {key: value for key, value in meta.items() if key not in (*_SHARED, ALSO_IN)}
    return [shown, *(dict(other) for other in others)]


def with_origins(origins: Iterable[Origin], title: Any = None) -> dict[str, Any]:
    """The metadata of a passage with these origins.

    :param origins: One or more; the first is shown.
    :param title: Its title; None for none.
    """
    first, *others = origins
    meta = dict(first) if title is None else {**first, "title": title}
    return {**meta, ALSO_IN: others} if others else meta


def merged(old: Iterable[Origin], new: Iterable[Origin]) -> list[Origin]:
    """Origins after some files were read: each replaces the one of the same file, origins without a file are dropped.

    :param old: Origins so far.
    :param new: Origins that were read now; of two from one file the first counts.
    :returns: At least one, in no particular order.
    """
    by_file: dict[str | None, Origin] = {file_of(origin): origin for origin in old}
    read: dict[str | None, Origin] = {}
    for origin in new:
        read.setdefault(file_of(origin), origin)
    by_file.update(read)
    if len(by_file) > 1:
        by_file.pop(None, None)
    return list(by_file.values())


def ordered(origins: list[Origin], exists: Callable[[str], bool]) -> list[Origin]:
    """Origins in an order that does not depend on when each was read: files that exist first, then by name.

    :param origins: The origins.
    :param exists: Whether a file exists; called only if there are several.
    """
    if len(origins) == 1:
        return origins
    return sorted(origins, key=lambda origin: (not exists(file_of(origin) or ""), file_of(origin) or ""))
