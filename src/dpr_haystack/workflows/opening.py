# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Which store and which towers a command means."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dpr_haystack.backends.passage_search import PassageSearch
from dpr_haystack.components.document_store import FAISSDocumentStore
from dpr_haystack.core.exact import Similarity
from dpr_haystack.core.identity import PUBLISHED_PAIRS
from dpr_haystack.core.passages import Passage
from dpr_haystack.errors import InputError
from dpr_haystack.store.layout import Layout
from dpr_haystack.store.manifests import manifest_of
from dpr_haystack.store.registry import is_store

if TYPE_CHECKING:
    from dpr_haystack.backends.registry import AnyStore

_DEFAULT_PASSAGE_MODEL = "facebook/dpr-ctx_encoder-single-nq-base"


def store_for(
    directory: str | Path,
    *,
    index: str | None = None,
    language: str | None = None,
    similarity: Similarity = "dot_product",
) -> FAISSDocumentStore:
    """The store in a directory as it was made, or a new one.

    :param index: Which dense index, from now on; None for the store's own, or Flat.
    :param language: Language of a new store's keyword index; None for English.
    :param similarity: What a new store compares vectors by.
    :raises InputError: If the store there has another language.
    """
    settings: dict[str, Any] = {}
    if index is not None:
        settings["index_string"] = index
    if language is not None:
        settings["language"] = language
    if is_store(Path(directory)):
        store = FAISSDocumentStore.from_directory(directory, **settings)
        if index is not None:
            store.record_index()
        return store
    return FAISSDocumentStore(str(directory), embedding_dim=None, similarity=similarity, **settings)


def passage_model_for(recorded: Mapping[str, Any] | None, directory: Path | None) -> str:
    """The passage tower to index with, where the user named none: the recorded one, or else the published one.

    :param recorded: The tower that made the vectors that are there, as it is recorded; None if there are none.
    :param directory: The store's directory, if it has one.
    :raises InputError: If the recorded model is gone.
    """
    if recorded is None:
        return _DEFAULT_PASSAGE_MODEL
    return found_model(str(recorded["model"]), directory, "--model")


def recorded_encoder_in(directory: str | Path) -> Mapping[str, Any] | None:
    """Which passage tower made the vectors in a directory; None if that is not recorded, or nothing is there."""
    root = Path(directory)
    return manifest_of(Layout(root)).encoder if is_store(root) else None


def all_passages(document_store: AnyStore) -> list[Passage]:
    """Every passage of a store or an index, in the order of their ids, without metadata but its heading.

    :param document_store: The store, or the store over the index.
    """
    documents = document_store.filter_documents()
    return [
        Passage(
            document.id,
            str(document.meta.get("title") or ""),
            document.content,
            {name: document.meta[name] for name in ("heading", "section") if document.meta.get(name)},
        )
        for document in sorted(documents, key=lambda each: each.id)
        if document.content
    ]


def question_model_of(search: PassageSearch) -> str:
    """The question tower that belongs to some passages' vectors, by its name or path.

    A model directory holds both towers, a checkpoint with one tower is both, and the published passage towers have
    their question towers by name.

    :raises InputError: If it is not recorded which passage tower made the vectors, or that model is gone.
    """
    recorded = (search.recorded_encoder or {}).get("model")
    if recorded is None and not search.count():
        msg = f"{search.place} is empty: fill it with dpr-haystack index PATHS --model M"
        raise InputError(msg)
    if recorded is None:
        msg = f"{search.place} does not say which encoder made its vectors; name it: --question-model M"
        raise InputError(msg)
    for question, passage in PUBLISHED_PAIRS.items():
        if recorded == passage:
            return question
    return found_model(str(recorded), search.directory, "--question-model")


def found_model(model: str, store: Path | None, option: str) -> str:
    """A recorded model, also after it was moved together with the store; fingerprints are still compared.

    :param model: Its name or path.
    :param store: The directory of the store that names it, if it has one.
    :param option: What names another model on the command line.
    :raises InputError: If it is gone.
    """
    path = Path(model)
    if not path.is_absolute() or path.exists():
        return model
    moved = None if store is None else store.resolve().parent / path.name
    if moved is not None and moved.exists():
        return str(moved)
    msg = (
        f"the model {model} that made the vectors{'' if store is None else f' in {store}'} is gone; name where it is "
        f"now: {option} M (dpr-haystack index with --model notes it beside the vectors)"
    )
    raise InputError(msg)
