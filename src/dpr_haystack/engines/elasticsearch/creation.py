# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Creating an index, or checking that an existing one matches."""

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
    """Steps that create an index.

    :param index: Its name.
    :param layout: Its layout.
    :param retries: How often to retry while the server is unavailable.
    :returns: True if the index was created, False if a matching index exists.
    :raises InputError: If an index exists that does not match (with the differences), or the server lacks the analyzer.
    :raises SearchServerError: If the request fails.
    """
    try:
        existing = yield from ask("indices.get", retries=retries, index=index)
    except SearchIndexMissing:
        is_created: bool = yield from _create(index, layout, retries)
        if is_created:
            return True
        existing = yield from ask("indices.get", retries=retries, index=index)
    _check(index, layout, existing)
    return False


def _create(index: str, layout: IndexLayout, retries: int) -> Steps[bool]:
    body = index_body(layout)
    parts = {"settings": body["settings"], "mappings": body["mappings"]}
    try:
        yield from ask("indices.create", retries=retries, index=index, **parts)
    except SearchRequestRefused as error:
        if error.kind == "resource_already_exists_exception":
            return False  # another client created it
        if f"analyzer [{layout.analyzer}]" in str(error):
            available = yield from _analyzers()
            msg = (
                f"unknown analyzer {layout.analyzer!r}; available on this server: {', '.join(available)}. "
                "Use 'standard' for neither stemming nor stop words"
            )
            raise InputError(msg) from error
        raise
    return True


def _analyzers() -> Steps[list[str]]:
    """The known analyzers that the server has."""
    available = []
    for name in known_analyzers():
        try:
            yield from ask("indices.analyze", analyzer=name, text="a")
            available.append(name)
        except SearchRequestRefused:
            continue
        except SearchServerDenied:  # the credentials permit creating an index but not analysing
            return ["standard"]
    return available


def _check(index: str, layout: IndexLayout, existing: Mapping[str, Any]) -> None:
    """Refuse an index that does not match; an alias may stand for several."""
    for name, description in existing.items():
        different = differences(layout, description.get("mappings", {}), description.get("settings", {}))
        if different:
            subject = f"index {name!r}" if name == index else f"index {name!r} (alias {index!r})"
            msg = (
                f"{subject} exists and does not match: {'; '.join(different)}. "
                "Use another index, change the options to match, or delete the index and index again"
            )
            raise InputError(msg)
