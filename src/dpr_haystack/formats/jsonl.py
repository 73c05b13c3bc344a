# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Passages as JSON objects: our own, BEIR's, and Haystack documents as ``to_dict`` writes them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dpr_haystack.core.passages import Passage, make_passage
from dpr_haystack.errors import DataError
from dpr_haystack.formats.open_text import OnBad, numbered_lines, parse_json
from dpr_haystack.formats.records import good

# What Haystack documents carry besides text and metadata; vectors are made anew.
_LEFT_OUT = frozenset({"blob", "score", "embedding", "sparse_embedding"})


def read_jsonl(path: str | Path, on_bad: OnBad | None = None) -> Iterator[Passage]:
    """The passages of a file with one JSON object a line, blank lines left out.

    An object has ``text`` (or ``content``), and may have ``id`` (or ``_id``), ``title`` (also inside its metadata),
    and ``meta`` (or ``metadata``); any other key becomes metadata, as in a flat Haystack document.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :param on_bad: Told of lines that are no such objects, which are passed over; None to raise the first.
    :returns: Passages with ``file`` in meta, unless they bring their own.
    :raises DataError: If a line is not such an object, or the file cannot be read.
    """
    lines = ((number, line) for number, line in numbered_lines(path, on_bad) if line.strip())
    yield from good(lines, lambda row: passage_from(parse_json(row[1], path, row[0]), path, row[0]), on_bad)


def passage_from(value: Any, path: str | Path, line: int | None = None, *, where: str = "") -> Passage:
    """The passage that a JSON object describes; see :func:`read_jsonl`.

    :param value: The object.
    :param path: The file it is from.
    :param line: The line it is from.
    :param where: What goes before a message where no line says it.
    :raises DataError: If it is not such an object.
    """
    if not isinstance(value, dict):
        raise DataError(path, f"{where}expected a JSON object, got a {type(value).__name__}", line)
    rest = {key: entry for key, entry in value.items() if key not in _LEFT_OUT}
    text = _taken(rest, "text", "content")
    if not isinstance(text, str) or not text.strip():
        raise DataError(path, f'{where}has no text: expected a string under "text" or "content", got {text!r}', line)
    id_ = _taken(rest, "id", "_id")
    if isinstance(id_, bool) or not isinstance(id_, str | int | None):
        raise DataError(path, f"{where}its id must be a string, got {id_!r}", line)
    meta = _taken(rest, "meta", "metadata")
    if not isinstance(meta, dict | None):
        raise DataError(path, f"{where}its metadata must be an object, got {meta!r}", line)
    meta = {"file": str(path), **rest, **(meta or {})}
    title = rest.get("title") or meta.get("title") or ""
    if not isinstance(title, str):
        raise DataError(path, f"{where}its title must be a string, got {title!r}", line)
    meta.pop("title", None)
    return make_passage(title, text, meta, None if id_ is None else str(id_))


def _taken(values: dict[str, Any], *names: str) -> Any:
    """The first of the named values that is there, taken out."""
    for name in names:
        if (value := values.pop(name, None)) is not None:
            return value
    return None
