# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Exporting the passages of a store or an index to files that ``index`` reads back."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dpr_haystack.backends.registry import writer_over
from dpr_haystack.core.batching import batched
from dpr_haystack.core.hits import Kept
from dpr_haystack.core.origins import FILE
from dpr_haystack.core.passages import Passage, clean_title
from dpr_haystack.errors import InputError
from dpr_haystack.formats.passage_writing import passage_format, write_passages

if TYPE_CHECKING:
    from dpr_haystack.backends.passage_writer import PassageWriter
    from dpr_haystack.components.retrievers.common import AnyStore

_AT_ONCE = 1_000


@dataclass
class ExportReport:
    """What was exported.

    :param written: Passages written.
    :param without_text: Documents without text, which are no passages.
    :param changed: Passages that will not read back as they are: their metadata holds what JSON cannot express, such
        as dates and tuples, or their title has underscores or more than single spaces.
    """

    written: int = 0
    without_text: int = 0
    changed: int = 0


def export_passages(store: AnyStore, path: str | Path) -> ExportReport:
    """Write all passages, without vectors, to files from which ``index`` makes an equal store.

    :param store: The store or index.
    :param path: A file ending in ``.jsonl``, ``.jsonl.gz`` or ``.parquet``, or a folder for BEIR's format.
    :raises InputError: If the path fits no format, or there is no such index.
    :raises DataError: If a file cannot be written.
    """
    passage_format(path)  # refuses before anything is read
    target = writer_over(store)
    try:
        if not target.is_there():
            msg = f"{target.location} does not exist"
            raise InputError(msg)
        report = ExportReport()
        report.written = write_passages(path, _passages(target, report))
        return report
    finally:
        target.close()


def _passages(target: PassageWriter, report: ExportReport) -> Iterator[Passage]:
    for ids in batched((name for name, _ in target.metas()), _AT_ONCE):
        kept = target.kept(ids)
        for name in ids:
            if name not in kept:
                continue  # deleted in the meantime
            if not (kept[name].content or "").strip():
                report.without_text += 1
                continue
            yield _passage(name, kept[name], report)


def _passage(name: str, kept: Kept, report: ExportReport) -> Passage:
    meta = {key: _plain(value) for key, value in kept.meta.items() if key != "title"}
    title = kept.meta.get("title")
    text = "" if title is None else str(title)
    rest = {key: value for key, value in kept.meta.items() if key != "title"}
    if not _is_same(meta, rest) or title not in (None, clean_title(text)) or title == "":
        report.changed += 1
    if FILE not in meta:
        meta[FILE] = None  # else it would get that of the exported file
    return Passage(name, text, kept.content or "", meta)


def _plain(value: Any) -> Any:
    """A value as JSON expresses it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, date):
        return value.isoformat()
    return b64encode(value).decode() if isinstance(value, bytes) else value


def _is_same(one: Any, other: Any) -> bool:
    return repr(one) == repr(other)  # NaN is the same as NaN, a tuple is not the same as a list
