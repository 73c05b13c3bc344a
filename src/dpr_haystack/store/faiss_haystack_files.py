# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Importing a store that faiss-haystack saved as a `.faiss` and a `.json` file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from haystack import logging
from haystack.dataclasses import Document

from dpr_haystack.core.similarity import Similarity
from dpr_haystack.store.errors import NotReadable

logger = logging.getLogger(__name__)

_SUFFIXES = (".faiss", ".json")


def store_directory(index_path: str | Path) -> Path:
    """The directory of a store, from a path that faiss-haystack may have used.

    faiss-haystack wrote ``wiki.faiss`` and ``wiki.json`` for both ``wiki`` and ``wiki.faiss``. The latter is a file, so
    its directory is ``wiki.store``.

    :param index_path: The path.
    """
    path = Path(index_path)
    return path.with_suffix(".store") if path.suffix in _SUFFIXES else path


def left_by_faiss_haystack(index_path: str | Path) -> Path | None:
    """The `.json` file that faiss-haystack saved; None unless both files exist.

    :param index_path: The path that faiss-haystack was given.
    """
    path = Path(index_path)
    documents = path.with_suffix(".json")
    return documents if documents.is_file() and path.with_suffix(".faiss").is_file() else None


def read_documents(path: Path) -> list[Document]:
    """The documents that faiss-haystack saved, with their embeddings.

    :param path: The `.json` file.
    :raises NotReadable: If it is truncated or not a file of faiss-haystack.
    """
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
        documents = [Document.from_dict(entry) for entry in data["documents"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"not a file that faiss-haystack saved ({error}); saving may have been interrupted"
        raise NotReadable(path, reason) from error
    return _without_invalid_vectors(path, documents)


def _without_invalid_vectors(path: Path, documents: list[Document]) -> list[Document]:
    """The documents; those with NaN in their vectors, which faiss-haystack never found, without their vectors."""
    invalid = {document.id for document in documents if not _is_finite(document.embedding)}
    if not invalid:
        return documents
    named = ", ".join(repr(name) for name in sorted(invalid)[:5]) + (", ..." if len(invalid) > 5 else "")
    logger.warning(
        "{file}: the vectors of {count} documents contain NaN, infinity or numbers outside the range of float32. These "
        "documents are imported without a vector and only found by keyword search: {ids}. Embed and write them again.",
        file=str(path),
        count=len(invalid),
        ids=named,
    )
    return [replace(document, embedding=None) if document.id in invalid else document for document in documents]


def _is_finite(embedding: Any) -> bool:
    try:
        with np.errstate(over="ignore"):
            return embedding is None or bool(np.isfinite(np.asarray(embedding, dtype=np.float32)).all())
    except (TypeError, ValueError):
        return True  # not numbers: refused with all other unsuitable documents


def announce(path: Path, count: int, similarity: Similarity) -> None:
    """Log that documents are imported, and how ranking changes.

    :param path: The `.json` file.
    :param count: Number of documents.
    :param similarity: Similarity of the store.
    """
    logger.warning(
        "Importing {count} documents that faiss-haystack saved in {file}. Its two files are left unchanged and are not "
        "read again. {change}",
        count=count,
        file=str(path),
        change=""
        if similarity == Similarity.L2
        else f"It ranked by L2 distance, this store ranks by {similarity}: pass similarity='l2' for the old ranking.",
    )
