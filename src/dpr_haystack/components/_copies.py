# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Copies of one document that several retrievers returned: which is kept, and what others add to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from haystack import Document


def copies_by_id(documents: list[Document]) -> dict[str, Document]:
    """The documents of a list by id; of several copies the most complete one, whatever their order.

    :param documents: The documents.
    """
    kept: dict[str, Document] = {}
    for document in documents:
        known = kept.get(document.id)
        if known is None or _copy_order(document) < _copy_order(known):
            kept[document.id] = document
    return kept


def merged_copies(copies: list[Document]) -> Document:
    """The most complete copy (the first of equals), with fields and metadata that only other copies have.

    :param copies: Documents of one id; none is changed.
    """
    if len(copies) == 1:
        return copies[0]
    base, *others = sorted(copies, key=_missing_data)
    fields: dict[str, Any] = {"meta": base.meta}
    for other in others:
        fields["meta"] = {**other.meta, **fields["meta"]}
        for field in ("content", "embedding", "sparse_embedding", "blob"):
            if getattr(base, field) is None and fields.get(field) is None:
                fields[field] = getattr(other, field)
    return replace(base, **fields)


def _copy_order(document: Document) -> tuple[int, int, str]:
    """Sort key of copies, most complete first; the text makes the order of equally complete copies deterministic."""
    text = repr((document.content, sorted(document.meta.items(), key=repr), document.score))
    return *_missing_data(document), text


def _missing_data(document: Document) -> tuple[int, int]:
    fields = (document.content, document.embedding, document.sparse_embedding, document.blob)
    return sum(value is None for value in fields), -len(document.meta)
