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
from dpr_haystack.store.layout import Layout, read_manifest
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
    :raises InputError: If the model that made the store's vectors is gone.
    """
    if model is not None:
        return model
    root = Path(directory)
    recorded = read_manifest(Layout(root)).encoder if is_store(root) else None
    if recorded is None:
        return _DEFAULT_PASSAGE_MODEL
    return found_model(str(recorded["model"]), root, "--model")


def question_model_of(store: FAISSDocumentStore) -> str:
    """The question tower that belongs to a store's vectors, by its name or path.

    A model directory holds both towers, a checkpoint with one tower is both, and the published passage towers have
    their question towers by name.

    :raises InputError: If the store does not know which passage tower made its vectors, or that model is gone.
    """
    recorded = (store.recorded_encoder or {}).get("model")
    if recorded is None and not store.count_documents():
        msg = f"{store.directory} is empty: dpr-haystack index PATHS --store {store.directory} --model M"
        raise InputError(msg)
    if recorded is None:
        msg = f"{store.directory} does not say which encoder made its vectors; name it: --question-model M"
        raise InputError(msg)
    for question, passage in PUBLISHED_PAIRS.items():
        if recorded == passage:
            return question
    return found_model(str(recorded), store.directory or Path(), "--question-model")


def found_model(model: str, store: Path, option: str) -> str:
    """A recorded model, also after it was moved together with the store; fingerprints are still compared.

    :param model: Its name or path.
    :param store: The directory of the store that names it.
    :param option: What names another model on the command line.
    :raises InputError: If it is gone.
    """
    path = Path(model)
    if not path.is_absolute() or path.exists():
        return model
    moved = store.resolve().parent / path.name
    if moved.exists():
        return str(moved)
    msg = (
        f"the model {model} that made the vectors in {store} is gone; name where it is now: {option} M "
        "(dpr-haystack index with --model notes it in the store)"
    )
    raise InputError(msg)
