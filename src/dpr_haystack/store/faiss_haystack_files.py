# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Taking over what faiss-haystack left: its `.faiss` and `.json` files become a store, once."""

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
    """The directory of a store by the path that faiss-haystack was given.

    faiss-haystack wrote ``wiki.faiss`` and ``wiki.json`` for ``wiki`` and for ``wiki.faiss``; a file cannot also be a
    directory, so the latter becomes ``wiki.store``.
    """
    path = Path(index_path)
    return path.with_suffix(".store") if path.suffix in _SUFFIXES else path


def left_by_faiss_haystack(index_path: str | Path) -> Path | None:
    """The `.json` file with the documents, if both files are there."""
    path = Path(index_path)
    documents = path.with_suffix(".json")
    return documents if documents.is_file() and path.with_suffix(".faiss").is_file() else None


def read_documents(path: Path) -> list[Document]:
    """The documents that faiss-haystack saved, with their embeddings.

    :param path: The `.json` file.
    :raises NotReadable: If it was cut off or is something else.
    """
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
        documents = [Document.from_dict(entry) for entry in data["documents"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"not what faiss-haystack saves ({error}); it may have been interrupted while saving"
        raise NotReadable(path, reason) from error
    return documents


def announce(path: Path, count: int, similarity: Similarity) -> None:
    """Say that documents are being taken over, and what changes with it."""
    logger.warning(
        "Taking over {count} documents that faiss-haystack left in {file}. Its two files stay as they are and are not "
        "read again. {change}",
        count=count,
        file=str(path),
        change=""
        if similarity == Similarity.L2
        else f"It ranked by L2 distance, this store by {similarity}: pass similarity='l2' to go on as before.",
    )
