# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Passages as records, as written by Haystack, BEIR, anserini, MS MARCO, LangChain, LlamaIndex and others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dpr_haystack.core.encoder_mark import MARK
from dpr_haystack.core.passages import Passage, clean_title, make_passage
from dpr_haystack.errors import DataError
from dpr_haystack.formats.open_text import OnBad, numbered_lines, parse_json
from dpr_haystack.formats.passage_fields import fields_of, first_of
from dpr_haystack.formats.record_kinds import joined, plain_records
from dpr_haystack.formats.records import parse_rows

# Fields of Haystack documents besides text and metadata; embeddings are recomputed.
_IGNORED = frozenset({"blob", "score", "embedding", "sparse_embedding"})


def read_jsonl(path: str | Path, on_bad: OnBad | None = None) -> Iterator[Passage]:
    """Read the passages of a file with one JSON object per line; blank lines are skipped.

    An object has a text, and may have an id, a title (also inside its metadata) and metadata, under any of the names in
    :data:`~dpr_haystack.formats.passage_fields.NAMES`; any other key becomes metadata, as in a flat Haystack document.

    :param path: The file; gzipped if its name ends in ``.gz``.
    :param on_bad: Called with the error of each bad line, which is skipped; None to raise the first.
    :returns: Passages with ``file`` in meta, unless their metadata has this key.
    :raises DataError: If a line is not such an object, or the file cannot be read.
    """
    lines = ((number, line) for number, line in numbered_lines(path, on_bad) if line.strip())
    read = parse_rows(lines, lambda row: passages_of(parse_json(row[1], path, row[0]), path, row[0]), on_bad)
    for passages in read:
        yield from passages


def passages_of(value: Any, path: str | Path, line: int | None = None, *, where: str = "") -> list[Passage]:
    """The passages of a record: one, or the paragraphs of a question as in HotpotQA.

    :param value: The record.
    :param path: Its file, for messages.
    :param line: Its line, for messages.
    :param where: The start of messages, if there is no line.
    :raises DataError: If it is not an object as described in :func:`read_jsonl`.
    """
    if not isinstance(value, dict):
        raise DataError(path, f"{where}must be a JSON object: got a {type(value).__name__}", line)
    return [parse_passage(record, path, line, where=where) for record in plain_records(value)]


def parse_passage(value: Mapping[str, Any], path: str | Path, line: int | None, *, where: str = "") -> Passage:
    """Convert a plain record to a passage. The title of a passage with an empty text becomes its text.

    :param value: The record.
    :param path: Its file, for messages.
    :param line: Its line, for messages.
    :param where: The start of messages, if there is no line.
    :raises DataError: If it is not an object as described there.
    """
    fields = fields_of(tuple(map(str, value)))
    meta = first_of(value, fields["meta"])
    if isinstance(meta, str) and meta.lstrip().startswith("{"):
        meta = parse_json(meta, path, line)  # in a table, whose columns cannot hold objects that differ
    if not isinstance(meta, dict | None):
        raise DataError(path, f"{where}metadata must be an object: got {meta!r}", line)
    rest = {key: entry for key, entry in value.items() if key not in _IGNORED and key not in fields["meta"]}
    text, id_ = joined(_taken(rest, fields["text"])), _taken(rest, fields["id"])
    title = _taken(rest, fields["title"]) or (meta or {}).get("title") or ""
    if isinstance(id_, bool) or not isinstance(id_, str | int | None):
        raise DataError(path, f"{where}id must be a string: got {id_!r}", line)
    if "\0" in str(id_):
        raise DataError(path, f"{where}id must not contain NUL: got {id_!r}", line)
    if not isinstance(title, str):
        raise DataError(path, f"{where}title must be a string: got {title!r}", line)
    if fields["text"] and (text is None or (isinstance(text, str) and not text.strip())):
        text, title = clean_title(title) or text, ""
    if not isinstance(text, str) or not text.strip():
        raise DataError(path, f'{where}must have a non-blank string "text" or "content": got {text!r}', line)
    meta = {"file": str(path), **rest, **(meta or {})}
    meta.pop("title", None)
    meta.pop(MARK, None)  # of the embedding that is left out
    return make_passage(title, text, meta, None if id_ is None else str(id_))


def _taken(values: dict[str, Any], names: Sequence[str]) -> Any:
    """Remove and return the first of the named values that is not None."""
    for name in names:
        if (value := values.pop(name, None)) is not None:
            return value
    return None
