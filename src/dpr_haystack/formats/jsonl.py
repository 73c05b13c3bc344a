# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Passages as JSON objects: plain ones, BEIR's, and Haystack documents as written by ``to_dict``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dpr_haystack.core.passages import Passage, make_passage
from dpr_haystack.errors import DataError
from dpr_haystack.formats.open_text import OnBad, numbered_lines, parse_json
from dpr_haystack.formats.records import parse_rows

# Fields of Haystack documents besides text and metadata; embeddings are recomputed.
_IGNORED = frozenset({"blob", "score", "embedding", "sparse_embedding"})


def read_jsonl(path: str | Path, on_bad: OnBad | None = None) -> Iterator[Passage]:
    """Read the passages of a file with one JSON object per line; blank lines are skipped.

    An object has ``text`` (or ``content``), and may have ``id`` (or ``_id``), ``title`` (also inside its metadata),
    and ``meta`` (or ``metadata``); any other key becomes metadata, as in a flat Haystack document.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :param on_bad: Called with the error of each bad line, which is skipped; None to raise the first.
    :returns: Passages with ``file`` in meta, unless their metadata has this key.
    :raises DataError: If a line is not such an object, or the file cannot be read.
    """
    lines = ((number, line) for number, line in numbered_lines(path, on_bad) if line.strip())
    yield from parse_rows(lines, lambda row: parse_passage(parse_json(row[1], path, row[0]), path, row[0]), on_bad)


def parse_passage(value: Any, path: str | Path, line: int | None = None, *, where: str = "") -> Passage:
    """Convert a JSON object to a passage; see :func:`read_jsonl`.

    :param value: The object.
    :param path: Its file, for messages.
    :param line: Its line, for messages.
    :param where: The start of messages, if there is no line.
    :raises DataError: If it is not an object as described there.
    """
    if not isinstance(value, dict):
        raise DataError(path, f"{where}must be a JSON object: got a {type(value).__name__}", line)
    rest = {key: entry for key, entry in value.items() if key not in _IGNORED}
    text = _pop_first(rest, "text", "content")
    if not isinstance(text, str) or not text.strip():
        raise DataError(path, f'{where}must have a non-blank string "text" or "content": got {text!r}', line)
    id_ = _pop_first(rest, "id", "_id")
    if isinstance(id_, bool) or not isinstance(id_, str | int | None):
        raise DataError(path, f"{where}id must be a string: got {id_!r}", line)
    meta = _pop_first(rest, "meta", "metadata")
    if not isinstance(meta, dict | None):
        raise DataError(path, f"{where}metadata must be an object: got {meta!r}", line)
    meta = {"file": str(path), **rest, **(meta or {})}
    title = rest.get("title") or meta.get("title") or ""
    if not isinstance(title, str):
        raise DataError(path, f"{where}title must be a string: got {title!r}", line)
    meta.pop("title", None)
    return make_passage(title, text, meta, None if id_ is None else str(id_))


def _pop_first(values: dict[str, Any], *names: str) -> Any:
    """Remove and return the first of the named values that is not None."""
    for name in names:
        if (value := values.pop(name, None)) is not None:
            return value
    return None
