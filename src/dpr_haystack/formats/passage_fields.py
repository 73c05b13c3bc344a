# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Under which names files keep the id, the text and the title of a passage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

NAMES: Mapping[str, tuple[str, ...]] = {
    # anserini and BEIR; LlamaIndex; MS MARCO; TREC. A passage may name its document under one of the later names.
    "id": ("id", "_id", "id_", "pid", "passage_id", "psg_id", "docid", "doc_id", "docno"),
    # Haystack; anserini; MS MARCO 2; LangChain; MS MARCO 2 documents and segments; SQuAD as flattened by the hub
    "text": ("text", "content", "contents", "passage", "page_content", "segment", "body", "passage_text", "paragraph",
             "context", "document"),
    "title": ("title", "heading", "headline", "page_title", "article_title", "wikipedia_title", "doc_title"),
    "meta": ("meta", "metadata"),
}  # fmt: skip
"""The names of each part, in any case; of several that are present, the first counts."""

_PARTS = {name: part for part, names in NAMES.items() for name in names}


@lru_cache(1024)
def fields_of(names: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """Which of some names stand for each part, in the order of :data:`NAMES`.

    :param names: The keys of a record, or the column names of a table.
    """
    known: dict[str, list[str]] = {part: [] for part in NAMES}
    for name in names:
        if (part := part_of(name)) is not None:
            known[part].append(name)
    return {
        part: tuple(sorted(found, key=lambda name: NAMES[part].index(_plain(name)))) for part, found in known.items()
    }


def part_of(name: str) -> str | None:
    """The part that a name stands for, if any.

    :param name: A key or a column name.
    """
    return _PARTS.get(_plain(name))


def is_header(row: Sequence[str]) -> bool:
    """Whether a row has column names: it names the text or the title, and nothing in it is not a name.

    :param row: The first row of a table.
    """
    parts = [part_of(cell) for cell in row]
    named = [part for part in parts if part is not None]
    has_passages = "text" in named or "title" in named
    return has_passages and len(named) > len(row) / 3 and all(_is_name(cell) for cell in row)


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _is_name(cell: str) -> bool:
    return len(cell) <= 40 and not any(mark in cell for mark in ".!?\"'") and not cell.strip().isdigit()


def first_of(values: Mapping[str, Any], names: Sequence[str]) -> Any:
    """The first of the named values that is not None; None if all are.

    :param values: A record.
    :param names: Some of its keys.
    """
    return next((values[name] for name in names if values[name] is not None), None)
