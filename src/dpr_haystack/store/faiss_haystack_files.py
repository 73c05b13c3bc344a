# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Importing a store that faiss-haystack saved as a `.faiss` and a `.json` file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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
    return documents


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
