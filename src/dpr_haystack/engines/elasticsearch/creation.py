# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Making an index, or seeing that the one that is there fits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dpr_haystack.engines.elasticsearch.layout import IndexLayout, differences, index_body, known_analyzers
from dpr_haystack.engines.elasticsearch.sending import Steps, ask
from dpr_haystack.errors import (
    InputError,
    SearchIndexMissing,
    SearchRequestRefused,
    SearchServerDenied,
)


def creating(index: str, layout: IndexLayout, retries: int = 0) -> Steps[bool]:
    """The steps that make an index.

    :param index: Its name.
    :param layout: What it looks like.
    :param retries: How often to ask again while the server is not available.
    :returns: Whether it was made; False if one was there that fits.
    :raises InputError: If one is there that does not fit (with the differences), or the server lacks the analyzer.
    :raises SearchServerError: If the server does not do it.
    """
    try:
        there = yield from ask("indices.get", retries=retries, index=index)
    except SearchIndexMissing:
        made: bool = yield from _make(index, layout, retries)
        if made:
            return True
        there = yield from ask("indices.get", retries=retries, index=index)
    _check(index, layout, there)
    return False


def _make(index: str, layout: IndexLayout, retries: int) -> Steps[bool]:
    body = index_body(layout)
    parts = {"settings": body["settings"], "mappings": body["mappings"]}
    try:
        yield from ask("indices.create", retries=retries, index=index, **parts)
    except SearchRequestRefused as error:
        if error.kind == "resource_already_exists_exception":
            return False  # somebody else was quicker
        if f"analyzer [{layout.analyzer}]" in str(error):
            there = yield from _analyzers()
            msg = (
                f"this server has no analyzer {layout.analyzer!r}; it has {', '.join(there)}. "
                "Without stems and stop words of a language: 'standard'"
            )
            raise InputError(msg) from error
        raise
    return True


def _analyzers() -> Steps[list[str]]:
    """Which of the analyzers that we know of the server has."""
    found = []
    for name in known_analyzers():
        try:
            yield from ask("indices.analyze", analyzer=name, text="a")
            found.append(name)
        except SearchRequestRefused:
            continue
        except SearchServerDenied:  # these credentials may make an index, but not ask this
            return ["standard"]
    return found


def _check(index: str, layout: IndexLayout, there: Mapping[str, Any]) -> None:
    """Refuse an index that does not fit; behind an alias there may be several."""
    for name, each in there.items():
        found = differences(layout, each.get("mappings", {}), each.get("settings", {}))
        if found:
            called = f"index {index!r}" if name == index else f"index {name!r}, which {index!r} stands for,"
            msg = (
                f"{called} is there and does not fit: {'; '.join(found)}. "
                "Name another index, ask for what is there, or delete it and index again"
            )
            raise InputError(msg)
