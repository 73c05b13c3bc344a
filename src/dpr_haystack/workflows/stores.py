# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Which store and which towers a command means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dpr_haystack.components.document_store import FAISSDocumentStore
from dpr_haystack.core.identity import PUBLISHED_PAIRS
from dpr_haystack.errors import InputError
from dpr_haystack.store.registry import is_store

_DEFAULT_PASSAGE_MODEL = "facebook/dpr-ctx_encoder-single-nq-base"


def store_for(directory: str | Path, *, index: str | None = None, language: str | None = None) -> FAISSDocumentStore:
    """The store in a directory as it was made, or a new one.

    :param index: Which dense index; None for the store's own, or Flat.
    :param language: Language of a new store's keyword index; None for English.
    :raises InputError: If the store there has another language.
    """
    settings: dict[str, Any] = {}
    if index is not None:
        settings["index_string"] = index
    if language is not None:
        settings["language"] = language
    if is_store(Path(directory)):
        return FAISSDocumentStore.from_directory(directory, **settings)
    return FAISSDocumentStore(str(directory), embedding_dim=None, **settings)


def has_vectors(store: FAISSDocumentStore) -> bool:
    """Whether a store holds any vector."""
    return store.count_documents_by_filter({"field": "embedding", "operator": "!=", "value": None}) > 0


def passage_model_for(directory: str | Path, model: str | None) -> str:
    """The passage tower to index with.

    :param directory: The store's directory.
    :param model: What the user named; None for the tower that made the store's vectors, or else the published one.
    """
    if model is not None:
        return model
    if is_store(Path(directory)):
        recorded = FAISSDocumentStore.from_directory(directory).recorded_encoder
        if recorded is not None:
            return str(recorded["model"])
    return _DEFAULT_PASSAGE_MODEL


def question_model_of(store: FAISSDocumentStore) -> str:
    """The question tower that belongs to a store's vectors, by its name or path.

    A model directory holds both towers, a checkpoint with one tower is both, and the published passage towers have
    their question towers by name.

    :raises InputError: If the store does not know which passage tower made its vectors, or that model is gone.
    """
    recorded = (store.recorded_encoder or {}).get("model")
    if recorded is None:
        msg = f"{store.directory} does not say which encoder made its vectors; name it: --question-model M"
        raise InputError(msg)
    for question, passage in PUBLISHED_PAIRS.items():
        if recorded == passage:
            return question
    path = Path(recorded)
    if path.is_absolute() and not path.exists():
        moved = (store.directory or Path()).resolve().parent / path.name
        if moved.exists():
            return str(moved)  # the workspace was moved as a whole; the fingerprint is still compared
        msg = f"the model {recorded} that made the vectors in {store.directory} is gone; name it: --question-model M"
        raise InputError(msg)
    return str(recorded)
